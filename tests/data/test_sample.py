"""The drawn data set's files: layout, determinism, what the labels promise, what is refused."""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from imatfashion.data.sample import draw_sample
from imatfashion.errors import FashionError

Row = dict[str, str]
WITH_ATTRIBUTES = range(13)
PATTERNS = {61, 66, 67, 72}
PHOTOS = 120

csv.field_size_limit(sys.maxsize if sys.maxsize < 2**31 else 2**31 - 1)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("drawn")
    draw_sample(out, photos=PHOTOS, seed=3)
    return out


def rows_of(path: Path) -> list[Row]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def digests(out: Path) -> dict[str, str]:
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in out.rglob("*")
        if path.is_file()
    }


def by_photo(rows: list[Row]) -> dict[str, list[Row]]:
    out = defaultdict(list)
    for row in rows:
        out[row["ImageId"]].append(row)
    return out


def labels(row: Row) -> tuple[int, set[int]]:
    first, *rest = map(int, row["ClassId"].split("_"))
    return first, set(rest)


def mask_of(row: Row) -> npt.NDArray[np.bool_]:
    """Read by the format's words alone: pixels counted from 1, down the columns."""
    height, width = int(row["Height"]), int(row["Width"])
    flat = np.zeros(height * width, dtype=bool)
    numbers = [int(word) for word in row["EncodedPixels"].split()]
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        assert start >= 1
        assert start - 1 + length <= flat.size
        assert not flat[start - 1 : start - 1 + length].any()
        flat[start - 1 : start - 1 + length] = True
    return flat.reshape(width, height).T


