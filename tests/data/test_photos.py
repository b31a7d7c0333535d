from __future__ import annotations

import os
import pickle
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from imatfashion.data.jpeg import exif_orientation
from imatfashion.data.photos import PhotoError, check_photo, read_header, read_photo


@pytest.fixture
def picture():
    """Six by four flat fields of 16 pixels: JPEG keeps them nearly as they are."""
    fields = np.random.default_rng(0).integers(0, 255, (4, 6, 3))
    return np.kron(fields, np.ones((16, 16, 1))).astype(np.uint8)


def close(first, second, tolerance=4):
    assert first.shape == second.shape
    return int(np.abs(first.astype(int) - second.astype(int)).max()) <= tolerance


def store(path, picture, orientation=1, **options):
    exif = Image.Exif()
    exif[0x0112] = orientation
    if path.suffix == ".jpg":
        options = {"quality": 100, "subsampling": 0, **options}
    Image.fromarray(picture).save(path, exif=exif, **options)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("ending", "options"), [("jpg", {}), ("png", {}), ("webp", {"lossless": True})])
def test_photo_is_shown_as_viewers_do(tmp_path, picture, orientation, ending, options):
    path = store(tmp_path / f"x.{ending}", picture, orientation, **options)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert read_header(path) == (64, 96, orientation)
    assert close(read_photo(path), expected)


