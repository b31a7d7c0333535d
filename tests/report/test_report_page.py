from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from imatfashion.config.schema import Config
from imatfashion.errors import FashionError
from imatfashion.report.next_steps import next_steps
from imatfashion.report.page import write_report
from imatfashion.report.run_files import read_run

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Checks that elements nest, and collects text, tags and addresses."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        assert not self.open, f"not closed: {self.open}"
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "srcset")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)


def page_of(run: Path) -> Page:
    path = write_report(run)
    assert path == run / "report.html"
    assert not list(run.glob("*.tmp"))
    return Page(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("stage", ["classes", "attributes"])
def test_the_page_needs_nothing_else(write_run: Callable[..., Path], stage: str) -> None:
    page = page_of(write_run(stage))
    assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in page.addresses)
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert page.tags.count("img") == 4, "two examples, the first and the last panel"
    assert page.tags.count("svg") == 4


def test_a_class_run_is_told_in_words(write_run: Callable[..., Path]) -> None:
    text = page_of(write_run()).text
    assert "A U-Net on resnet34 was trained to say for every pixel of a photo which of 6 garment classes" in text
    assert "It learned from 320 photos and was judged on 80 photos" in text
    assert "5 epochs took 1 h 30 min on CPU, 2 threads." in text
    assert "The best mean IoU on the validation photos is 0.597, reached after epoch 5" in text
    assert "3.22 GB" in text
    assert "3 records refused" in text
    assert "This page is not whole" not in text


def test_classes_are_sorted_and_the_absent_named(write_run: Callable[..., Path]) -> None:
    run = write_run()
    text = page_of(run).text
    section = text[text.index("Each class") : text.index("What is confused")]
    rows = json.loads((run / "evaluation.json").read_text())["per_class"]
    order = [row["name"] for row in sorted(rows, key=lambda row: -(row["iou"] or -1))]
    places = [section.index(name) for name in order]
    assert places == sorted(places)
    assert "not judged: tie" in section


def test_confusion_shows_the_costly_pairs_first(write_run: Callable[..., Path]) -> None:
    text = page_of(write_run()).text
    # 900 and 400 of 2,800 wrong pixels; shirts have 6,200 pixels, dresses 1,900.
    pairs = text[text.index("of all wrong") :]
    assert pairs.index("shirt, blouse dress 15 % 32 %") < pairs.index("dress shirt, blouse 21 % 14 %")
    assert "29 % garment missed" in text
    assert "25 % garment invented" in text
    assert "46 % garment taken for another" in text


def test_attributes_are_sorted_against_their_prevalence(write_run: Callable[..., Path]) -> None:
    page = page_of(write_run("attributes"))
    text = page.text
    section = text[text.index("Each attribute") : text.index("Photos")]
    assert section.index("striped & dotted") < section.index("mini") < section.index("maxi")
    assert "striped & dotted pattern 0.900 9.0 × 80 % 80 % 0.800 10 % 20" in section
    assert "maxi length 0.400 20.0 × – 0.0 % – 2.0 % 4" in section
    assert "not judged: fur" in section
    assert "5.7 ×" in text
    assert "predicted: mini" in text


def test_names_are_escaped(write_run: Callable[..., Path]) -> None:
    run = write_run()
    evaluation = json.loads((run / "evaluation.json").read_text())
    nasty = "</table><script>alert(1)</script>\"'&"
    evaluation["per_class"][0]["name"] = nasty
    evaluation["examples"][0]["photo"] = '" onerror="alert(1)'
    (run / "evaluation.json").write_text(json.dumps(evaluation))
    page = page_of(run)
    assert "script" not in page.tags
    assert nasty in page.text
    assert 'alt="&#34; onerror' in (run / "report.html").read_text(encoding="utf-8")
    assert "<b>&amp;amp; wallet" not in (run / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("stage", ["classes", "attributes"])
def test_a_killed_run_has_a_page_too(write_run: Callable[..., Path], stage: str) -> None:
    run = write_run(stage, killed=True)
    text = page_of(run).text
    assert "This run has not finished" in text
    assert "reach step 40 (epoch 2 of 5)" in text
    assert "evaluation.json is missing" in text
    assert f"python train.py resume={run}" in text
    assert "As last logged" in text


@pytest.mark.parametrize(
    "lost", ["config.yaml", "metrics.csv", "summary.json", "evaluation.json", "split.json", "examples", "panels"]
)
def test_any_piece_may_be_missing(write_run: Callable[..., Path], lost: str) -> None:
    run = write_run("attributes" if lost == "evaluation.json" else "classes")
    path = run / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    page_of(run)


@pytest.mark.parametrize("name", ["summary.json", "evaluation.json", "split.json"])
@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "\ufffd\ufffd"])
def test_a_torn_file_is_named(write_run: Callable[..., Path], name: str, text: str) -> None:
    run = write_run()
    (run / "metrics.csv").unlink()  # charts take most of a page's time
    (run / name).write_text(text, encoding="utf-8")
    assert name in page_of(run).text[:2000]


def test_foreign_values_do_not_break_the_page(write_run: Callable[..., Path]) -> None:
    run = write_run()
    evaluation = json.loads((run / "evaluation.json").read_text())
    evaluation |= {"metrics": {"miou": float("nan"), "pixel_accuracy": "high"}, "confusion": [[1, "x"], [3]]}
    evaluation["per_class"] += [None, {}, {"iou": "0.5", "name": 7}]
    evaluation["examples"] += [None, {"kind": "best"}, {"kind": "best", "picture": "../../etc/passwd"}]
    (run / "evaluation.json").write_text(json.dumps(evaluation))
    summary = {"seconds": None, "photos": [], "config": None, "settings": {}, "versions": None, "best": float("nan")}
    (run / "summary.json").write_text(json.dumps(summary))
    (run / "config.yaml").write_text("a: [", encoding="utf-8")
    assert "config.yaml cannot be read" in page_of(run).text