def test_layout_is_the_competitions(drawn: Path) -> None:
    assert {path.name for path in drawn.iterdir()} == {
        "train", "test", "train.csv", "test.csv", "label_descriptions.json",
    }  # fmt: skip
    for part, count in (("train", PHOTOS), ("test", PHOTOS // 5)):
        rows = rows_of(drawn / f"{part}.csv")
        assert list(rows[0]) == ["ImageId", "EncodedPixels", "Height", "Width", "ClassId"]
        photos = {path.name for path in (drawn / part).iterdir()}
        assert len(photos) == count
        assert photos == {row["ImageId"] for row in rows}


def test_few_photos_still_have_eight_test_photos(tmp_path: Path) -> None:
    draw_sample(tmp_path, photos=4, size=(96, 72))
    assert len(list((tmp_path / "test").iterdir())) == 8


def test_sizes_are_the_photos_and_vary(drawn: Path) -> None:
    sizes = set()
    for name, rows in by_photo(rows_of(drawn / "train.csv")).items():
        with Image.open(drawn / "train" / name) as photo:
            assert photo.format == "JPEG"
            assert {(int(row["Width"]), int(row["Height"])) for row in rows} == {photo.size}
            sizes.add(photo.size)
    assert len(sizes) > PHOTOS // 2
    assert all(240 <= side <= 420 for size in sizes for side in size)


def test_size_can_be_forced(tmp_path: Path) -> None:
    draw_sample(tmp_path, photos=4, size=(100, 130))
    rows = rows_of(tmp_path / "train.csv") + rows_of(tmp_path / "test.csv")
    assert {(row["Height"], row["Width"]) for row in rows} == {("100", "130")}


def test_label_file_has_what_is_used_under_its_fields(drawn: Path) -> None:
    text = json.loads((drawn / "label_descriptions.json").read_text())
    for kind in ("categories", "attributes"):
        assert all(set(item) == {"id", "name", "supercategory", "level"} for item in text[kind])
        ids = [item["id"] for item in text[kind]]
        assert ids == sorted(set(ids))
    used = [labels(row) for row in rows_of(drawn / "train.csv")]
    assert {category for category, _ in used} == {item["id"] for item in text["categories"]}
    assert set().union(*(attributes for _, attributes in used)) == {item["id"] for item in text["attributes"]}


def test_labels_are_the_real_ones(drawn: Path, shared: Path) -> None:
    ours = json.loads((drawn / "label_descriptions.json").read_text())
    theirs = json.loads((shared / "data" / "labels" / "label_descriptions_2019.json").read_text())
    for kind in ("categories", "attributes"):
        real = {item["id"]: item for item in theirs[kind]}
        assert all(real[item["id"]] == item for item in ours[kind])


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        draw_sample(tmp_path / name, photos=5, seed=seed, size=(120, 90))
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a")["train/train_00000.jpg"] != digests(tmp_path / "c")["train/train_00000.jpg"]


def test_a_photo_does_not_depend_on_the_number_of_photos(tmp_path: Path) -> None:
    draw_sample(tmp_path / "few", photos=4, size=(120, 90))
    draw_sample(tmp_path / "more", photos=9, size=(120, 90))
    few, more = digests(tmp_path / "few"), digests(tmp_path / "more")
    photos = [name for name in few if name.endswith(".jpg")]
    assert all(few[name] == more[name] for name in photos)
    rows = rows_of(tmp_path / "few" / "train.csv")
    assert rows == rows_of(tmp_path / "more" / "train.csv")[: len(rows)]


def test_train_and_test_photos_differ(drawn: Path) -> None:
    hashes = [digest for name, digest in digests(drawn).items() if name.endswith(".jpg")]
    assert len(hashes) == len(set(hashes))


def test_masks_are_valid_runs_of_some_size(drawn: Path) -> None:
    for row in rows_of(drawn / "test.csv"):
        mask = mask_of(row)
        assert mask.mean() >= 4e-4


def test_parts_lie_on_garments_and_garments_are_disjoint(drawn: Path) -> None:
    shares = defaultdict(list)
    for rows in by_photo(rows_of(drawn / "test.csv")).values():
        masks = [(labels(row)[0], mask_of(row)) for row in rows]
        garments = [mask for category, mask in masks if category in WITH_ATTRIBUTES]
        assert np.sum(garments, axis=0).max() == 1
        for category, mask in masks:
            if category in (28, 31, 32):
                shares[category].append(max((mask & garment).sum() for garment in garments) / mask.sum())
    assert set(shares) == {28, 31, 32}
    assert all(np.median(values) == 1 for values in shares.values())


def test_a_third_of_the_training_photos_withhold_attributes(drawn: Path) -> None:
    known = [any(labels(row)[1] for row in rows) for rows in by_photo(rows_of(drawn / "train.csv")).values()]
    assert 0.2 < 1 - np.mean(known) < 0.4
    for row in rows_of(drawn / "test.csv"):
        category, attributes = labels(row)
        assert bool(attributes) == (category in WITH_ATTRIBUTES)


def test_withheld_photos_have_no_attribute_at_all(drawn: Path) -> None:
    for rows in by_photo(rows_of(drawn / "train.csv")).values():
        garments = [labels(row) for row in rows if labels(row)[0] in WITH_ATTRIBUTES]
        assert len({bool(attributes) for _, attributes in garments}) == 1


def test_every_class_and_attribute_is_frequent(drawn: Path) -> None:
    photos: Counter[int] = Counter()
    attributes: Counter[int] = Counter()
    for rows in by_photo(rows_of(drawn / "train.csv")).values():
        photos.update({labels(row)[0] for row in rows})
        attributes.update(label for row in rows for label in labels(row)[1])
    assert min(photos.values()) >= PHOTOS // 10
    assert min(attributes.values()) >= PHOTOS // 15


def test_some_classes_come_in_several_rows_a_photo(drawn: Path) -> None:
    several: Counter[int] = Counter()
    single: Counter[int] = Counter()
    for rows in by_photo(rows_of(drawn / "train.csv")).values():
        for category, count in Counter(labels(row)[0] for row in rows).items():
            (several if count > 1 else single)[category] += 1
    assert several[23] > 20  # a pair of shoes as two rows
    assert single[23] > 10  # and as one
    assert several[31] > 20


def test_patterns_do_not_depend_on_the_class(drawn: Path) -> None:
    seen = defaultdict(set)
    for row in rows_of(drawn / "train.csv"):
        category, attributes = labels(row)
        if attributes:
            pattern = attributes & PATTERNS
            assert len(pattern) == 1
            seen[category] |= pattern
    assert all(patterns == PATTERNS for patterns in seen.values())


def test_the_mean_position_of_classes_predicts_little(drawn: Path) -> None:
    """A model that learnt nothing but where things usually are must stay far below one that looks."""

    def small_maps(name: str) -> npt.NDArray[np.int64]:
        maps = []
        for rows in by_photo(rows_of(drawn / name)).values():
            target = np.full((32, 32), 46)
            for mask, category in sorted(((mask_of(r), labels(r)[0]) for r in rows), key=lambda pair: -pair[0].sum()):
                ys, xs = ((np.arange(32) + 0.5) * np.array(mask.shape)[:, None] / 32).astype(int)
                target[mask[np.ix_(ys, xs)]] = category
            maps.append(target)
        return np.array(maps)

    train, test = small_maps("train.csv"), small_maps("test.csv")
    counts = np.stack([(train == category).sum(axis=0) for category in range(46)])
    guess = np.broadcast_to(counts.argmax(axis=0), test.shape)
    present = [category for category in range(46) if (test == category).any()]
    iou = [((guess == c) & (test == c)).sum() / ((guess == c) | (test == c)).sum() for c in present]
    assert np.mean(iou) < 0.1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"photos": 3}, "at least 4"), ({"seed": -1}, "seed"), ({"size": (40, 300)}, "40 × 300")],
)
def test_refuses_wrong_numbers(tmp_path: Path, arguments: dict[str, int], words: str) -> None:
    with pytest.raises(FashionError, match=words):
        draw_sample(tmp_path / "out", **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("label_text", [None, "{}", "[1]", "no json", '{"info": {"description": "real data"}}'])
def test_refuses_a_folder_that_holds_something_else(tmp_path: Path, label_text: str | None) -> None:
    (tmp_path / "train.csv").write_text("mine")
    if label_text is not None:
        (tmp_path / "label_descriptions.json").write_text(label_text)
    before = digests(tmp_path)
    with pytest.raises(FashionError, match="not empty"):
        draw_sample(tmp_path, photos=4)
    assert digests(tmp_path) == before


def test_refuses_a_sample_to_which_somebody_added_files(tmp_path: Path) -> None:
    draw_sample(tmp_path, photos=4, size=(96, 72))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FashionError, match="not empty"):
        draw_sample(tmp_path, photos=4, size=(96, 72))


def test_refuses_a_file_and_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(FashionError, match="is a file"):
        draw_sample(file, photos=4)
    with pytest.raises(FashionError, match="cannot be written"):
        draw_sample(file / "inside", photos=4)


def test_draws_again_over_its_own_sample(tmp_path: Path) -> None:
    draw_sample(tmp_path, photos=9, size=(96, 72))
    (tmp_path / ".imatfashion").mkdir()
    (tmp_path / "train" / "mine.jpg").write_bytes(b"")
    draw_sample(tmp_path, photos=5, size=(96, 72))
    names = {path.name for path in (tmp_path / "train").iterdir()}
    assert names == {f"train_{index:05d}.jpg" for index in range(5)} | {"mine.jpg"}
    assert {row["ImageId"] for row in rows_of(tmp_path / "train.csv")} < names
