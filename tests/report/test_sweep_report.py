"""The page that compares the jobs of a sweep, from run directories as training writes them."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from imatfashion.cli import app
from imatfashion.errors import FashionError
from imatfashion.report.sweep_axes import number_axis, setting_axis
from imatfashion.report.sweep_files import read_sweeps, shown
from imatfashion.report.sweep_page import write_sweep_report

Make = Callable[..., Path]
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def sweep(write_run: Make, tmp_path: Path) -> Make:
    """Writes jobs 0 … 3: two done, one killed, one refused with a sentence of markup."""

    def make(stage: str = "classes", extra: str = "model.backbone=resnet34") -> Path:
        folder = tmp_path / "sweep"
        for at, (value, rate, state) in enumerate([(0.31, "0.1", "done"), (0.55, "3", "done"), (None, "1", "running")]):
            run = write_run(stage, killed=state == "running", name=f"sweep/{at}")
            write_job(run, ["data.root=d", f"schedule.rate_factor={rate}", f"batch_size={8 * (at + 1)}"], state, value)
            (run / "report.html").write_text("", encoding="utf-8")
        refused = folder / "3"
        refused.mkdir()
        write_job(refused, ["data.root=d", "schedule.rate_factor=0", "batch_size=8", extra], "failed", None)
        return folder

    return make


def write_job(folder: Path, overrides: list[str], state: str, value: float | None) -> None:
    sentence = f"{HOSTILE} must be above 0" if state == "failed" else ""
    fields = {"overrides": overrides, "state": state, "value": value, "sentence": sentence}
    (folder / "job.json").write_text(json.dumps(fields), encoding="utf-8")


class Page(HTMLParser):
    """The page's elements by their tag, with their attributes, and the rows of the table as text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.rows: list[list[str]] = []
        self.words: list[str] = []
        self.cell: list[str] | None = None
        self.html = path.read_text(encoding="utf-8")
        self.feed(self.html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self.cell is not None:
            self.rows[-1].append("".join(self.cell).strip())
            self.cell = None

    def handle_data(self, data: str) -> None:
        (self.words if self.cell is None else self.cell).append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_a_pruned_job_shows_how_far_it_came(sweep: Make, write_run: Make) -> None:
    folder = sweep()
    text = Page(write_sweep_report(folder)).text
    assert "A pruned job" not in text
    run = write_run("classes", killed=True, name="sweep/4")
    write_job(run, ["data.root=d", "schedule.rate_factor=9", "batch_size=8"], "pruned", None)
    page = Page(write_sweep_report(folder))
    assert "2 of 5 jobs done, 1 failed, 1 pruned, 1 unfinished." in page.text
    assert "A pruned job was stopped early" in page.text
    (row,) = [row for row in page.rows if row[0] == "4"]
    (killed,) = [row for row in page.rows if row[0] == "2"]
    assert (row[-1], killed[-1]) == ("pruned", "unfinished")
    assert float(row[4]) == float(killed[4]) > 0, "the best figure until then"
    assert {attributes.get("class") for attributes in page.all("tr")} >= {"done", "failed", "pruned", "unfinished"}


def test_jobs_are_compared_best_first(sweep: Make) -> None:
    folder = sweep()
    page = Page(write_sweep_report(folder))
    head, *rows = page.rows
    assert head[:5] == ["job", "rate_factor", "batch_size", "backbone", "mean IoU"]
    killed = read_sweeps(folder)[0].jobs[1]
    assert (killed.name, killed.state) == ("2", "unfinished")
    assert killed.value == pytest.approx(0.6 - 0.5 * 2.718281828**-2), "what its curve had reached"
    assert [row[:5] for row in rows] == [
        ["1", "3", "16", "–", "0.550"],
        ["2", "1", "24", "–", "0.532"],
        ["0", "0.1", "8", "–", "0.310"],
        ["3", "0", "8", "resnet34", "–"],
    ]
    assert [row[-1] for row in rows] == ["done", "unfinished", "done", "failed"]
    assert "2 of 4 jobs done, 1 failed, 1 unfinished." in page.text
    assert "The best, job 1 (schedule.rate_factor=3 batch_size=16), reached mean IoU 0.550" in page.text
    assert "All jobs: data.root=d" in page.text
    assert [link["href"] for link in page.all("a")] == ["1/report.html", "2/report.html", "0/report.html"]


def test_each_job_is_marked_in_every_chart(sweep: Make) -> None:
    page = Page(write_sweep_report(sweep()))
    marks = [element["data-job"] for element in page.all("g") if "data-job" in element]
    # Curves, two scatters and the parallel coordinates; the refused job has no value to show.
    assert sorted(marks) == sorted(["0", "1", "2"] * 3)
    assert len([element for element in page.all("g") if element.get("class") == "mark best"]) == 3


def test_curves_lie_where_the_figures_say(sweep: Make) -> None:
    page = Page(write_sweep_report(sweep()))
    first = page.html[page.html.index("while training") : page.html.index("</svg>")]
    lines = re.findall(r'data-job="(\d)".*?points="([^"]*)"', first, flags=re.DOTALL)
    lengths = {job: len(points.split()) for job, points in lines}
    assert lengths == {"0": 5, "1": 5, "2": 2}, "a point an epoch"
    heights = [float(point.split(",")[1]) for point in dict(lines)["0"].split()]
    assert heights == sorted(heights, reverse=True), "the figure rises, so the line goes up"


def test_text_of_others_stays_text(sweep: Make) -> None:
    page = Page(write_sweep_report(sweep(extra=f"model.backbone={HOSTILE}")))
    assert not page.all("img")
    assert f"{HOSTILE} must be above 0" in page.text
    assert any(HOSTILE in row for row in page.rows)


def test_the_page_needs_nothing_else_and_runs_its_own_script_alone(sweep: Make) -> None:
    page = Page(write_sweep_report(sweep()))
    assert not page.all("link")
    assert all("src" not in script for script in page.all("script"))
    (script,) = re.findall(r"<script>(.*?)</script>", page.html, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_a_click_on_a_heading_sorts(sweep: Make, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs Chromium")
    html = write_sweep_report(sweep()).read_text(encoding="utf-8")
    # The page's policy would rightly refuse a second script.
    clicks = "<script>document.querySelectorAll('#jobs button')[2].click()</script></body>"
    (tmp_path / "click.html").write_text(
        re.sub("<meta http-equiv[^>]*>", "", html).replace("</body>", clicks), encoding="utf-8"
    )
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [*command, "--dump-dom", f"file://{tmp_path}/click.html"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    rows = re.findall(r'<tr class="\w+" data-job="(\d)">', done.stdout)
    assert rows[:2] == ["2", "1"], "by batch size, the largest first"
    assert set(rows[2:]) == {"0", "3"}


def test_the_command_takes_sweeps_runs_and_folders_of_runs(sweep: Make, write_run: Make, tmp_path: Path) -> None:
    def report(folder: Path) -> str:
        done = CliRunner().invoke(app, ["report", str(folder)])
        assert done.exit_code == 0, done.output
        return (folder / "report.html").read_text(encoding="utf-8")

    folder = sweep()
    assert "4 jobs compared" in report(folder)
    assert "jobs compared" not in report(folder / "0")
    for at in range(2):
        write_run(name=f"runs/plain-{at}")
    path = tmp_path / "runs/plain-1/config.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('"resolution": 224', '"resolution": 96'), encoding="utf-8")
    # The summary holds the config too, and is asked first.
    (tmp_path / "runs/plain-1/summary.json").unlink()
    page = Page(tmp_path / "runs/report.html") if report(tmp_path / "runs") else None
    assert page is not None
    assert page.rows[0][:2] == ["job", "resolution"]
    assert sorted(row[1] for row in page.rows[1:]) == ["224", "96"]


def test_attribute_sweeps_have_their_own_figures(sweep: Make) -> None:
    page = Page(write_sweep_report(sweep("attributes")))
    assert "mean AP" in page.rows[0]
    assert "macro F1" in page.rows[0]


def test_runs_of_both_stages_are_not_compared_with_each_other(write_run: Make, tmp_path: Path) -> None:
    for name, stage in (("a", "classes"), ("b", "attributes"), ("c", "classes")):
        write_run(stage, name=f"runs/{name}")
    first = write_sweep_report(tmp_path / "runs")
    assert first.name == "report.html"
    pages = [Page(path) for path in (first, first.with_name("report-attributes.html"))]
    assert [[row[0] for row in page.rows[1:]] for page in pages] == [["a", "c"], ["b"]]
    assert ["mean IoU" in pages[0].rows[0], "mean AP" in pages[0].rows[0]] == [True, False]
    assert ["mean IoU" in pages[1].rows[0], "mean AP" in pages[1].rows[0]] == [False, True]
    links = [[link.get("href") for link in page.all("a")] for page in pages]
    assert "report-attributes.html" in links[0]
    assert "report.html" in links[1]


def test_a_folder_without_jobs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FashionError, match="holds no job of a sweep"):
        write_sweep_report(tmp_path)


def test_the_same_files_give_the_same_page(sweep: Make) -> None:
    folder = sweep()
    first = write_sweep_report(folder).read_bytes()
    assert write_sweep_report(folder).read_bytes() == first


@pytest.mark.parametrize(
    ("values", "log", "names"),
    [
        (["0.001", "0.01", "0.1"], True, ()),
        (["1", "2", "4"], False, ()),
        (["resnet34", "resnet18"], False, ("resnet18", "resnet34")),
        (["8", "auto"], False, ("8", "auto")),
        (["0", "1000"], False, ()),
        (["nan", "1"], False, ("1", "nan")),
        (["5"], False, ("5",)),
        (["1", "1.0"], False, ("1", "1.0")),
        (["0.1", "1e-1", "0.2"], False, ()),
        (["-1e308", "1e308"], False, ("-1e308", "1e308")),
        (["1e-300", "1", "1.7e308"], False, ("1", "1.7e308", "1e-300")),
    ],
)
def test_axes_of_settings(values: list[str], log: bool, names: tuple[str, ...]) -> None:
    axis = setting_axis(values)
    assert (axis.log, axis.names) == (log, names)
    places = [axis.place(value) for value in values]
    assert all(0 < place < 1 for place in places)
    if log:
        assert places[1] - places[0] == pytest.approx(places[2] - places[1]), "equal ratios, equal lengths"


@pytest.mark.parametrize(
    "values", [("0.7036", "1.2518934", "1.2635", "1.605"), ("0.01", "0.0123456", "55.5"), ("3", "4")]
)
def test_marks_of_an_axis_keep_apart(values: tuple[str, ...]) -> None:
    places = [place for place, _ in setting_axis(values).ticks]
    assert len(places) >= 2
    assert min(above - below for below, above in itertools.pairwise(places)) > 0.08


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0012345678", "0.001235"),
        ("1.2345678e-05", "1.235e-05"),
        ("-12345678e-9", "-0.01235"),
        ("123456789", "123456789"),
        ("20240115_01", "20240115_01"),
        ("resnet34.a1", "resnet34.a1"),
        ("infinity.", "infinity."),
        ("0.25", "0.25"),
    ],
)
def test_only_long_fractions_are_shortened(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_a_number_axis_holds_one_value_and_none_of_any_size(tmp_path: Path) -> None:
    values: list[Any] = [0.0, 0.25, -3, 1e9]
    for value in values:
        axis = number_axis([value])
        assert axis.place(value) == pytest.approx(0.5)
        assert axis.ticks