@pytest.mark.parametrize("orientation", [3, 6])
def test_tiff_counts_as_upright(tmp_path, picture, orientation):
    path = store(tmp_path / "x.tif", picture, orientation)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert read_header(path) == (*expected.shape[:2], 1)
    assert np.array_equal(read_photo(path), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_table_size_decides_the_orientation(tmp_path, picture, orientation):
    path = store(tmp_path / "x.jpg", picture, orientation)
    shown = (96, 64) if orientation > 4 else (64, 96)
    assert close(read_photo(path, size=shown), read_photo(path))
    stored = read_photo(path, size=(64, 96))
    assert stored.shape == (64, 96, 3)
    if orientation > 4:
        assert close(stored, picture)
        assert check_photo(path, 96, 64) is None
    assert check_photo(path, 64, 96) is None


def test_other_size_is_refused_with_both_sizes(tmp_path, picture):
    path = store(tmp_path / "x.jpg", picture)
    assert check_photo(path, 64, 95) == "it has 64 × 96 pixels where the table says 64 × 95"
    with pytest.raises(PhotoError, match="64 × 96 pixels where the table says 64 × 95"):
        read_photo(path, size=(64, 95))


@pytest.mark.parametrize(
    ("enough", "orientation", "shape"),
    [
        ((8, 12), 1, (8, 12)),
        ((9, 12), 1, (16, 24)),
        ((16, 25), 1, (32, 48)),
        ((40, 1), 1, (64, 96)),
        ((500, 500), 1, (64, 96)),
        ((12, 8), 6, (12, 8)),
        ((8, 12), 6, (24, 16)),
    ],
)
def test_reduced_scale_stays_large_enough(tmp_path, picture, enough, orientation, shape):
    path = store(tmp_path / "x.jpg", picture, orientation)
    assert read_photo(path, at_least=enough).shape == (*shape, 3)


def test_reduced_photo_is_the_average(tmp_path, picture):
    path = store(tmp_path / "x.jpg", picture)
    assert close(read_photo(path, at_least=(8, 12)), picture[4::8, 4::8])


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_jpeg_modes_give_rgb(tmp_path, picture, mode):
    path = tmp_path / "x.jpg"
    Image.fromarray(picture).convert(mode).save(path, quality=100)
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    assert close(read_photo(path), expected, tolerance=6)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_png_modes_give_rgb(tmp_path, picture, mode):
    path = tmp_path / "x.png"
    image = Image.fromarray(picture).convert(mode)
    image.save(path)
    assert np.array_equal(read_photo(path), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_lies_over_white(tmp_path, mode):
    grey = np.full((4, 4, 4), 100, dtype=np.uint8)
    grey[..., 3] = [0, 0, 255, 255]
    path = tmp_path / "x.png"
    image = Image.fromarray(grey)
    (image.convert("LA") if mode == "LA" else image.quantize() if mode == "PA" else image).save(path)
    found = read_photo(path)
    assert (found[:, :2] == 255).all()
    assert close(found[:, 2:], np.full((4, 2, 3), 100))


def test_sixteen_bits_keep_the_high_byte(tmp_path):
    values = np.array([[0, 255, 256], [32768, 40000, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "x.png")
    assert np.array_equal(read_photo(tmp_path / "x.png")[..., 1], values >> 8)


def test_missing_empty_and_foreign_files(tmp_path):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("not a photo at all")
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    for name, reason in {
        "none.jpg": "it is missing",
        "empty.jpg": "it is empty",
        "text.jpg": "it is not an image",
        "folder.jpg": "it is not a file",
        "pipe.jpg": "it is not a file",
        "phone.heic": "it is a HEIC photo: convert it to JPEG",
    }.items():
        assert check_photo(tmp_path / name, 4, 4) == reason
        with pytest.raises(PhotoError, match=reason):
            read_photo(tmp_path / name)
        with pytest.raises(PhotoError, match=reason):
            read_header(tmp_path / name)


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_truncated_anywhere_is_noticed(tmp_path, picture, ending):
    whole = store(tmp_path / f"whole.{ending}", picture, 6).read_bytes()
    path = tmp_path / f"cut.{ending}"
    for end in [*range(3, len(whole) - 12, 97), len(whole) - 12]:
        path.write_bytes(whole[:end])
        assert check_photo(path, 64, 96) is not None, end
        with pytest.raises(PhotoError):
            read_photo(path)


def test_truncated_jpeg_with_a_whole_thumbnail_is_noticed(tmp_path, picture):
    thumbnail = b"\xff\xd8 a picture of its own \xff\xd9"
    data = store(tmp_path / "x.jpg", picture).read_bytes()
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 8) + b"Exif\0\0" + thumbnail
    path = tmp_path / "y.jpg"
    path.write_bytes(data[:2] + segment + data[2:-2])
    assert check_photo(path, 64, 96) == "it is truncated"


def test_what_follows_the_end_does_not_matter(tmp_path, picture):
    path = store(tmp_path / "x.jpg", picture)
    path.write_bytes(path.read_bytes() + b"\0" * 200_000)
    assert check_photo(path, 64, 96) is None
    assert read_photo(path).shape == (64, 96, 3)


def test_bombs_are_refused_unread(tmp_path, picture):
    jpeg = bytearray(store(tmp_path / "x.jpg", picture).read_bytes())
    at = next(i for i in range(len(jpeg)) if jpeg[i : i + 2] == b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 60000, 60000)
    (tmp_path / "x.jpg").write_bytes(jpeg)
    png = bytearray(store(tmp_path / "x.png", picture).read_bytes())
    png[16:24] = struct.pack(">II", 60000, 60000)
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    (tmp_path / "x.png").write_bytes(png)
    for name in ("x.jpg", "x.png"):
        with pytest.raises(PhotoError, match="more than 178956970"):
            read_photo(tmp_path / name)


def test_damaged_exif_is_no_orientation():
    assert exif_orientation(b"") == 1
    assert exif_orientation(b"II*\0\xff\xff\xff\xff") == 1
    assert exif_orientation(b"II*\0" + struct.pack("<IH", 8, 500)) == 1
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, 99, 0)
    assert exif_orientation(b"MM\0*" + struct.pack(">IH", 8, 1) + entry) == 1


def test_the_orientation_may_be_the_last_of_many_entries() -> None:
    other = struct.pack("<HHIHH", 0x0110, 3, 1, 7, 0)
    entries = other * 39 + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    assert exif_orientation(b"II*\0" + struct.pack("<IH", 8, 40) + entries) == 6


def test_error_survives_pickling(tmp_path):
    error = pickle.loads(pickle.dumps(PhotoError(tmp_path / "x.jpg", "it is empty")))
    assert str(error) == f"the photo {tmp_path / 'x.jpg'} cannot be read: it is empty"
    assert error.reason == "it is empty"


def test_random_bytes_never_crash(tmp_path, picture):
    rng = np.random.default_rng(1)
    path = tmp_path / "x"
    for ending in ("jpg", "png", "webp"):
        whole = store(tmp_path / f"whole.{ending}", picture, 5).read_bytes()
        for _ in range(40):
            data = bytearray(whole)
            for at in rng.integers(0, len(data), 8):
                data[at] = rng.integers(256)
            path.write_bytes(data)
            try:
                assert read_photo(path).dtype == np.uint8
            except PhotoError:
                continue
