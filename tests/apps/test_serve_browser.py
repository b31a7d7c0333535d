"""The page in a real browser: choosing, hovering, keys, touch, errors, downloads, two widths."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.apps.serve_chromium import Browser, browser, find_chromium
from tests.apps.serve_model import NASTY, photo, save_model
from tests.apps.test_serve_command import running

pytest.importorskip("uvicorn", reason="needs the extra [serve]")

CARDS = "document.querySelectorAll('.card[aria-busy=false]').length"
LIT = "[...document.querySelectorAll('.on')].map((node) => node.tagName)"
REACH = """(() => {
  const node = document.querySelector(%s);
  const box = node.getBoundingClientRect();
  for (let step = 0; step < 2500; step += 1) {
    const x = box.x + (box.width * ((step %% 50) + 0.5)) / 50;
    const y = box.y + (box.height * (Math.floor(step / 50) + 0.5)) / 50;
    if (document.elementFromPoint(x, y) === node) return [x, y];
  }
})()"""
TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
TIP = "document.getElementById('tip')"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    find_chromium()
    model = [str(path) for path in save_model(tmp_path_factory.mktemp("model"))]
    with running(*model, "--port", "0", "--device", "cpu", "--max-mb", "0.2") as server:
        yield server.url


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def page(chromium: Browser, address: str) -> Browser:
    chromium.complaints.clear()
    chromium.size(1280, 900)
    chromium.open(address)
    return chromium


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    (folder / "again").mkdir()
    files = {
        "a.jpg": photo(200, 150),
        "again/a.jpg": photo(90, 160, 1),
        "none.jpg": b"no photo",
        "big.jpg": bytes(300_000),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in files]


def centre(page: Browser, selector: str) -> tuple[float, float]:
    """A place of the window that belongs to the first such element itself."""
    page.js(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'center'}})")
    # The page may still be scrolling to a new card: what is aimed at is missed, and a tap only ends the scrolling.
    place, before = page.js(REACH % json.dumps(selector)), None
    while place != before:
        page.js(TWO_FRAMES)
        before, place = place, page.js(REACH % json.dumps(selector))
    assert place, f"nothing of {selector} can be reached"
    return place[0], place[1]


def colours(path: Path) -> int:
    """How many colours a picture has."""
    with Image.open(path) as image:
        return len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0))


def test_photos_become_cards_whose_regions_light_up(page: Browser, photos: list[Path], tmp_path: Path) -> None:
    page.choose("#files", *photos[:2])
    page.until(f"{CARDS} === 2")
    assert page.js("[...document.querySelectorAll('h3')].map((node) => node.textContent)") == ["a.jpg", "a (2).jpg"]
    assert page.js("document.getElementById('status').textContent") == "2 photos"
    # A name with HTML is shown as it is written, and has run nothing.
    assert NASTY in page.js("[...document.querySelectorAll('.name')].map((node) => node.textContent)")
    assert page.js("document.querySelectorAll('.card img').length") == 0
    assert page.js("document.title") == "imatfashion: see what a photo wears"
    region = page.js("document.querySelector('.regions path').getAttribute('aria-label')")
    page.move(*centre(page, ".regions path"))
    page.until(f"!{TIP}.hidden")
    assert page.js(LIT) == ["path", "BUTTON"]
    assert region.startswith(page.js(f"{TIP}.querySelector('b').textContent"))
    assert colours(page.picture(tmp_path / "hover.png")) > 500
    page.move(*centre(page, "#status"))
    page.until(f"{TIP}.hidden && {LIT}.length === 0")
    page.move(*centre(page, ".garments button"))
    page.until(f"{LIT}.length === 2")
    assert page.complaints == []


def test_keys_reach_and_pin_a_region(page: Browser, photos: list[Path]) -> None:
    page.choose("#files", photos[0])
    page.until(f"{CARDS} === 1")
    page.js("document.querySelector('.toggle').focus()")
    page.press("Tab", 9)
    page.press("Tab", 9)
    focused = "document.activeElement.closest('.garments') !== null"
    assert page.js(focused)
    page.js("document.querySelector('.regions path').focus()")
    assert page.js(f"[{TIP}.hidden, {LIT}.length]") == [False, 2]
    page.press("Enter", 13)
    page.js("document.activeElement.blur()")
    assert page.js("document.querySelectorAll('[aria-pressed=true]').length") == 2
    assert page.js(f"{LIT}.length") == 2
    page.js("document.querySelector('.regions path').focus()")
    page.press("Escape", 27)
    assert page.js("document.querySelectorAll('[aria-pressed=true]').length") == 0


def test_what_cannot_be_used_is_said_on_its_card(page: Browser, photos: list[Path], tmp_path: Path) -> None:
    page.choose("#files", photos[2], photos[3], photos[0])
    page.until(f"{CARDS} === 3")
    said = page.js("[...document.querySelectorAll('.card .failure')].map((node) => node.textContent)")
    assert said == [
        "none.jpg cannot be used: it is not a JPEG, PNG or WebP photo; send JPEG, PNG or WebP",
        "big.jpg is larger than 0.2 MB; send a smaller one",
    ]
    assert page.js("document.getElementById('status').textContent") == "1 photo, and 2 without a result"
    assert colours(page.picture(tmp_path / "error.png")) > 20


def test_downloads(page: Browser, photos: list[Path], tmp_path: Path) -> None:
    page.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.choose("#files", *photos[:2])
    page.until(f"{CARDS} === 2 && document.body.dataset.state === 'idle'")
    for file in ("submission.csv", "garments.json"):
        page.js(f"document.querySelector('[data-download=\"{file}\"]').click()")
        while not (tmp_path / file).is_file():
            page.js("new Promise((done) => setTimeout(done, 50))")
    page.until("!document.querySelector('[data-download]').disabled")
    with (tmp_path / "submission.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["ImageId"] for row in rows} == {"a.jpg", "a (2).jpg"}
    coco = json.loads((tmp_path / "garments.json").read_text(encoding="utf-8"))
    assert [(image["height"], image["width"]) for image in coco["images"]] == [(200, 150), (90, 160)]
    shown = page.js("document.querySelectorAll('.regions path').length")
    assert len(coco["annotations"]) == shown


def test_example_removal_and_clear(page: Browser) -> None:
    for _ in range(2):
        page.js("document.querySelector('[data-example]').click()")
    page.until(f"{CARDS} === 2")
    page.js("document.querySelector('.remove').click()")
    assert page.js("document.getElementById('status').textContent") == "1 photo"
    page.js("document.getElementById('clear').click()")
    assert page.js("document.getElementById('results').hidden")


@pytest.mark.parametrize("dark", [False, True])
def test_phone(page: Browser, photos: list[Path], tmp_path: Path, dark: bool) -> None:
    page.size(390, 844, dark=dark, touch=True)
    page.choose("#files", photos[0], photos[2])
    page.until(f"{CARDS} === 2 && document.body.dataset.state === 'idle'")
    assert page.js("document.documentElement.scrollWidth") == 390
    page.tap(*centre(page, ".regions path"))
    page.until("document.querySelectorAll('[aria-pressed=true]').length === 2")
    picture = page.picture(tmp_path / "phone.png", whole=True)
    with Image.open(picture) as image:
        grey = np.asarray(image.convert("L"))
    assert grey.shape[1] == 390
    assert (grey[:40, -40:].mean() < 60) == dark


def test_server_that_is_gone_is_said(chromium: Browser, photos: list[Path], tmp_path: Path) -> None:
    model = [str(path) for path in save_model(tmp_path)]
    with running(*model, "--port", "0", "--device", "cpu") as server:
        chromium.open(server.url)
    chromium.choose("#files", photos[0])
    chromium.until(f"{CARDS} === 1")
    assert "does not answer" in chromium.js("document.querySelector('.card .failure').textContent")