def test_the_same_files_give_the_same_page(write_run: Callable[..., Path]) -> None:
    run = write_run()
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first


def test_charts_are_well_formed_and_share_no_id(write_run: Callable[..., Path]) -> None:
    html = write_report(write_run()).read_text(encoding="utf-8")
    ids: list[str] = []
    for svg in re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL):
        root = ElementTree.fromstring(svg)
        assert "viewBox" in root.attrib
        assert "width" not in root.attrib
        own = [
            element.attrib["id"] for element in root.iter() if re.fullmatch(r"[mp][0-9a-f]{10}", element.get("id", ""))
        ]
        assert own
        ids += own
    assert len(ids) == len(set(ids))


def test_not_a_run_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FashionError, match="is not a directory"):
        write_report(tmp_path / "nothing")
    with pytest.raises(FashionError, match="holds no run"):
        write_report(tmp_path)


def test_ways_to_go_on_keep_the_runs_own_settings(write_run: Callable[..., Path]) -> None:
    run = write_run()
    summary = json.loads((run / "summary.json").read_text())
    summary["config"] |= {"layers": 2, "data": {"root": "my data", "limit": 9}, "max_steps": 40}
    summary["config"]["model"]["backbone"] = "tf_efficientnet_lite0"
    summary["config"]["schedule"]["phases"][1]["epochs"] = 9.0
    (run / "summary.json").write_text(json.dumps(summary))
    text = page_of(run).text
    assert f"python train.py resume={run} max_steps=null" in text, "5 of 10 epochs were trained"
    assert (
        "python train.py 'data.root=\"my data\"' model.backbone=tf_efficientnet_lite0 layers=2 "
        f"schedule=finetune resolution=512 init_from={run}/checkpoints/best.ckpt" in text
    )
    assert "python train.py stage=attributes 'data.root=\"my data\"'" in text


OWN = {"root": "d", "folds": 4, "fold": 2, "val_fraction": 0.3, "split_file": None, "limit": None}


@pytest.mark.parametrize(
    ("data", "lost", "expected"),
    [
        ({}, "", {"split_file": "RUN/split.json", "folds": 0, "fold": 0, "val_fraction": 0.2}),
        ({"folds": 0, "split_file": "old.txt"}, "", {"split_file": "RUN/split.json"}),
        ({}, "split.json", {"split_file": None, "folds": 4, "fold": 2, "val_fraction": 0.3, "seed": 5}),
        # Its split has few of the photos, and is part of the whole one of the same seed.
        ({"limit": 9}, "", {"split_file": None, "folds": 4, "fold": 2, "limit": None, "seed": 5}),
    ],
    ids=["a split", "a split of a file", "no split left", "a trial"],
)
def test_what_goes_on_keeps_the_split(
    write_run: Callable[..., Path], repository: Path, data: dict[str, Any], lost: str, expected: dict[str, Any]
) -> None:
    run = write_run(name="run (5)")
    if lost:
        (run / lost).unlink()
    summary = json.loads((run / "summary.json").read_text())
    summary["config"] |= {"seed": 5, "data": OWN | data}
    (run / "summary.json").write_text(json.dumps(summary))
    commands = [step.command for step in next_steps(read_run(run))]
    ConfigStore.instance().store(name="base_config", node=Config)
    trained = [command for command in commands if command.startswith("python train.py")]
    assert len(trained) == 2
    for command in trained:
        with initialize_config_dir(version_base="1.3", config_dir=str(repository / "conf")):
            config: Any = OmegaConf.to_object(compose("config", shlex.split(command)[2:]))
        found = asdict(config.data) | {"seed": config.seed}
        assert {key: found[key] for key in expected} == {
            key: value.replace("RUN", str(run)) if isinstance(value, str) else value for key, value in expected.items()
        }


def test_a_run_that_was_cut_in_its_first_epoch_is_not_whole(write_run: Callable[..., Path]) -> None:
    run = write_run()
    (run / "metrics.csv").write_text("step,epoch,val/loss,val/miou\n14,0,1.5,0.1\n", encoding="utf-8")
    summary = json.loads((run / "summary.json").read_text())
    summary |= {"steps": 15, "epochs": 0.75, "steps_per_epoch": 20}
    summary["config"]["schedule"]["phases"] = [{"epochs": 1.0}]
    (run / "summary.json").write_text(json.dumps(summary))
    text = page_of(run).text
    assert "The schedule has 1 epoch, of which 0.8 were trained" in text
    assert f"python train.py resume={run}" in text
    assert "reached after epoch 0.8" in text


def test_a_run_without_a_monitored_value_says_so(write_run: Callable[..., Path]) -> None:
    run = write_run()
    (run / "metrics.csv").write_text("step,epoch,train/loss\n2,0,1.5\n", encoding="utf-8")
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps(summary | {"best": None}))
    assert "No value of the monitored figure was recorded while it trained; the evaluation" in page_of(run).text
    (run / "evaluation.json").unlink()
    assert "No value of the monitored figure was recorded while it trained." in page_of(run).text
    (run / "summary.json").unlink()
    assert "No value of the monitored figure has been recorded yet." in page_of(run).text


def test_a_run_without_a_checkpoint_starts_anew(write_run: Callable[..., Path]) -> None:
    run = write_run(killed=True)
    (run / "checkpoints" / "last.ckpt").unlink()
    text = page_of(run).text
    assert "nothing to go on from" in text
    assert "resume=" not in text
