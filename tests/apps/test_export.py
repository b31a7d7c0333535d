"""`imatfashion export` through its command: the files against torch, what they say by themselves, what is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from imatfashion import Predictor
from imatfashion.apps.export import command
from imatfashion.apps.export.check import LIMIT, Difference, compare, regions_of_labels, session
from imatfashion.apps.export.command import write_all
from imatfashion.apps.export.onnx_file import Exported, to_onnx
from imatfashion.apps.export.part import run_of
from imatfashion.apps.export.photos import choose_photos
from imatfashion.cli import app
from imatfashion.data.overlay import class_colors
from imatfashion.errors import FashionError
from imatfashion.models.checkpoint import load_network
from imatfashion.models.spec import ModelSpec, build_network
from imatfashion.predict.settings import Settings
from tests.predict import conftest

CLASSES = replace(
    conftest.CLASSES,
    mean=(0.4, 0.5, 0.6),
    std=(0.2, 0.25, 0.3),
    class_names=("shirt", "coat | <b>", "pocket", "shoe"),
)
# 80 is no multiple of 32: the network pads inside.
ATTRIBUTES = replace(CLASSES, stage="attributes", resolution=80)


def save(path: Path, spec: ModelSpec) -> Path:
    """A checkpoint as training writes it, with random weights and statistics."""
    torch.manual_seed(5)
    network = build_network(spec)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.normal_(module.running_mean)
    heads = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)]
    torch.nn.init.normal_(heads[-1].weight, std=0.5)
    return conftest.write_checkpoint(path, spec, network)


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["export", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("checkpoints")
    return save(folder / "classes.ckpt", CLASSES), save(folder / "attributes.ckpt", ATTRIBUTES)


@pytest.fixture(scope="module")
def exported(checkpoints: tuple[Path, Path], drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both stages, exported by the command."""
    out = tmp_path_factory.mktemp("out") / "new" / "fashion.onnx"
    code, stdout, stderr = run(
        checkpoints[0], out, "--attributes", checkpoints[1], "--photos", drawn / "train", "--checks", 5
    )
    assert code == 0, stderr
    assert "classes: 5 photos, largest difference" in stdout
    assert f"{out} (" in stdout
    return out


@pytest.fixture(scope="module")
def classes(checkpoints: tuple[Path, Path]) -> Exported:
    return to_onnx(checkpoints[0], "classes")


def images(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def normalised(image: np.ndarray, spec: ModelSpec) -> torch.Tensor:
    """By the definition, in numpy."""
    scaled = (image / 255 - np.array(spec.mean)) / np.array(spec.std)
    return torch.from_numpy(scaled.transpose(0, 3, 1, 2).astype(np.float32))


@pytest.mark.parametrize("count", [1, 3])
def test_classes_are_torchs(exported: Path, checkpoints: tuple[Path, Path], count: int) -> None:
    image = images(count, 64)
    (found,) = session(exported).run(None, {"image": image})
    with torch.inference_mode():
        expected = load_network(checkpoints[0])[1](normalised(image, CLASSES)).softmax(2)
    assert found.shape == (count, 2, 5, 64, 64)
    assert len(np.unique(found.argmax(2))) > 2
    np.testing.assert_allclose(found, expected, atol=2e-5)
    np.testing.assert_array_equal(found[:, 0, 2], 0)  # the pocket has no place in the first layer


@pytest.mark.parametrize("count", [1, 7])
def test_attributes_are_torchs(exported: Path, checkpoints: tuple[Path, Path], count: int) -> None:
    rng = np.random.default_rng(count)
    regions = np.full((2, 2, 80, 80), -1, dtype=np.int16)
    owner, kinds = rng.integers(0, 2, count), rng.integers(0, 4, count)
    for number, (photo, kind) in enumerate(zip(owner, kinds, strict=True)):
        y, x = rng.integers(0, 60, 2)
        regions[photo, CLASSES.layer_of_class[kind], y : y + 17, x : x + 9] = number
    image = images(2, 80)
    with torch.inference_mode():
        tensors = map(torch.from_numpy, (regions, owner, kinds))
        expected = load_network(checkpoints[1])[1](normalised(image, ATTRIBUTES), *tensors).sigmoid()
    masks = np.stack([(regions == number).any(axis=(0, 1)) for number in range(count)])
    inputs = {"image": image, "masks": masks, "garment_photo": owner, "garment_class": kinds}
    (found,) = session(exported.with_suffix(".attributes.onnx")).run(None, inputs)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    for row, kind in zip(found, kinds, strict=True):
        assert set(np.flatnonzero(row > 0)) <= set(CLASSES.allowed_pairs[kind])


def test_a_garment_without_pixels_is_judged_by_the_whole_photo(exported: Path) -> None:
    network = session(exported.with_suffix(".attributes.onnx"))
    masks = np.stack([np.zeros((80, 80), dtype=bool), np.ones((80, 80), dtype=bool)])
    zeros = np.zeros(2, dtype=np.int64)
    inputs = {"image": images(1, 80), "masks": masks, "garment_photo": zeros, "garment_class": zeros}
    (found,) = network.run(None, inputs)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[0, [0, 2]], found[1, [0, 2]], atol=0.2)


