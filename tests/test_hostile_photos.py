"""Photos and names made to do harm, through the readers and through predict.py and `imatfashion index`."""

from __future__ import annotations

import csv
import io
import os
import resource
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from imatfashion.cli import app
from imatfashion.config.schema import PredictConfig
from imatfashion.data.photos import PhotoError, read_header, read_photo
from imatfashion.errors import FashionError
from imatfashion.predict.images import find_photos
from imatfashion.predict.run import run_prediction
from tests.predict.conftest import CLASSES, save_checkpoint
from tests.test_bad_input import write_data

FORMULA = '=HYPERLINK("x";"y").jpg'


def field(width: int = 90, height: int = 60) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8))


def encoded(form: str, image: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (image or field()).save(out, form, **options)
    return out.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def png(width: int, height: int, pixels: bytes) -> bytes:
    """A grey PNG whose header says so, whatever its pixels are."""
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(pixels, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def gif(width: int, height: int) -> bytes:
    small = encoded("GIF", field(8, 6))
    return small[:6] + width.to_bytes(2, "little") + height.to_bytes(2, "little") + small[10:]


def text_bomb() -> bytes:
    """A PNG with a compressed text of 300 MB."""
    small = encoded("PNG", field(8, 6))
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(300 * 10**6), 9))
    return small[:33] + text + small[33:]


BOMBS = {
    "a PNG of 10^10 pixels": png(100_000, 100_000, bytes(1000)),
    "a PNG of 2^31 columns": png(2**31 - 1, 1, bytes(1000)),
    "a PNG whose pixels unpack to 100 MB": png(8, 6, bytes(10**8)),
    "a PNG of too few pixels": png(1000, 1000, bytes(10)),
    "a PNG with a text of 300 MB": text_bomb(),
    "a GIF of 65535 x 65535": gif(65_535, 65_535),
    "a BMP of 2^30 rows": encoded("BMP")[:22] + (2**30).to_bytes(4, "little") + encoded("BMP")[26:],
}
SHAPES = {
    "1 x 65000 JPEG": (encoded("JPEG", field(1, 65_000)), (65_000, 1)),
    "65000 x 1 JPEG": (encoded("JPEG", field(65_000, 1)), (1, 65_000)),
    "1 x 65000 PNG": (encoded("PNG", field(1, 65_000)), (65_000, 1)),
    "CMYK JPEG": (encoded("JPEG", field().convert("CMYK")), (60, 90)),
    "CMYK TIFF": (encoded("TIFF", field().convert("CMYK")), (60, 90)),
    "16-bit PNG": (encoded("PNG", Image.new("I;16", (90, 60), 40_000)), (60, 90)),
    "16-bit TIFF": (encoded("TIFF", Image.new("I;16", (90, 60), 40_000)), (60, 90)),
    "1-bit PNG": (encoded("PNG", field().convert("1")), (60, 90)),
    "palette PNG, transparent": (encoded("PNG", field().convert("P"), transparency=3), (60, 90)),
    "animated GIF": (encoded("GIF", save_all=True, append_images=[field().rotate(180)] * 5), (60, 90)),
    "animated WebP": (encoded("WEBP", save_all=True, append_images=[field().rotate(180)] * 5), (60, 90)),
    "animated PNG": (encoded("PNG", save_all=True, append_images=[field().rotate(180)] * 5), (60, 90)),
    "JPEG named .png": (encoded("JPEG"), (60, 90)),
    "WebP named .jpg": (encoded("WEBP"), (60, 90)),
}


