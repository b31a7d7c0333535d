"""The model card: what it says of a run that is whole, cut short or gone, and that foreign text stays text."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch
from markdown_it import MarkdownIt

from imatfashion.apps.export.card import model_card
from imatfashion.apps.export.check import Difference
from imatfashion.apps.export.markdown import plain
from imatfashion.apps.export.onnx_file import Exported
from imatfashion.apps.export.part import Part, run_of
from imatfashion.models.segmenter import Segmenter
from imatfashion.models.spec import ModelSpec
from tests.predict.conftest import CLASSES

HOSTILE = "a|b *c* _d_ `e` <script>f</script> [g](http://h) ![i](j) &amp; ~~k~~ $l$ \\ www.m.n http://o # @p q"
NAMES = ("coat", "tights, stockings", "tie", HOSTILE)
SPEC = replace(
    CLASSES,
    backbone="resnet34",
    resolution=224,
    class_names=NAMES,
    attribute_ids=(0, 1),
    attribute_names=("long", "fur"),
    layer_of_class=(0, 0, 0, 0),
    allowed_pairs=((0, 1), (0,), (), ()),
)
SUMMARY = {
    "stage": "classes",
    "command": "train.py data.root='a b'\n```\n# <script>",
    "versions": {"imatfashion": "0.1.0", "torch": "2.14.1"},
    "git": "0123abcd",
    "seconds": 5405.2,
    "device": "CPU, 2 threads",
    "steps": 1200,
    "epochs": 12,
    "photos": {"train": 643, "val": 161},
    "garments": 4255,
    "refused": 3,
    "data": {"key": "ddeb9d01"},
    "config": {
        "data": {"root": "photos|of_mine", "val_fraction": 0.2, "near_duplicates": True},
        "model": {"weights": "imagenet"},
        "seed": 7,
    },
}
EVALUATION = {
    "stage": "classes",
    "photos": 161,
    "metrics": {"miou": 0.2113, "pixel_accuracy": 0.9},
    "per_class": [
        {"name": NAMES[0], "iou": 0.45, "photos": 36, "truth_pixels": 100, "predicted_pixels": 120},
        {"name": NAMES[1], "iou": 0.0, "photos": 1, "truth_pixels": 50, "predicted_pixels": 0},
        {"name": NAMES[2], "iou": None, "photos": 0, "truth_pixels": 0, "predicted_pixels": 9},
        {"name": NAMES[3], "iou": 0.8, "photos": 20, "truth_pixels": 90, "predicted_pixels": 80},
    ],
    "confusion": [[80, 0, 0, 0, 20], [40, 0, 0, 0, 10], [0] * 5, [0, 0, 0, 80, 10], [0, 0, 9, 0, 900]],
}
ATTRIBUTE = {"group": "length", "precision": None, "recall": 0.5, "threshold": 0.5}
ATTRIBUTES = {
    "stage": "attributes",
    "photos": 161,
    "garments": 2251,
    "metrics": {"map": 0.205, "prevalence": 0.023},
    "per_attribute": [
        {"name": "long", "ap": 0.301, "f1": 0.44, "prevalence": 0.0387, "positives": 33, **ATTRIBUTE},
        {"name": "fur", "ap": None, "f1": None, "prevalence": 0.0, "positives": 0, **ATTRIBUTE},
    ],
}


def write_run(run: Path, *, summary: str | None = None, evaluation: str | None = None) -> Path:
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.yaml").write_text(json.dumps(SUMMARY["config"]))
    for name, text in (("summary", summary), ("evaluation", evaluation)):
        if text is not None:
            (run / f"{name}.json").write_text(text)
    return run / "checkpoints" / "best.ckpt"


def part_of(checkpoint: Path, spec: ModelSpec = SPEC) -> Part:
    network = Segmenter("unet", "test_resnet.r160_in1k", 1, (0,))
    exported = Exported(checkpoint, "0123456789abcdef" * 4, spec, network, b"0" * 1_500_000)
    found = Difference(3e-6, photos=50, garments=0 if spec.stage == "classes" else 7, pixels=1000)
    return Part("fashion.onnx", exported, found, run_of(checkpoint))


class Page(HTMLParser):
    """Cells of the tables, items and tags of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.rows: list[list[str]] = []
        self.in_cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.in_cell = False

    def handle_data(self, data: str) -> None:
        if self.in_cell:
            self.rows[-1][-1] += data

    def row(self, first: str) -> list[str]:
        (found,) = (row for row in self.rows if row[0] == first)
        return found


def rendered(text: str) -> Page:
    return Page(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))


@pytest.fixture
def card(tmp_path: Path) -> str:
    checkpoint = write_run(tmp_path / "run", summary=json.dumps(SUMMARY), evaluation=json.dumps(EVALUATION))
    return model_card("fashion", [part_of(checkpoint)], "photos of <somewhere>")