@pytest.mark.parametrize("changes", [{"pooling": "image"}, {"class_given": False}])
def test_every_kind_of_head(classes: Exported, tmp_path: Path, changes: dict[str, Any]) -> None:
    head = to_onnx(save(tmp_path / "head.ckpt", replace(ATTRIBUTES, **changes)), "attributes")
    _, found = compare(choose_photos(None, None, 3), classes, head)
    assert found.photos == 3
    assert found.garments > 3
    assert found.largest < 1e-5


def test_the_file_alone_suffices(exported: Path, checkpoints: tuple[Path, Path]) -> None:
    meta = json.loads(session(exported).get_modelmeta().custom_metadata_map["imatfashion"])
    assert meta["class_names"] == list(CLASSES.class_names)
    assert meta["class_ids"] == [0, 3, 10, 23]
    assert (meta["resolution"], meta["resize"], meta["mean"], meta["std"]) == (
        64,
        "squash",
        [0.4, 0.5, 0.6],
        [0.2, 0.25, 0.3],
    )
    assert np.array(meta["colors"]).shape == (5, 3)
    assert len(meta["checkpoint"]) == 64
    for path in (exported, exported.with_suffix(".attributes.onnx")):
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        assert not model.graph.node[0].metadata_props
        sizes = [value.type.tensor_type.shape.dim[0].dim_param for value in model.graph.input]
        assert sizes == ["photos", *["garments"] * (len(sizes) - 1)]
        assert b"site-packages" not in path.read_bytes()
        assert str(Path.home()).encode() not in path.read_bytes()


def test_nothing_else_is_left(exported: Path) -> None:
    names = sorted(path.name for path in exported.parent.iterdir())
    assert names == ["fashion.attributes.onnx", "fashion.md", "fashion.onnx"]


def test_the_same_checkpoint_gives_the_same_bytes(exported: Path, classes: Exported) -> None:
    assert exported.read_bytes() == classes.data


@pytest.mark.parametrize("largest", [2e-4, float("nan")])
def test_a_file_that_differs_is_never_kept(
    classes: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, largest: float
) -> None:
    (tmp_path / "x.onnx").write_text("the last export")
    monkeypatch.setattr(command, "to_onnx", lambda *_: classes)
    monkeypatch.setattr(command, "compare", lambda *_: [Difference(largest=largest, photos=1)])
    code, _, stderr = run(classes.checkpoint, tmp_path / "x.onnx")
    assert code == 2
    assert "differs from torch" in stderr
    assert [path.read_text() for path in tmp_path.iterdir()] == ["the last export"]


def test_a_file_of_another_normalisation_is_seen(classes: Exported) -> None:
    photos = choose_photos(None, None, 1)
    assert compare(photos, classes, None)[0].largest < 1e-5
    other = replace(classes, spec=replace(CLASSES, mean=(0.45, 0.5, 0.6)))
    assert compare(photos, other, None)[0].largest > LIMIT


def test_differences_keep_nan() -> None:
    difference = Difference()
    difference.add(np.array([np.nan], dtype=np.float32), np.array([0], dtype=np.float32))
    difference.add(np.array([1], dtype=np.float32), np.array([0.5], dtype=np.float32))
    assert np.isnan(difference.largest)


def test_regions_of_labels() -> None:
    labels = np.full((2, 2, 64, 64), 4, dtype=np.uint8)
    labels[0, 0, :32], labels[0, 1, :, :32] = 3, 2
    regions, owner, kinds = regions_of_labels(labels, ATTRIBUTES)
    assert regions.shape == (2, 2, 80, 80)
    np.testing.assert_array_equal(owner, [0, 0, 1])
    np.testing.assert_array_equal(kinds, [3, 2, 0])
    assert (regions[0, 0, :40] == 0).all()
    assert (regions[0, 1, :, :40] == 1).all()
    assert (regions[1, 0] == 2).all()  # nothing was found there: the photo as a whole