@pytest.mark.parametrize("kind", SHAPES)
def test_shapes_and_modes_are_read_as_rgb(tmp_path: Path, kind: str) -> None:
    content, size = SHAPES[kind]
    path = tmp_path / ("x.png" if "named .png" in kind else "x.jpg")
    path.write_bytes(content)
    image = read_photo(path)
    assert image.shape == (*size, 3)
    assert image.dtype == np.uint8
    assert read_photo(path, at_least=(8, 8)).shape[2] == 3


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_a_photo_cut_anywhere_is_refused_or_read(tmp_path: Path, form: str) -> None:
    content, path = encoded(form), tmp_path / "x.jpg"
    outcomes = set()
    for end in range(0, len(content), max(1, len(content) // 40)):
        path.write_bytes(content[:end])
        try:
            outcomes.add(read_photo(path).shape)
        except PhotoError as error:
            outcomes.add("refused" if "\n" not in str(error) else str(error))
    assert "refused" in outcomes
    assert outcomes <= {"refused", (60, 90, 3)}


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_are_refused_or_harmless(tmp_path: Path, kind: str) -> None:
    """In a process that may hold half a gigabyte beyond what its imports take."""
    path = tmp_path / "x.jpg"
    path.write_bytes(BOMBS[kind])
    assert len(BOMBS[kind]) < 10**6
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from imatfashion.data.photos import PhotoError, read_header, read_photo\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for read in (read_header, read_photo):\n"
        "    try:\n"
        "        read(Path(sys.argv[1]))\n"
        "    except PhotoError as error:\n"
        "        print(error.reason)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) < 150_000, "kilobytes"
    assert done.stderr == ""


def test_predict_lists_bombs_and_reads_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    good = {kind: content for kind, (content, _) in SHAPES.items()}
    for number, content in enumerate([*BOMBS.values(), *good.values()]):
        (photos / f"{number:02}.jpg").write_bytes(content)
    (photos / FORMULA.replace('"', "'")).write_bytes(encoded("JPEG"))
    run_prediction(predicted(tmp_path, str(photos)))
    with (tmp_path / "out.csv").open(newline="") as file:
        names = {row["ImageId"] for row in csv.DictReader(file)}
    # ImageId must be the photo's name to the last character: the competition compares it.
    assert names == {path.name for path in photos.iterdir()}
    assert "could not be read" in capsys.readouterr().err


def predicted(folder: Path, images: str, **more: object) -> PredictConfig:
    checkpoint = save_checkpoint(folder / "best.ckpt", CLASSES)
    options = {"device": "cpu", "progress": False, "output": str(folder / "out.csv"), **more}
    return PredictConfig(classes_ckpt=str(checkpoint), images=images, **options)  # type: ignore[arg-type]


# Names


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (".", "names the folder"),
        ("/", "names the folder"),
        ("sub", "names the folder"),
        ("\0.jpg", "cannot be written to a text file"),
        ("\x1b[2J.jpg", "cannot be written to a text file"),
        ("a.jpg", "twice"),
        ("sub/../a.jpg", "twice"),
    ],
)
def test_lists_of_strange_lines(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.jpg").write_bytes(encoded("JPEG"))
    (tmp_path / "list.txt").write_text(f"a.jpg\n{line}\n")
    with pytest.raises(FashionError, match=words):
        find_photos(str(tmp_path / "list.txt"))


def test_a_name_too_long_is_a_photo_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded("JPEG"))
    (tmp_path / "list.txt").write_text(f"a.jpg\n{'x' * 5000}.jpg\n")
    run_prediction(predicted(tmp_path, str(tmp_path / "list.txt")))
    assert "file name too long" in capsys.readouterr().err
    for images in ("x" * 5000, "x" * 5000 + "*.jpg"):
        with pytest.raises(FashionError, match=r"cannot be looked through \(file name too long\)"):
            find_photos(images)


def test_pictures_of_photos_from_anywhere_lie_below_their_folder(tmp_path: Path) -> None:
    home, other = tmp_path / "home" / "photos", tmp_path / "other"
    for folder in (home, other):
        folder.mkdir(parents=True)
        (folder / "a.jpg").write_bytes(encoded("JPEG"))
    (home / "list.txt").write_text(f"a.jpg\n../../other/a.jpg\n{tmp_path}/home/photos/../photos/missing.jpg\n")
    before = set(tmp_path.rglob("*"))
    out = tmp_path / "home" / "out"
    run_prediction(predicted(tmp_path / "home", str(home / "list.txt"), overlays=str(out / "overlays")))
    made = [path for path in set(tmp_path.rglob("*")) - before if path.suffix == ".jpg"]
    assert len(made) == 2
    assert all(path.is_relative_to(out / "overlays") for path in made)


LINKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file that is no photo": (lambda path: path.symlink_to("/etc/passwd"), "it is not an image"),
    "a device without end": (lambda path: path.symlink_to("/dev/zero"), "it is not a file"),
    "a pipe": (os.mkfifo, "it is not a file"),
    "itself": (lambda path: path.symlink_to(path.name), "too many levels of symbolic links"),
    "a folder": (lambda path: path.symlink_to(".."), "it is not a file"),
}


@pytest.mark.parametrize("kind", LINKS)
def test_links_out_of_the_photo_folder(tmp_path: Path, kind: str) -> None:
    make, words = LINKS[kind]
    root = write_data(tmp_path, "b.jpg,1 2,8,6,3", "x.jpg,1 2,8,6,3")
    make(root / "train" / "x.jpg")
    with pytest.raises(PhotoError, match=words):
        read_header(root / "train" / "x.jpg")
    done = CliRunner().invoke(app, ["index", str(root)])
    assert done.exit_code == 0
    assert f"(x.jpg): {words}" in done.stdout


def test_formulas_in_refused_csv_are_text(tmp_path: Path) -> None:
    names = [f'"{FORMULA.replace(chr(34), chr(34) * 2)}"', "+1.jpg", "-1.jpg", "@a.jpg"]
    root = write_data(tmp_path, "b.jpg,1 2,8,6,3", *(f"{name},1 2,8,6,3" for name in names), "b.jpg,=1+1,8,6,3")
    assert CliRunner().invoke(app, ["index", str(root)]).exit_code == 0
    (path,) = (root / ".imatfashion").glob("*.table/refused.csv")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 6
    assert rows[1][1] == f"'{FORMULA}"
    assert all(cell[:1] not in {"=", "+", "-", "@", "\t", "\r"} for row in rows for cell in row)


@pytest.mark.parametrize("runs", ["1 1 " * 200_000, "1 1000000000 " * 100_000, " ".join(map(str, range(1, 400_001)))])
def test_endless_run_lists_are_listed_at_once(tmp_path: Path, runs: str) -> None:
    root = write_data(tmp_path, "b.jpg,1 2,8,6,3", f"a.jpg,{runs},8,6,3")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    done = CliRunner().invoke(app, ["index", str(root)])
    assert done.exit_code == 0
    assert "1 record refused" in done.stdout
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 5
    (path,) = (root / ".imatfashion").glob("*.table/refused.csv")
    assert path.stat().st_size < 1000
