"""Several checkpoints and several looks: their mean probability, against plain torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from imatfashion.config.schema import PredictConfig
from imatfashion.data.annotations import Annotations
from imatfashion.errors import FashionError
from imatfashion.masks.runs import decode_runs
from imatfashion.models.checkpoint import load_network
from imatfashion.predict.inputs import image_input, read_input
from imatfashion.predict.looks import Look, LookOptions, own_size
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.run import run_prediction
from imatfashion.predict.settings import Settings

Make = Callable[..., PredictConfig]
SIDE = 64
LAYERS = (0, 0, 1, 0)


def probabilities(path: Path, photo: Path, *, flip: bool = False) -> torch.Tensor:
    """What a squashing checkpoint says about a photo, (L, C + 1, h, w), by plain torch."""
    spec, network = load_network(path)
    image = read_input("a", photo, [Look.of(spec)]).samples[Look.of(spec)].image
    values = (torch.tensor(image.copy()).permute(2, 0, 1)[None] / 255 - 0.5) / 0.25
    with torch.no_grad():
        scores = network(values.flip(-1)).flip(-1) if flip else network(values)
    return scores[0].softmax(1)


def labels_of_mean(given: Sequence[torch.Tensor], side: int = SIDE) -> np.ndarray:
    return torch.stack(list(given)).mean(0).argmax(1).numpy() if given[0].shape[-1] == side else np.empty(0)


def labels(predictor: Predictor, photo: Path, side: int = SIDE) -> np.ndarray:
    """The label maps (L, side, side) that a prediction's garments are of."""
    found = predictor(photo, Settings(side=side, components="no")).result.garments
    maps = np.full((2, side, side), 4)
    for garment in found:
        maps[LAYERS[garment.class_index]][decode_runs(garment.runs, side, side)] = garment.class_index
    return maps


def same(found: np.ndarray, expected: np.ndarray) -> bool:
    """Equal but for a pixel or two whose best classes are equally probable."""
    assert found.shape == expected.shape
    return bool(np.mean(found != expected) < 1e-3)


@pytest.mark.parametrize("name", ["a.jpg", "e.jpg"])
def test_the_mirrored_photo_is_averaged(classes_ckpt: Path, photos: Path, name: str) -> None:
    photo = photos / name
    once, mirrored = probabilities(classes_ckpt, photo), probabilities(classes_ckpt, photo, flip=True)
    predictor = Predictor.load(classes_ckpt, device="cpu", options=LookOptions(flip=True))
    expected = labels_of_mean([once, mirrored])
    assert same(labels(predictor, photo), expected)
    assert not same(expected, labels_of_mean([once]))
    # A garment's score is the mean of the averaged probabilities over its pixels.
    mean = ((once + mirrored) / 2).numpy()
    for garment in predictor(photo, Settings(side=SIDE, components="no")).result.garments:
        mask = decode_runs(garment.runs, SIDE, SIDE)
        layer = LAYERS[garment.class_index]
        assert garment.score == pytest.approx(mean[layer, garment.class_index][mask].mean(), rel=1e-4)


def test_checkpoints_are_averaged_whatever_their_order(
    classes_ckpt: Path, others: dict[str, Path], photos: Path
) -> None:
    paths = [classes_ckpt, others["weights"], others["backbone"]]
    expected = labels_of_mean([probabilities(path, photos / "e.jpg") for path in paths])
    for order in (paths, paths[::-1]):
        assert same(labels(Predictor.load(order, device="cpu"), photos / "e.jpg"), expected)
    assert not same(expected, labels(Predictor.load(classes_ckpt, device="cpu"), photos / "e.jpg"))


def test_other_sizes_are_averaged_on_the_largest_checkpoints_grid(
    classes_ckpt: Path, others: dict[str, Path], photos: Path
) -> None:
    small, large = (probabilities(path, photos / "e.jpg") for path in (classes_ckpt, others["large"]))
    brought = torch.nn.functional.interpolate(small, (96, 96), mode="bilinear", align_corners=False)
    predictor = Predictor.load([classes_ckpt, others["large"]], device="cpu")
    assert same(labels(predictor, photos / "e.jpg", 96), labels_of_mean([brought, large], 96))


def test_a_padding_checkpoint_lies_on_the_photo(others: dict[str, Path], classes_ckpt: Path, photos: Path) -> None:
    """The squashing checkpoint twice and the padding one twice: where each alone agrees, so does their mean."""
    alone = [labels(Predictor.load(path, device="cpu"), photos / "e.jpg") for path in (classes_ckpt, others["padded"])]
    both = labels(Predictor.load([classes_ckpt, others["padded"]], device="cpu"), photos / "e.jpg")
    agree = alone[0] == alone[1]
    assert agree.mean() > 0.2
    assert np.mean(both[agree] == alone[0][agree]) > 0.9