def change(name: str, tmp_path: Path, checkpoints: tuple[Path, Path]) -> list[object]:
    """Arguments with one mistake."""
    classes, attributes = checkpoints
    out, empty, texts = tmp_path / "x.onnx", tmp_path / "empty", tmp_path / "texts"
    empty.mkdir()
    texts.mkdir()
    (texts / "a.jpg").write_text("no photo")
    (tmp_path / "old.attributes.onnx").write_text("")
    others = replace(ATTRIBUTES, class_ids=(0, 1, 2, 3))
    return {
        "swapped": [attributes, out],
        "none": [tmp_path / "no.ckpt", out],
        "ending": [classes, tmp_path / "x.pt"],
        "folder": [classes, out, "--photos", tmp_path / "nowhere"],
        "empty": [classes, out, "--photos", empty],
        "texts": [classes, out, "--photos", texts],
        "same": [classes, classes],
        "checks": [classes, out, "--checks", 0],
        "old": [classes, tmp_path / "old.onnx"],
        "others": [classes, out, "--attributes", save(tmp_path / "others.ckpt", others)],
        "place": [classes, texts / "a.jpg" / "x.onnx", "--checks", 1],
    }[name]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("swapped", "is a checkpoint of stage=attributes"),
        ("none", "there is no checkpoint"),
        ("ending", "must end in .onnx"),
        ("folder", "there is no folder"),
        ("empty", "holds no photo"),
        ("texts", "could be read"),
        ("same", "must end in .onnx"),
        ("checks", "give 1 or more"),
        ("old", "give --attributes or remove it"),
        ("others", "was trained on other classes"),
        ("place", "cannot be written"),
    ],
)
def test_mistakes_are_sentences(name: str, sentence: str, tmp_path: Path, checkpoints: tuple[Path, Path]) -> None:
    arguments = change(name, tmp_path, checkpoints)
    code, stdout, stderr = run(*arguments)
    assert code == 2
    assert stdout == ""
    assert sentence in stderr
    assert not list(tmp_path.glob("x*"))


