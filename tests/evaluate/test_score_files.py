"""Scores from files: figures against dense masks read off the same text, and a sentence for each fault."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from imatfashion.errors import FashionError
from imatfashion.evaluate.score import score_files
from imatfashion.evaluate.score_report import ScoreReport

CLASS_IDS, ATTRIBUTE_IDS = (0, 3, 23), (2, 5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lists = {
        "categories": [{"id": i, "name": f"class {i}", "supercategory": "", "level": 1} for i in CLASS_IDS],
        "attributes": [{"id": i, "name": f"attribute {i}", "supercategory": "", "level": 1} for i in ATTRIBUTE_IDS],
    }
    (tmp_path / "label_descriptions.json").write_text(json.dumps(lists), encoding="utf-8")
    return tmp_path


def write_truth(folder: Path, rows: list[str], name: str = "test.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(["ImageId,EncodedPixels,Height,Width,ClassId", *rows, ""]), encoding="utf-8")
    return path


def write_submission(folder: Path, rows: list[str]) -> Path:
    path = folder / "submission.csv"
    path.write_text("\n".join(["ImageId,EncodedPixels,ClassId", *rows, ""]), encoding="utf-8")
    return path


def rectangle(height: int, top: int, left: int, bottom: int, right: int) -> str:
    """As text, one run a column."""
    return " ".join(f"{x * height + top + 1} {bottom - top}" for x in range(left, right))


def random_rows(rng: np.random.Generator) -> tuple[list[str], list[str]]:
    truth, submitted = [], []
    for photo in range(6):
        height, width = (int(side) for side in rng.integers(40, 900, 2))
        for _ in range(rng.integers(1, 5)):
            y, x = np.sort(rng.random(2)), np.sort(rng.random(2))
            top, left = int(y[0] * (height - 2)), int(x[0] * (width - 2))
            box = (top, left, max(top + 1, int(y[1] * height)), max(left + 1, int(x[1] * width)))
            label = "_".join(map(str, [rng.choice(CLASS_IDS), *rng.permutation(ATTRIBUTE_IDS)[: rng.integers(0, 3)]]))
            truth.append(f"{photo}.jpg,{rectangle(height, *box)},{height},{width},{label}")
            shift = rng.integers(-15, 16, 4)
            grid = np.clip(np.array(box) * 512 / np.array([height, width] * 2) + shift, 0, 512).astype(int)
            other = label if rng.random() < 0.7 else f"{label.split('_')[0]}_5"
            submitted.append(f"{photo}.jpg,{rectangle(512, *grid.tolist()) if grid[2] > grid[0] else ''},{other}")
    return list(dict.fromkeys(truth)), list(dict.fromkeys(submitted))


def dense(pixels: str, height: int, width: int) -> np.ndarray:
    mask = np.zeros(height * width, dtype=np.bool_)
    numbers = [int(word) for word in pixels.split()]
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        mask[start - 1 : start - 1 + length] = True
    mask = mask.reshape(width, height).T
    rows = [int((i + Fraction(1, 2)) * height / 512) for i in range(512)]
    cols = [int((j + Fraction(1, 2)) * width / 512) for j in range(512)]
    return mask[rows][:, cols]


def read(rows: list[str]) -> Iterator[tuple[str, str, set[str], np.ndarray]]:
    for row in rows:
        photo, pixels, *size, label = row.split(",")
        class_id, *attributes = label.split("_")
        yield photo, class_id, set(attributes), dense(pixels, *(map(int, size) if size else (512, 512)))


def class_precisions(left: list, right: list, with_attributes: bool) -> list[tuple[int, int]]:
    """(TP, FP + FN) for each threshold."""
    ious = {}
    for (i, a), (j, b) in product(enumerate(left), enumerate(right)):
        ious[i, j] = Fraction(int((a[3] & b[3]).sum()), max(1, int((a[3] | b[3]).sum())))
    matched: dict[int, int] = {}
    for i, j in sorted(ious, key=lambda pair: (-ious[pair], pair)):
        if i not in matched and j not in matched.values():
            matched[i] = j
    counts = []
    for percent in range(50, 100, 5):
        hits = 0
        for i, j in matched.items():
            hits += ious[i, j] > Fraction(percent, 100) and (not with_attributes or left[i][2] == right[j][2])
        counts.append((hits, len(left) + len(right) - 2 * hits))
    return counts


def slow_report(truth: list[str], submitted: list[str]) -> dict[str, dict[str, float]]:
    left, right = list(read(truth)), list(read(submitted))
    per_photo, pooled = {}, {}
    for key, with_attributes in (("with_attributes", True), ("without_attributes", False)):
        totals, photo_scores = [[0, 0] for _ in range(10)], []
        for photo in {garment[0] for garment in left}:
            sides = [[garment for garment in side if garment[0] == photo] for side in (left, right)]
            scores = []
            for class_id in {garment[1] for side in sides for garment in side}:
                of_class = [[garment for garment in side if garment[1] == class_id] for side in sides]
                counts = class_precisions(*of_class, with_attributes)
                scores.append(sum(Fraction(tp, tp + wrong) for tp, wrong in counts) / 10)
                for total, (tp, wrong) in zip(totals, counts, strict=True):
                    total[0] += tp
                    total[1] += wrong
            photo_scores.append(sum(scores) / len(scores))
        per_photo[key] = float(sum(photo_scores) / len(photo_scores))
        pooled[key] = float(sum(Fraction(tp, tp + wrong) for tp, wrong in totals) / 10)
    return {"per_photo": per_photo, "pooled": pooled}


@pytest.mark.parametrize("seed", range(4))
def test_figures_are_those_of_dense_masks(folder: Path, seed: int) -> None:
    truth, submitted = random_rows(np.random.default_rng(seed))
    found = score_files(write_truth(folder, truth), write_submission(folder, submitted)).to_json()
    expected = slow_report(truth, submitted)
    assert 0 < expected["per_photo"]["with_attributes"] < expected["per_photo"]["without_attributes"] < 1
    assert found["per_photo"] == pytest.approx(expected["per_photo"], abs=1e-14)
    assert found["pooled"] == pytest.approx(expected["pooled"], abs=1e-14)
    assert (found["photos"], found["photos_missing"], found["truth_refused"]) == (6, [], 0)
    counts = {entry["id"]: (entry["truth"], entry["submitted"]) for entry in found["per_class"]}
    assert [sum(column) for column in zip(*counts.values(), strict=True)] == [len(truth), len(submitted)]


SQUARE = rectangle(512, 0, 0, 100, 100)
TRUTH = [f"a.jpg,{SQUARE},512,512,0_2", f"b.jpg,{SQUARE},512,512,3"]
GOOD = [f"a.jpg,{SQUARE},0_2", f"b.jpg,{SQUARE},3"]


def test_the_truth_itself_scores_one(folder: Path) -> None:
    report = score_files(write_truth(folder, TRUTH), write_submission(folder, GOOD))
    assert report.per_photo == report.pooled == (1.0, 1.0)


def test_a_photo_that_is_missing_has_no_rows_and_is_listed(folder: Path) -> None:
    report = score_files(write_truth(folder, TRUTH), write_submission(folder, GOOD[:1]))
    assert report.photos_missing == ("b.jpg",)
    assert report.per_photo == report.pooled == (0.5, 0.5)


def test_filler_counts_like_any_other_row(folder: Path) -> None:
    report = score_files(write_truth(folder, TRUTH), write_submission(folder, [GOOD[0], "b.jpg,1 1,23"]))
    filler = report.per_class[-1]
    assert (filler.class_id, filler.truth, filler.submitted) == (23, 0, 1)
    assert report.pooled.without_attributes == pytest.approx(1 / 3)
    assert report.photos_missing == ()


def test_filler_counts_where_its_class_is_not_a_class_of_the_data(folder: Path) -> None:
    labels = folder / "label_descriptions.json"
    labels.write_text(labels.read_text(encoding="utf-8").replace('"id": 23', '"id": 33'), encoding="utf-8")
    report = score_files(write_truth(folder, TRUTH), write_submission(folder, [GOOD[0], "b.jpg,1 1,23"]))
    assert [(c.class_id, c.name) for c in report.per_class] == [(0, "class 0"), (3, "class 3"), (23, "filler")]


def test_a_photo_of_the_folder_without_a_row_belongs_to_the_truth(folder: Path) -> None:
    (folder / "test").mkdir()
    for name in ("a.jpg", "b.jpg", "bare.jpg", "notes.txt"):
        (folder / "test" / name).touch()
    truth = write_truth(folder, TRUTH)
    report = score_files(truth, write_submission(folder, GOOD))
    assert (report.photos, report.photos_missing, report.per_photo) == (3, ("bare.jpg",), (1.0, 1.0))
    report = score_files(truth, write_submission(folder, [*GOOD, "bare.jpg,1 1,23"]))
    assert (report.photos, report.photos_missing) == (3, ())
    assert report.per_photo.with_attributes == pytest.approx(2 / 3)


def test_a_garment_that_vanishes_on_the_grid_still_counts(folder: Path) -> None:
    truth = write_truth(folder, [f"a.jpg,{rectangle(2048, 0, 0, 2000, 2000)},2048,2048,0", "a.jpg,1 1,2048,2048,3"])
    report = score_files(truth, write_submission(folder, [f"a.jpg,{rectangle(512, 0, 0, 500, 500)},0", "a.jpg,,3"]))
    assert report.per_photo == (0.5, 0.5)
    assert [entry.truth for entry in report.per_class] == [entry.submitted for entry in report.per_class] == [1, 1]


def test_names_without_ending_find_their_photo(folder: Path) -> None:
    report = score_files(
        write_truth(folder, TRUTH), write_submission(folder, [row.replace(".jpg", "") for row in GOOD])
    )
    assert report.per_photo == (1.0, 1.0)


def test_refused_rows_of_the_truth_are_counted_and_shown(folder: Path) -> None:
    truth = write_truth(folder, [*TRUTH, "a.jpg,1 0,512,512,3"])
    report = score_files(truth, write_submission(folder, GOOD))
    assert (report.truth_refused, report.per_photo) == (1, (1.0, 1.0))
    assert "refused and do not count: 1." in shown(report)


def test_labels_are_found_above_or_given(folder: Path) -> None:
    below = folder / "deep" / "deeper"
    below.mkdir(parents=True)
    truth, submission = write_truth(below, TRUTH), write_submission(folder, GOOD)
    with pytest.raises(FashionError, match="no label file"):
        score_files(truth, submission)
    given = score_files(truth, submission, labels=folder / "label_descriptions.json")
    above = score_files(write_truth(folder / "deep", TRUTH), submission)
    assert given == above


FAULTS = {
    "1 2 3,0": "row 4 .* an odd count",
    "9 1 1 1,0": "row 4 .* not in rising order",
    "262144 2,0": "row 4 .* ends past",
    "1 1,7": "row 4 .* class id 7 is not in the label file",
    "1 1,0_9": "row 4 .* attribute id 9 is not in the label file",
    "1 x,0": "row 4 .* not a whole number",
}


@pytest.mark.parametrize("cells", FAULTS)
def test_a_faulty_row_of_the_submission_stops_the_score(folder: Path, cells: str) -> None:
    submission = write_submission(folder, [*GOOD, f"a.jpg,{cells}"])
    with pytest.raises(FashionError, match=f"no score until .*{FAULTS[cells]}"):
        score_files(write_truth(folder, TRUTH), submission)


def test_file_faults_are_sentences(folder: Path) -> None:
    truth, submission = write_truth(folder, TRUTH), write_submission(folder, GOOD)
    with pytest.raises(FashionError, match=r"truth .*gone\.csv is not a file"):
        score_files(folder / "gone.csv", submission)
    with pytest.raises(FashionError, match=r"submission .*gone\.csv is not a file"):
        score_files(truth, folder / "gone.csv")
    with pytest.raises(FashionError, match=r"photo c\.jpg, which the truth does not have"):
        score_files(truth, write_submission(folder, [*GOOD, f"c.jpg,{SQUARE},0"]))
    with pytest.raises(FashionError, match=r"photo a\.jpg under two names"):
        score_files(truth, write_submission(folder, [*GOOD, f"a,{SQUARE},0"]))
    submission.write_text("ImageId,ClassId\na.jpg,0\n", encoding="utf-8")
    with pytest.raises(FashionError, match="no column EncodedPixels"):
        score_files(truth, submission)
    submission.write_text("", encoding="utf-8")
    with pytest.raises(FashionError, match="is empty"):
        score_files(truth, submission)


def shown(report: ScoreReport, oracle: ScoreReport | None = None) -> str:
    text = io.StringIO()
    Console(file=text, width=200).print(report.table(oracle))
    return text.getvalue()


def test_the_table_shows_scores_beside_their_ceiling(folder: Path) -> None:
    best = score_files(write_truth(folder, TRUTH), write_submission(folder, GOOD))
    report = score_files(write_truth(folder, TRUTH), write_submission(folder, GOOD[:1]))
    text = shown(report, best)
    assert "0.5000 / 1.0000" in text
    assert "counted as without rows: 1 (b.jpg)." in text
    assert "all, per photo" in shown(best)


def test_photos_without_rows_are_background_in_the_pixel_figures(folder: Path) -> None:
    (folder / "test").mkdir()
    for name in ("a.jpg", "bare.jpg"):
        Image.new("RGB", (512, 512)).save(folder / "test" / name)
    whole = f"1 {512 * 512}"
    truth = write_truth(folder, [f"a.jpg,{whole},512,512,0"])
    report = score_files(truth, write_submission(folder, [f"a.jpg,{whole},0", f"bare.jpg,{whole},0"]))
    assert report.photos == 2
    assert report.pixels is not None
    assert report.pixels["pixel_accuracy"] == 0.5
    assert report.pixels["miou"] == 0.5
    assert report.pixels["background_recall"] == 0.0


@pytest.mark.parametrize("photos", [True, False])
def test_a_photo_whose_truth_was_refused_counts_on_neither_side(folder: Path, photos: bool) -> None:
    if photos:
        (folder / "test").mkdir()
        for name in ("a.jpg", "b.jpg"):
            Image.new("RGB", (512, 512)).save(folder / "test" / name)
    truth = write_truth(folder, [f"a.jpg,{SQUARE},512,512,0", "b.jpg,1 5 3 4,512,512,0"])
    for rows in ([], [f"b.jpg,{SQUARE},0"], [f"b,{SQUARE},3"]):
        report = score_files(truth, write_submission(folder, [f"a.jpg,{SQUARE},0", *rows]))
        assert report.photos == 1
        assert report.per_photo.without_attributes == 1.0
        assert (report.truth_refused, report.photos_left_out, report.photos_missing) == (1, 1, ())
        assert "Photos of the truth that have no other record, and do not count: 1." in shown(report)


@pytest.mark.parametrize("name", ["", "/", ".", "../a.jpg"])
def test_a_row_of_the_truth_without_a_photos_name_leaves_no_photo_out(folder: Path, name: str) -> None:
    truth = write_truth(folder, [f"a.jpg,{SQUARE},512,512,0", f"{name},{SQUARE},512,512,0"])
    report = score_files(truth, write_submission(folder, [f"a.jpg,{SQUARE},0"]))
    assert (report.photos, report.truth_refused, report.photos_left_out) == (1, 1, 0)
