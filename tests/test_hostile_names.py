"""Names made to do harm in label files and tables, through `imatfashion index` and `imatfashion score`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imatfashion.cli import app
from imatfashion.data.build import open_table
from imatfashion.data.labels import labels_from
from imatfashion.errors import FashionError
from imatfashion.evaluate.score import score_files
from tests.test_bad_input import HEADER, write_data

SHOWN = {
    "<script>alert(1)</script>": "<script>alert(1)</script>",
    '=HYPERLINK("x";"y")': '=HYPERLINK("x";"y")',
    # Markup of the library that prints the tables: it would colour, or fail.
    "[bold red]x[/]": "[bold red]x[/]",
    "[/nothing]": "[/nothing]",
    "[link=file:///etc/passwd]x": "[link=file:///etc/passwd]x",
    "{{ 7*7 }} {0} %s": "{{ 7*7 }} {0} %s",
    ":bomb:": ":bomb:",
    "\u202etxt": "\\u202etxt",
    "a\nb": "a b",
    "a\x1b[2J": "a\\x1b[2J",
    "\0": "\\x00",
    "\ud800": "\\ud800",
}
"""Label names, and how they are shown."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set in which each class and each attribute has one of the names and a garment."""
    numbers = range(len(SHOWN))
    root = write_data(tmp_path, *(f"a.jpg,{n + 1} 3,8,6,{n}_{n}" for n in numbers), "[/x].jpg,1 2,8,6,0")
    items = [{"id": number, "name": name, "supercategory": name} for number, name in enumerate(SHOWN)]
    (root / "label_descriptions.json").write_text(json.dumps({"categories": items, "attributes": items}))
    return root


def test_label_names_are_text_wherever_they_are_shown(data: Path) -> None:
    done = CliRunner().invoke(app, ["index", str(data)])
    assert done.exit_code == 0
    assert "row 14 ([/x].jpg): it is missing" in done.stdout
    table = open_table(data)
    assert table.classes.names == table.attributes.names == table.classes.groups == tuple(SHOWN.values())
    numbers = range(len(SHOWN))
    (data / "sub.csv").write_text("\n".join(["ImageId,EncodedPixels,ClassId", *(f"a.jpg,1 9,{n}" for n in numbers)]))
    scored = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["score", str(data / "train.csv"), str(data / "sub.csv")])
    assert scored.exit_code == 0
    assert all(f"│ {shown} " in scored.stdout for shown in SHOWN.values())
    printed = done.stdout + scored.stdout
    assert all(character == "\n" or character.isprintable() for character in printed)


@pytest.mark.parametrize("key", ["name", "supercategory"])
def test_a_label_name_of_a_book_is_refused(tmp_path: Path, key: str) -> None:
    root = write_data(tmp_path, "b.jpg,1 2,8,6,3")
    item = {"id": 3, "name": "coat", "supercategory": "", key: "n" * 100_000}
    (root / "label_descriptions.json").write_text(json.dumps({"categories": [item]}))
    with pytest.raises(FashionError, match=rf"item 0 of .* has a {key} of 100000 letters: at most 1000 are") as caught:
        open_table(root)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ("1 1000000000", "ends past the photo's 512 × 512"),
        ("1 " + "9" * 5000, "is too large"),
        ("1 1 " * 200_000, "the runs at 1 and 1 overlap"),
        (" ".join(f"{2 * number + 1} 1" for number in range(200_000)), "ends past the photo's 512 × 512"),
    ],
    ids=["a billion pixels", "a number of 5,000 digits", "one run 200,000 times", "more runs than pixels"],
)
def test_endless_runs_of_a_submission_are_a_sentence(tmp_path: Path, runs: str, words: str) -> None:
    root = write_data(tmp_path, "b.jpg,1 2,8,6,3")
    (root / "sub.csv").write_text(f"ImageId,EncodedPixels,ClassId\nb.jpg,{runs},3\n")
    done = CliRunner().invoke(app, ["score", str(root / "train.csv"), str(root / "sub.csv")])
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr) < 500


@pytest.mark.parametrize("name", ["../b.jpg", "/etc/passwd", "a\0.jpg", "C:\\x.jpg", "x" * 5000, "a\x1b[2J.jpg"])
def test_photo_names_of_a_submission_that_lead_out(tmp_path: Path, name: str) -> None:
    root = write_data(tmp_path, "b.jpg,1 2,8,6,3")
    with (root / "sub.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["ImageId", "EncodedPixels", "ClassId"], [name, "1 2", "3"]])
    done = CliRunner().invoke(app, ["score", str(root / "train.csv"), str(root / "sub.csv")])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert all(character == "\n" or character.isprintable() for character in done.stderr)
    assert len(done.stderr) < 700


def test_long_names_that_a_submission_lacks_are_cut_in_its_score(tmp_path: Path) -> None:
    root = write_data(tmp_path, "b.jpg,1 2,8,6,3", f"{'x' * 5000}.jpg,1 2,8,6,3")
    (root / "sub.csv").write_text("ImageId,EncodedPixels,ClassId\nb.jpg,1 2,3\n")
    report = score_files(root / "train.csv", root / "sub.csv")
    assert f"{'x' * 5000}.jpg" in report.photos_missing
    caption = str(report.table().caption)
    assert "xxx…" in caption
    assert len(caption) < 400


@pytest.mark.parametrize("field", ["id", "name"])
def test_a_label_of_another_type_is_cut(tmp_path: Path, field: str) -> None:
    item = {"id": 0, "name": "coat", field: ["y" * 5000, *range(5000)]}
    with pytest.raises(FashionError, match=rf"item 0 of .* has the {field} \['yyy.*…: ") as caught:
        labels_from({"categories": [item]}, tmp_path)
    assert len(str(caught.value)) < 500


def test_a_header_of_a_hundred_thousand_columns(tmp_path: Path) -> None:
    root = write_data(tmp_path, "b.jpg,1 2,8,6,3", header=",".join([HEADER, *(f"c{n}" for n in range(100_000))]))
    with pytest.raises(FashionError) as caught:
        open_table(root)
    assert len(str(caught.value)) < 700