def test_a_whole_run(card: str) -> None:
    page = rendered(card)
    assert page.row("photos to train on") == ["photos to train on", "643"]
    assert page.row("folder")[1] == "photos|of_mine"
    assert page.row("fingerprint of the table")[1] == "ddeb9d01"
    assert page.row("split")[1] == "0.2 of the photos, stratified, seed 7; kept together: near duplicates"
    assert page.row("backbone")[1] == "resnet34"
    assert page.row("resolution")[1] == "224 × 224, squash"
    assert page.row("time")[1] == "1 h 30 min"
    assert page.row("epochs")[1] == "12"
    assert page.row("coat") == ["coat", "0.450", "36", "100", "120"]
    assert page.row("tie")[1] == "–"
    assert page.row("mean IoU of the classes, background left out")[1] == "0.211"
    assert page.row("fashion.onnx")[1:3] == ["classes", "1.5 MB"]
    assert "50 photos, largest difference 3.0e-06" in card


def test_a_cut_run_has_no_whole_epochs(tmp_path: Path) -> None:
    checkpoint = write_run(
        tmp_path / "run", summary=json.dumps(SUMMARY | {"epochs": 1.5}), evaluation=json.dumps(EVALUATION)
    )
    page = rendered(model_card("fashion", [part_of(checkpoint)], "photos"))
    assert page.row("epochs")[1] == "1.5"


def test_classes_fall_by_iou(card: str) -> None:
    firsts = [row[0] for row in rendered(card).rows]
    order = [firsts.index(name) for name in ("coat", "tights, stockings", "tie")]
    assert order == sorted(order)
    assert order[0] == firsts.index(HOSTILE.replace("\n", "\\n")) + 1


def test_limits_are_those_of_the_figures(card: str) -> None:
    assert "The 3 worst of 3 measured classes (IoU): tights, stockings 0.000; coat 0.450; " in card
    assert "Never predicted on the validation photos: tights, stockings (in 1 photo)." in card
    assert "Not in the validation photos, so not measured: tie." in card
    assert "Most often taken: tights, stockings for coat (80 % of its pixels)." in card
    assert "A pixel has one class:" in card


def test_foreign_text_stays_text(card: str) -> None:
    page = rendered(card)
    assert page.tags <= {"h1", "h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "code", "pre"}
    assert page.row(HOSTILE.replace("\n", "\\n"))[1] == "0.800"


def test_plain_text_comes_back_through_the_renderer() -> None:
    for text in (HOSTILE, "plain", "`", "\\", "\\|", "a\u202eb", "<b", "&lt;", "1. x", "*"):
        page = rendered(f"| h |\n|---|\n| {plain(text)} |\n")
        assert page.rows[1][0] == text.replace("\n", "\\n").replace("\u202e", "\\u202e")
        assert page.tags == {"table", "thead", "tbody", "tr", "th", "td"}


def test_two_layers_and_attributes(tmp_path: Path) -> None:
    classes = write_run(tmp_path / "a", summary=json.dumps(SUMMARY), evaluation=json.dumps(EVALUATION))
    attributes = write_run(tmp_path / "b", evaluation=json.dumps(ATTRIBUTES)).with_name("last.ckpt")
    spec = replace(SPEC, layer_of_class=(0, 0, 1, 0))
    card = model_card("x", [part_of(classes, spec), part_of(attributes, replace(spec, stage="attributes"))], "photos")
    page = rendered(card)
    assert "one class in each of 2 layers" in card
    assert "says of each which of 2 attributes it has" in card
    assert page.row("photos to train on") == ["photos to train on", "643", "–"]
    assert page.row("long (length)") == ["long (length)", "0.301", "3.9 %", "0.440", "–", "0.500", "33"]
    assert "They are those of the run's best.ckpt; this export is of last.ckpt." in card
    assert "No validation garment has them, so they were not measured: fur." in card
    assert "float32 (photos, 2, 5, 224, 224)" in card
    assert "7 garments of 50 photos, largest difference" in card


@pytest.mark.parametrize(
    ("files", "says", "figures"),
    [
        ({"summary": json.dumps(SUMMARY)}, "evaluation.json is not there or not whole", False),
        ({"evaluation": json.dumps(EVALUATION)}, "There is no summary.json beside", True),
        ({"summary": "{", "evaluation": "[]"}, "summary.json cannot be read", False),
        ({"evaluation": json.dumps({"stage": "classes", "metrics": 3, "confusion": 4})}, "## Figures", True),
        ({"evaluation": json.dumps(ATTRIBUTES)}, "there are no figures", False),
    ],
)
def test_runs_that_are_not_whole(tmp_path: Path, files: dict[str, Any], says: str, figures: bool) -> None:
    card = model_card("x", [part_of(write_run(tmp_path / "run", **files))], "photos")
    assert says in card
    assert ("chose the best checkpoint" in card) == figures


def test_a_checkpoint_alone(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "best.ckpt")
    card = model_card("x", [part_of(tmp_path / "best.ckpt")], "photos")
    assert "lies in no run directory" in card
    assert "Of the classes there are no figures: the checkpoint lies in no run directory." in card
    assert "photos to train on" not in card
    assert rendered(card).row("backbone")[1] == "resnet34"