def test_scales_look_at_other_sizes(classes_ckpt: Path, photos: Path) -> None:
    predictor = Predictor.load(classes_ckpt, device="cpu", options=LookOptions(scales=(0.5, 1.0, 1.5)))
    assert [look.resolution for look in predictor.looks] == [32, 64, 96]
    plain = labels(Predictor.load(classes_ckpt, device="cpu"), photos / "e.jpg")
    assert not same(labels(predictor, photos / "e.jpg"), plain)


def test_scales_that_come_to_the_same_size_are_looked_at_once(classes_ckpt: Path) -> None:
    predictor = Predictor.load(classes_ckpt, device="cpu", options=LookOptions(scales=(1.0, 1.01, 1.1)))
    assert [look.resolution for look in predictor.looks] == [64]


@pytest.mark.parametrize(
    ("size", "resolution", "expected"),
    [
        ((300, 200), 64, (64, 64)),
        ((830, 550), 160, (192, 128)),
        ((550, 830), 160, (128, 192)),
        ((3000, 2000), 512, (640, 416)),
        ((2, 3000), 64, (32, 128)),
        ((3000, 1), 512, (8192, 32)),
        ((1, 1), 224, (224, 224)),
    ],
)
def test_own_sizes(size: tuple[int, int], resolution: int, expected: tuple[int, int]) -> None:
    assert own_size(*size, resolution) == expected


def test_own_aspect_sees_the_photo_unsquashed(classes_ckpt: Path, photos: Path) -> None:
    predictor = Predictor.load(classes_ckpt, device="cpu", options=LookOptions(own_aspect=True))
    (look,) = predictor.looks
    stripes = np.zeros((400, 100, 3), dtype=np.uint8)
    stripes[:200] = 255
    image = image_input("a", stripes, [look]).samples[look].image
    assert image.shape == (128, 32, 3)
    assert (image[:64] == 255).all()
    assert not image[64:].any()
    # A square photo is seen as ever.
    plain = Predictor.load(classes_ckpt, device="cpu")
    np.testing.assert_array_equal(predictor(photos / "b.png").masks, plain(photos / "b.png").masks)


def test_photos_of_all_aspects_stream_as_they_are_alone(classes_ckpt: Path, photos: Path) -> None:
    predictor = Predictor.load(classes_ckpt, device="cpu", options=LookOptions(own_aspect=True, flip=True))
    paths = [photos / name for name in ("c, d.jpg", "a.jpg", "e.jpg")]
    for path, streamed in zip(paths, predictor.predict_photos(paths, batch_size=3), strict=True):
        np.testing.assert_array_equal(streamed.masks, predictor(path).masks)


def asked(predictor: Predictor, photo: Path) -> np.ndarray:
    """Probabilities of a photo's garments, (g, A)."""
    assert predictor.attribute_stage is not None
    (found,) = predictor.find([read_input("a", photo, predictor.looks)], [Settings(side=SIDE)], 1, map)
    (given,) = predictor.attribute_stage.probabilities(found)
    return given


def test_attributes_are_averaged(
    classes_ckpt: Path, attributes_ckpt: Path, others: dict[str, Path], photos: Path
) -> None:
    pair = (attributes_ckpt, others["attributes"])
    first, second = (asked(Predictor.load(classes_ckpt, path, "cpu"), photos / "e.jpg") for path in pair)
    both = asked(Predictor.load(classes_ckpt, pair, "cpu"), photos / "e.jpg")
    np.testing.assert_allclose(both, (first + second) / 2, rtol=1e-5)
    assert not np.allclose(first, second)


