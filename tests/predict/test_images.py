import errno
import os
from pathlib import Path

import pytest

from imatfashion.errors import FashionError
from imatfashion.predict.images import Photo, find_photos


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    for name in ("b.jpg", "a.JPG", "sub/c.png", "sub/deep/d.webp", ".hidden/e.jpg", "._a.jpg", "notes.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def names(photos: list[Photo]) -> list[str]:
    return [photo.name for photo in photos]


def test_folder_goes_through_subfolders_without_hidden_ones(folder: Path) -> None:
    photos = find_photos(str(folder))
    assert names(photos) == ["a.JPG", "b.jpg", "sub/c.png", "sub/deep/d.webp"]
    assert all(photo.path == folder / photo.name for photo in photos)


def test_globs_name_photos_below_their_fixed_part(folder: Path) -> None:
    assert names(find_photos(f"{folder}/*.jpg")) == ["b.jpg"]
    assert names(find_photos(f"{folder}/sub/**/*")) == ["c.png", "deep/d.webp"]
    assert names(find_photos(f"{folder}/s*/*.png")) == ["sub/c.png"]


def test_relative_glob(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert names(find_photos("sub/*.png")) == ["c.png"]
    assert names(find_photos("*.jpg")) == ["b.jpg"]


def test_a_photo_with_wildcards_in_its_name_is_a_photo(folder: Path) -> None:
    (folder / "photo[1].jpg").write_bytes(b"x")
    assert names(find_photos(str(folder / "photo[1].jpg"))) == ["photo[1].jpg"]


def test_list_keeps_its_order_and_missing_photos(folder: Path) -> None:
    listed = folder / "notes.txt"
    listed.write_text(f"sub/c.png\n\n{folder}/a.JPG\nsub/gone.jpg\n", encoding="utf-8")
    assert names(find_photos(str(listed))) == ["sub/c.png", "a.JPG", "sub/gone.jpg"]


def test_list_relative_to_the_working_directory(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (tmp_path / "list.txt").write_text("sub/c.png\nsub/deep/d.webp\n", encoding="utf-8")
    assert names(find_photos(str(tmp_path / "list.txt"))) == ["c.png", "deep/d.webp"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a.JPG\nb.jpg\na.JPG\n", "twice, in lines 1 and 3"),
        (b"gone.jpg\n", "none of the 1 paths"),
        (b"", "none of the 0 paths"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
    ],
)
def test_bad_lists(folder: Path, content: bytes, sentence: str) -> None:
    (folder / "notes.txt").write_bytes(content)
    with pytest.raises(FashionError, match=sentence):
        find_photos(str(folder / "notes.txt"))


def test_nothing_found(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "model.ckpt").write_bytes(b"x")
    for images, sentence in (
        (tmp_path / "empty", "holds no photo"),
        (tmp_path / "nowhere", "no folder, list or photo"),
        (folder / "*.tiff", "fits the pattern"),
        (tmp_path / "model.ckpt", "neither a photo"),
    ):
        with pytest.raises(FashionError, match=sentence):
            find_photos(str(images))


@pytest.mark.parametrize("name", [b"caf\xe9.jpg", b"two\nlines.jpg"])
def test_names_that_no_text_file_can_hold(tmp_path: Path, name: bytes) -> None:
    (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    with pytest.raises(FashionError, match="rename it"):
        find_photos(str(tmp_path))


def test_links_to_folders_are_followed(folder: Path, tmp_path: Path) -> None:
    for name in ("elsewhere/x.jpg", "elsewhere/in/y.jpg", "elsewhere/.hidden/z.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / ".secret").symlink_to(tmp_path / "elsewhere")
    photos = find_photos(str(folder))
    assert names(photos) == ["a.JPG", "b.jpg", "link/in/y.jpg", "link/x.jpg", "sub/c.png", "sub/deep/d.webp"]
    assert photos[3].path == folder / "link" / "x.jpg"


def test_no_folder_is_gone_through_twice(folder: Path, tmp_path: Path) -> None:
    before = names(find_photos(str(folder)))
    (folder / "sub" / "loop").symlink_to(folder)
    (folder / "sub" / "self").symlink_to("self")
    # It sorts before the folder itself, whose photos keep their names.
    (folder / "again").symlink_to(folder / "sub")
    assert names(find_photos(str(folder))) == before
    # Both lead to one folder: the first by name counts, on every machine.
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.jpg").write_bytes(b"x")
    for name in ("two", "one"):
        (folder / name).symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(folder)
    assert set(names(find_photos(str(folder)))) - set(before) == {"one/x.jpg"}


def test_a_folder_that_cannot_be_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = names(find_photos(str(folder)))
    (folder / "lost+found").mkdir()  # of a disk, its administrator's alone
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith(locked):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    locked = "lost+found"
    assert names(find_photos(str(folder))) == before
    locked = "deep"
    with pytest.raises(FashionError, match=r"the folder .*sub/deep cannot be looked through \(permission denied\); ma"):
        find_photos(str(folder))