def test_the_extra_is_named_where_it_is_missing(
    checkpoints: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imatfashion.apps.export.onnx_file.find_spec", lambda name: None if name == "onnxscript" else 1)
    code, _, stderr = run(checkpoints[0], tmp_path / "x.onnx")
    assert code == 2
    assert "exporting needs onnxscript, which is not installed; run: pip install 'imatfashion[export]'" in stderr


def test_a_network_without_a_form_in_onnx(
    checkpoints: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise torch.onnx.OnnxExporterError("no such operator\nand a long story")

    monkeypatch.setattr(torch.onnx, "export", refuse)
    code, _, stderr = run(checkpoints[0], tmp_path / "x.onnx")
    assert code == 2
    assert "has no form in ONNX (no such operator)" in stderr


def test_files_get_their_names_together(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()  # a folder where a file should come
    (tmp_path / "b" / "kept").write_text("")
    (tmp_path / "a").write_text("old")
    with pytest.raises(FashionError, match="cannot be written"):
        write_all({tmp_path / "b": b"new", tmp_path / "a": b"new"})
    assert (tmp_path / "a").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_fifty_real_photos(shared: Path, classes: Exported) -> None:
    (found,) = compare(choose_photos(shared / "data" / "ccp" / "train", None, 50), classes, None)
    assert found.photos == 50
    assert found.largest <= 1e-4


def test_photos_of_the_run_are_the_default(drawn: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    checkpoint = save(run_dir / "checkpoints" / "best.ckpt", CLASSES)
    assert run_of(checkpoint) is None
    (run_dir / "config.yaml").write_text(json.dumps({"data": {"root": str(drawn)}}))
    found = run_of(checkpoint)
    assert found is not None
    chosen = choose_photos(None, command._root(found), 3)
    assert chosen.origin == f"photos of {drawn}"
    assert len(list(chosen)) == 3
    (run_dir / "config.yaml").write_text(json.dumps({"data": {"root": "no/such/folder"}}))
    found = run_of(checkpoint)
    assert found is not None
    drawn_anew = list(choose_photos(None, command._root(found), 2))
    assert len(drawn_anew) == 2
    assert not np.array_equal(drawn_anew[0][:200, :200], drawn_anew[1][:200, :200])


def test_broken_photos_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no photo")
    (tmp_path / "below").mkdir()
    Image.fromarray(images(1, 50)[0]).save(tmp_path / "below" / "b.PNG")
    (photo,) = choose_photos(tmp_path, None, 5)
    np.testing.assert_array_equal(photo, images(1, 50)[0])


def run_example(script: Path, folder: Path, photo: Path, file: Path) -> tuple[str, Path]:
    """Run an example where torch cannot be imported; what it printed, and its picture."""
    (folder / "blocked").mkdir(exist_ok=True)
    (folder / "blocked" / "torch.py").write_text("raise ImportError('torch is blocked')")
    out = folder / "out.png"
    done = subprocess.run(
        [sys.executable, "-W", "error", script, photo, file, out],
        env={**os.environ, "PYTHONPATH": str(folder / "blocked")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, out


def shares(printed: str) -> dict[str, float]:
    """Share of the picture, percent, by the name of the class."""
    lines = [re.fullmatch(r"(.+) \((.+)% of the picture\)(.*)", line) for line in printed.splitlines()]
    return {line[1]: float(line[2]) for line in lines if line}


def expected_shares(checkpoint: Path, photo: Path) -> dict[str, float]:
    prediction = Predictor.load(checkpoint, device="cpu")(photo, Settings(components="no"))
    return {garment.name: 100 * garment.mask.mean() for garment in prediction}


@pytest.fixture(params=["onnx_photo.py", "onnx_garments.py"])
def script(request: pytest.FixtureRequest, repository: Path) -> Path:
    return repository / "examples" / request.param


def test_the_short_example_has_20_lines_and_is_the_one_in_the_docs(repository: Path) -> None:
    code = (repository / "examples" / "onnx_photo.py").read_text(encoding="utf-8").split('"""\n\n')[1]
    assert len([line for line in code.splitlines() if line]) <= 20
    assert f"```python\n{code}```" in (repository / "docs" / "EXPORT.md").read_text(encoding="utf-8")


def test_example_without_torch(exported: Path, checkpoints: tuple[Path, Path], script: Path, tmp_path: Path) -> None:
    Image.fromarray(blocks(64, 64)).save(tmp_path / "photo.png")
    printed, out = run_example(script, tmp_path, tmp_path / "photo.png", exported)
    # A photo of the network's own size is resized by neither, so that they must agree to the pixel.
    expected = {
        name: share for name, share in expected_shares(checkpoints[0], tmp_path / "photo.png").items() if share > 0.05
    }
    assert len(expected) > 1
    assert shares(printed) == pytest.approx(expected, abs=0.051)
    attributes = {word for line in printed.splitlines() for word in line.split(")")[-1].split(", ")[1:]}
    assert attributes <= set(CLASSES.attribute_names)
    picture = np.asarray(Image.open(out)).astype(int)
    tint = 2.5 * (picture - 0.4 * blocks(64, 64))  # / 0.6 · 1.5: undo the blend
    colors = np.array(class_colors(4))[[CLASSES.class_names.index(name) for name in shares(printed)]]
    distances = np.abs(tint[:, :, None] / 1.5 - colors).max(axis=3).min(axis=2)
    assert np.mean(distances < 4) > 0.05  # garments have their class's colour


def test_example_with_padding(exported: Path, script: Path, tmp_path: Path) -> None:
    checkpoint = save(tmp_path / "padded.ckpt", replace(CLASSES, resize="pad"))  # the same weights
    model = onnx.load(exported)
    (entry,) = model.metadata_props
    entry.value = json.dumps(json.loads(entry.value) | {"resize": "pad"})
    onnx.save(model, tmp_path / "padded.onnx")
    Image.fromarray(blocks(64, 128)).save(tmp_path / "photo.png")
    printed, out = run_example(script, tmp_path, tmp_path / "photo.png", tmp_path / "padded.onnx")
    with Image.open(out) as picture:
        assert picture.size == (128, 128)
    large = {name for name, share in expected_shares(checkpoint, tmp_path / "photo.png").items() if share > 5}
    assert large
    assert large <= set(shares(printed))


def blocks(height: int, width: int) -> np.ndarray:
    colours = np.random.default_rng(4).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(colours).resize((width, height), Image.Resampling.BICUBIC))
