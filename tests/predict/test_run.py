"""Whole predictions: every photo, in order, resumable, in parts, in each format."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from imatfashion.config.schema import PredictConfig
from imatfashion.data.annotations import Annotations
from imatfashion.data.labels import Labels
from imatfashion.data.records import EmptyPhoto, Garment
from imatfashion.data.sources.source import Source
from imatfashion.data.sources.submission import read
from imatfashion.errors import FashionError
from imatfashion.predict.merge import merge
from imatfashion.predict.parts import read_part
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.run import run_prediction
from imatfashion.predict.settings import Settings
from imatfashion.predict.stream import stream

NAMES = ["a.jpg", "b.png", "c, d.jpg", "d_broken.jpg", "e.jpg", "g.jpg", "sub/f.jpg"]
IDS, ATTRIBUTE_IDS = (0, 3, 10, 23), (2, 5, 40)
ALLOWED = {0: {2, 40}, 3: {2, 5, 40}, 10: {5}, 23: set()}
Make = Callable[..., PredictConfig]


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_every_photo_in_order_with_filler(config: Make, capsys: pytest.CaptureFixture[str]) -> None:
    out = run_prediction(config())
    header, *rows = rows_of(out)
    assert header == ["ImageId", "EncodedPixels", "ClassId"]
    assert list(dict.fromkeys(row[0] for row in rows)) == NAMES
    assert [row[1:] for row in rows if row[0] == "d_broken.jpg"] == [["1 1", "23"]]
    assert {int(row[2]) for row in rows} <= set(IDS)
    assert len(rows) > len(NAMES)
    told = capsys.readouterr().err
    assert "1 of 7 photos could not be read" in told
    assert "d_broken.jpg: it is truncated" in told
    assert sorted(path.name for path in out.parent.iterdir()) == ["submission.csv"]


def test_attributes_are_allowed_and_rising(config: Make, attributes_ckpt: Path) -> None:
    out = run_prediction(config(attributes_ckpt=str(attributes_ckpt), threshold=0.3))
    cells = [[int(part) for part in row[2].split("_")] for row in rows_of(out)[1:]]
    assert any(len(cell) > 1 for cell in cells)
    for class_id, *attributes in cells:
        assert attributes == sorted(attributes)
        assert set(attributes) <= ALLOWED[class_id]


def test_submission_reads_back_as_the_same_masks(config: Make, tmp_path: Path) -> None:
    settings = config()
    predictor = Predictor.load(settings.classes_ckpt, device="cpu")
    out = run_prediction(settings)
    classes, attributes = Labels(IDS, ("",) * 4, ("",) * 4), Labels(ATTRIBUTE_IDS, ("",) * 3, ("",) * 3)
    source = Source(
        "submission", out, None, tmp_path, classes, attributes, 64, None, lambda _: read(_, sorted_only=True)
    )
    records = list(read(source, sorted_only=True))
    assert [record.photo for record in records if isinstance(record, EmptyPhoto)] == ["d_broken.jpg"]
    for name in (name for name in NAMES if name != "d_broken.jpg"):
        expected = predictor(Path(settings.images) / name, Settings(side=64)).result.garments
        found = [record for record in records if isinstance(record, Garment) and record.photo == name]
        assert [record.class_id for record in found] == [IDS[garment.class_index] for garment in expected]
        for record, garment in zip(found, expected, strict=True):
            np.testing.assert_array_equal(record.runs.starts, garment.runs.starts)
            np.testing.assert_array_equal(record.runs.lengths, garment.runs.lengths)


class _KilledError(Exception):
    pass


@pytest.mark.parametrize("torn", [0, 10])
def test_goes_on_after_a_kill(config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torn: int) -> None:
    whole = run_prediction(config("whole.csv")).read_bytes()

    def killed(*args: object, **options: object) -> object:
        for count, result in enumerate(stream(*args, **options)):  # type: ignore[arg-type]
            if count == 4:
                raise _KilledError
            yield result

    monkeypatch.setattr("imatfashion.predict.run.stream", killed)
    with pytest.raises(_KilledError):
        run_prediction(config())
    monkeypatch.undo()
    part = tmp_path / "submission.csv.part"
    assert [result.name for result in read_part(part)] == NAMES[:4]
    part.write_bytes(part.read_bytes()[: -torn or None])
    seen: list[str] = []

    def watched(predictor: Predictor, photos: list, *args: object, **options: object) -> object:
        seen.extend(photo.name for photo in photos)
        return stream(predictor, photos, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("imatfashion.predict.run.stream", watched)
    assert run_prediction(config()).read_bytes() == whole
    assert seen == (NAMES[3:] if torn else NAMES[4:])
    assert not part.exists()


def test_a_part_of_other_settings_is_refused(config: Make, tmp_path: Path) -> None:
    part = tmp_path / "submission.csv.part"
    run_prediction(config(shard="0/2"))
    (tmp_path / "submission.csv.part-0-of-2").rename(part)
    with pytest.raises(FashionError, match=r"other settings \(shards\)"):
        run_prediction(config())
    part.write_bytes(b"ImageId\n")
    with pytest.raises(FashionError, match="not a part of a prediction"):
        run_prediction(config())
    assert part.read_bytes() == b"ImageId\n"


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_shards_merge_to_the_single_run(config: Make, tmp_path: Path, order: list[int]) -> None:
    whole = run_prediction(config("whole.json"))
    outs = [run_prediction(config("parts.json", shard=f"{shard}/3")) for shard in order]
    assert [out.name for out in outs[:2]] == [f"parts.json.part-{shard}-of-3" for shard in order[:2]]
    assert outs[2].read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parts.json", "whole.json"]


@pytest.mark.parametrize("workers", [1, 5])
def test_threads_change_no_byte(config: Make, tmp_path: Path, workers: int) -> None:
    two = run_prediction(config(output=tmp_path / "two.csv")).read_bytes()
    assert run_prediction(config(output=tmp_path / "other.csv", workers=workers)).read_bytes() == two


def test_more_shards_than_photos(config: Make, photos: Path) -> None:
    whole = run_prediction(config("whole.csv", images=str(photos / "a.jpg"))).read_bytes()
    outs = [run_prediction(config(images=str(photos / "a.jpg"), shard=f"{shard}/3")) for shard in range(3)]
    assert outs[2].read_bytes() == whole


def test_ranks_of_torchrun_are_shards(config: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert run_prediction(config()).name == "submission.csv.part-1-of-2"


# pycocotools itself warns: its arrays do not know numpy 2's `copy`.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_coco_opens_with_pycocotools(config: Make, attributes_ckpt: Path, photos: Path) -> None:
    out = run_prediction(config("garments.json", size="photo", attributes_ckpt=str(attributes_ckpt), threshold=0.3))
    coco = COCO(str(out))
    assert [image["file_name"] for image in coco.dataset["images"]] == NAMES
    sizes = {image["file_name"]: (image["height"], image["width"]) for image in coco.dataset["images"]}
    assert sizes["e.jpg"] == (300, 200)
    assert sizes["g.jpg"] == (110, 50)  # turned, as viewers show it
    assert [category["id"] for category in coco.loadCats(coco.getCatIds())] == list(IDS)
    predictor = Predictor.load(config().classes_ckpt, attributes_ckpt, device="cpu")
    for image in coco.dataset["images"]:
        found = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
        if image["file_name"] == "d_broken.jpg":
            assert found == []
            continue
        masks = predictor(photos / image["file_name"]).masks
        assert len(masks) == len(found) > 0
        for mask, annotation in zip(masks, found, strict=True):
            np.testing.assert_array_equal(coco.annToMask(annotation).astype(bool), mask)
            assert annotation["area"] == mask.sum()
            assert set(annotation["attribute_ids"]) <= ALLOWED[annotation["category_id"]]
            ys, xs = np.nonzero(mask)
            corner = [xs.min(), ys.min(), xs.max() - xs.min() + 1, ys.max() - ys.min() + 1]
            assert annotation["bbox"] == corner
            assert 0 < annotation["score"] <= 1


def test_pngs_have_the_photos_size_and_class_ids(config: Make, photos: Path) -> None:
    out = run_prediction(config("maps", size="photo", overlap="none"))
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    assert found == ["a.png", "b.png", "c, d.png", "d_broken.png", "e.png", "g.png", "sub/f.png"]
    with Image.open(out / "g.png") as picture:
        assert picture.size == (50, 110)
    predictor = Predictor.load(config().classes_ckpt, device="cpu")
    prediction = predictor(photos / "e.jpg", Settings(overlap="none"))
    expected = np.full((300, 200), 255)  # 0 is a class here
    for mask, garment in zip(prediction.masks, prediction.result.garments, strict=True):
        assert (expected[mask] == 255).all()
        expected[mask] = IDS[garment.class_index]
    np.testing.assert_array_equal(np.asarray(Image.open(out / "e.png")), expected)


def test_table_is_on_the_grid_and_knows_its_checkpoint(config: Make, classes_ckpt: Path) -> None:
    table = Annotations(run_prediction(config("predicted.table")))
    assert [table.name(photo) for photo in range(len(table))] == NAMES
    assert {table.size(photo) for photo in range(len(table))} == {(64, 64)}
    assert table.meta["kind"] == "prediction"
    assert table.meta["checkpoint"] == [hashlib.sha256(classes_ckpt.read_bytes()).hexdigest()]
    broken = table.find("d_broken.jpg")
    assert broken is not None
    assert len(table.garments(broken)) == 0
    assert table.classes.ids == IDS
    assert (table.garment_score > 0).all()


def test_min_area_and_components(config: Make) -> None:
    whole = rows_of(run_prediction(config("whole.csv")))
    split = rows_of(run_prediction(config("split.csv", components="yes")))
    assert len(split) > len(whole)
    large = rows_of(run_prediction(config("large.csv", components="yes", min_area=200)))
    areas = [sum(map(int, row[1].split()[1::2])) for row in large[1:] if row[1] != "1 1"]
    assert min(areas) >= 200
    assert {row[0] for row in large[1:]} == set(NAMES)


def test_tuning_file(config: Make, tmp_path: Path) -> None:
    tuning = tmp_path / "tuning.json"
    tuning.write_text(json.dumps({"min_score": {"0": 2, "3": 2, "10": 2, "23": 2}}))
    assert {row[1] for row in rows_of(run_prediction(config(tuning=str(tuning))))[1:]} == {"1 1"}
    faults = (('{"min_area": {"7": 1}}', "which the model lacks"), ("{}", "none of"), ("[", "not valid JSON"))
    for content, sentence in faults:
        tuning.write_text(content)
        with pytest.raises(FashionError, match=sentence):
            run_prediction(config("other.csv", tuning=str(tuning)))


def test_overlays(config: Make, tmp_path: Path, photos: Path) -> None:
    run_prediction(config(overlays=str(tmp_path / "pictures")))
    found = sorted(path.relative_to(tmp_path / "pictures").as_posix() for path in tmp_path.rglob("pictures/**/*.jpg"))
    assert found == ["a.jpg", "b.png.jpg", "c, d.jpg", "e.jpg", "g.jpg", "sub/f.jpg"]
    with pytest.raises(FashionError, match="would write over the photo"):
        run_prediction(config("other.csv", overlays=str(photos)))


@pytest.mark.parametrize("folder", ["maps", "maps/pictures"])
def test_overlays_do_not_lie_in_the_output(folder: str, config: Make, tmp_path: Path) -> None:
    given = config("maps", format="png", size="photo", overlays=str(tmp_path / folder))
    with pytest.raises(FashionError, match="lies in output="):
        run_prediction(given)
    assert not (tmp_path / "maps").exists()


def test_overlays_do_not_hurt_the_photos(config: Make, tmp_path: Path, photos: Path) -> None:
    mine = tmp_path / "photos"
    (mine / "sub").mkdir(parents=True)
    for name in ("a.jpg", "sub/a.jpg"):
        (mine / name).write_bytes((photos / "a.jpg").read_bytes())
    before = (mine / "sub" / "a.jpg").read_bytes()
    given = config(images=str(mine), overlays=str(mine / "sub"))
    with pytest.raises(FashionError, match="would write over the photo"):
        run_prediction(given)
    assert (mine / "sub" / "a.jpg").read_bytes() == before
    with pytest.raises(FashionError, match="lies among the photos"):
        run_prediction(replace(given, overlays=str(mine / "pictures")))
    run_prediction(replace(given, overlays=str(mine / ".pictures")))
    assert (mine / ".pictures" / "sub" / "a.jpg").is_file()


def test_each_attribute_checkpoint_is_read_before_photos(config: Make, attributes_ckpt: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "typo.ckpt", tmp_path):
        with pytest.raises(FashionError, match=str(path)):
            run_prediction(config(attributes_ckpt=[str(attributes_ckpt), str(path)]))


@pytest.mark.parametrize("output", ["", ".", "/"])
def test_an_output_has_a_name(output: str, config: Make) -> None:
    for format in (None, "png"):
        with pytest.raises(FashionError, match="names no file or folder"):
            run_prediction(replace(config(), output=output, format=format))


def test_outputs_of_others_are_not_overwritten(config: Make, tmp_path: Path) -> None:
    first = run_prediction(config()).read_bytes()
    assert run_prediction(config()).read_bytes() == first
    (tmp_path / "train.csv").write_text("ImageId,EncodedPixels,Height,Width,ClassId\n")
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "own.png").write_bytes(b"")
    for output in ("train.csv", "maps"):
        with pytest.raises(FashionError, match="is there"):
            run_prediction(config(output))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"output": "out.xlsx"}, "does not tell its format"),
        ({"format": "voc"}, "format=voc is not a choice"),
        ({"size": "large"}, "size=large"),
        ({"size": "photo"}, "not for a submission"),
        ({"format": "coco", "output": "x.table"}, "contradict"),
        ({"output": "x.table", "min_area": 5}, "before post-processing"),
        ({"threshold": 2.0}, "between 0 and 1"),
        ({"shard": "3/3"}, "i/n"),
        ({"batch_size": 0}, "at least 1"),
        ({"workers": 0}, "workers=0"),
        ({"device": "tpu"}, "device=tpu"),
        ({"images": "nowhere"}, "no folder, list or photo"),
        ({"classes_ckpt": "nowhere.ckpt"}, "nowhere.ckpt"),
    ],
)
def test_bad_configs_are_sentences(config: Make, changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(FashionError, match=sentence):
        run_prediction(config(**changes))


def test_the_wrong_stage_is_a_sentence(config: Make, attributes_ckpt: Path) -> None:
    with pytest.raises(FashionError, match="stage=attributes"):
        run_prediction(config(classes_ckpt=str(attributes_ckpt)))


def test_a_failure_before_the_first_photo_leaves_nothing(config: Make, tmp_path: Path) -> None:
    with pytest.raises(FashionError):
        run_prediction(config(device="cuda:99"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("output", ["x.table", "maps"])
def test_killed_between_the_folder_and_the_removal_of_its_part(
    config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    part = tmp_path / f"{output}.part"

    def killed(*args: object) -> None:
        lines = part.read_bytes()
        merge(*args)  # type: ignore[arg-type]
        part.write_bytes(lines)
        raise _KilledError

    with monkeypatch.context() as patch:
        patch.setattr("imatfashion.predict.run.merge", killed)
        with pytest.raises(_KilledError):
            run_prediction(config(output))
    made = {path: path.read_bytes() for path in (tmp_path / output).rglob("*") if path.is_file()}
    assert run_prediction(config(output)) == tmp_path / output
    assert not part.exists()
    assert made == {path: path.read_bytes() for path in (tmp_path / output).rglob("*") if path.is_file()}
    if output.endswith(".table"):
        # It says itself what made it: the same command has nothing left to do, another one is refused.
        assert run_prediction(config(output)) == tmp_path / output
        assert made == {path: path.read_bytes() for path in (tmp_path / output).rglob("*") if path.is_file()}
    else:
        with pytest.raises(FashionError, match="is there already"):
            run_prediction(config(output))
    with pytest.raises(FashionError, match="is there already"):
        run_prediction(config(output, components="no"))
    # A folder beside a part that is not whole is somebody else's.
    part.write_bytes(b"")
    with pytest.raises(FashionError, match="is there already"):
        run_prediction(config(output))