def test_the_mirrored_photo_has_mirrored_regions(classes_ckpt: Path, attributes_ckpt: Path, photos: Path) -> None:
    predictor = Predictor.load(classes_ckpt, attributes_ckpt, "cpu", LookOptions(flip=True))
    assert predictor.attribute_stage is not None
    (stage,) = predictor.attribute_stage.stages
    seen = []

    def network(images: torch.Tensor, regions: torch.Tensor, _: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        seen.append((images, regions))
        return torch.full((len(classes), 3), float(len(seen)))

    stage.network = network  # type: ignore[assignment]
    given = asked(predictor, photos / "e.jpg")
    (images, regions), (mirrored_images, mirrored_regions) = seen
    torch.testing.assert_close(mirrored_images, images.flip(-1))
    torch.testing.assert_close(mirrored_regions, regions.flip(-1))
    assert not torch.equal(regions, mirrored_regions)
    np.testing.assert_allclose(given, torch.tensor([1.0, 2.0]).sigmoid().mean(), rtol=1e-6)


def test_disagreeing_checkpoints_are_refused(
    classes_ckpt: Path, attributes_ckpt: Path, others: dict[str, Path], config: Make
) -> None:
    for name, sentence in (("one layer", "other label layers"), ("other classes", "other classes")):
        with pytest.raises(FashionError, match=f"{name}.ckpt .*{sentence} than .*best.ckpt"):
            run_prediction(config(classes_ckpt=[str(classes_ckpt), str(others[name])]))
    with pytest.raises(FashionError, match="other attributes"):
        Predictor.load(classes_ckpt, [attributes_ckpt, others["other attributes"]], "cpu")
    with pytest.raises(FashionError, match="the attribute checkpoint was trained on other classes"):
        Predictor.load(others["other classes"], attributes_ckpt, "cpu")


def test_a_table_keeps_all_hashes(config: Make, classes_ckpt: Path, others: dict[str, Path]) -> None:
    from hashlib import sha256

    paths = [classes_ckpt, others["weights"]]
    table = Annotations(run_prediction(config("out.table", classes_ckpt=[str(path) for path in paths])))
    assert table.meta["checkpoint"] == [sha256(path.read_bytes()).hexdigest() for path in paths]


@pytest.mark.parametrize("changes", [{"tta": "flip"}, {"tta_scales": [1.0, 1.5]}, {"aspect": "own"}])
def test_an_unfinished_prediction_goes_on_only_with_the_same_looks(
    config: Make, tmp_path: Path, changes: dict[str, object]
) -> None:
    whole = run_prediction(config("whole.csv", **changes)).read_bytes()
    run_prediction(config(shard="0/2"))
    with pytest.raises(FashionError, match=rf"other settings \({next(iter(changes))}\)"):
        run_prediction(config(shard="0/2", **changes))
    outs = [run_prediction(config("parts.csv", shard=f"{shard}/2", **changes)) for shard in range(2)]
    assert outs[1].read_bytes() == whole
    assert whole != run_prediction(config("plain.csv")).read_bytes()


def test_folds_together_predict_new_photos(
    config: Make, tmp_path: Path, classes_ckpt: Path, others: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for name, path in (("0", classes_ckpt), ("1", others["weights"])):
        (tmp_path / "sweep" / name / "checkpoints").mkdir(parents=True)
        (tmp_path / "sweep" / name / "checkpoints" / "best.ckpt").write_bytes(path.read_bytes())
        (tmp_path / "sweep" / name / "split.json").write_text(json.dumps({"val": [f"new{name}.jpg"], "train": []}))
        (tmp_path / "sweep" / name / "summary.json").write_text("{}")
    sweep = str(tmp_path / "sweep")
    with pytest.raises(FashionError, match="folds=ensemble predicts others"):
        run_prediction(config(classes_ckpt=sweep))
    together = run_prediction(config(classes_ckpt=sweep, folds="ensemble")).read_bytes()
    assert "out of fold" not in capsys.readouterr().err
    listed = config("listed.csv", classes_ckpt=[str(classes_ckpt), str(others["weights"])])
    assert run_prediction(listed).read_bytes() == together
    (tmp_path / "sweep" / "0" / "split.json").write_text(json.dumps({"val": ["new0.jpg"], "train": ["a.jpg"]}))
    run_prediction(config(classes_ckpt=sweep, folds="ensemble"))
    assert "1 of 7 photos belong to the folds' own data" in capsys.readouterr().err
    with pytest.raises(FashionError, match="wants classes_ckpt=SWEEP_DIR"):
        run_prediction(config(folds="ensemble"))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"classes_ckpt": {"a": 1}}, "neither a checkpoint nor a list"),
        ({"classes_ckpt": ["a.ckpt", "a.ckpt"]}, "names a.ckpt twice"),
        ({"classes_ckpt": ["a.ckpt", None]}, "neither a checkpoint nor a list"),
        ({"attributes_ckpt": [True]}, "neither a checkpoint nor a list"),
        ({"tta": "mirror"}, "tta=mirror is not a choice"),
        ({"aspect": "wide"}, "aspect=wide is not a choice"),
        ({"folds": "all"}, "folds=all is not a choice"),
        ({"tta_scales": []}, "tta_scales="),
        ({"tta_scales": [0.0]}, "tta_scales="),
    ],
)
def test_bad_configs_are_sentences(config: Make, changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(FashionError, match=sentence):
        run_prediction(config(**changes))
