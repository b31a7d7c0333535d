"""The page's application, asked through Starlette's client."""

from __future__ import annotations

import base64
import io
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from imatfashion.apps.serve.limits import Limits
from imatfashion.apps.serve.service import Service, load_service
from imatfashion.config.schema import PredictConfig
from imatfashion.masks.runs import decode_runs
from imatfashion.predict.results import from_line
from imatfashion.predict.run import run_prediction
from tests.apps.serve_model import NASTY, painted, photo, save_model

testclient = pytest.importorskip("starlette.testclient", reason="needs the extra [serve]")
from imatfashion.apps.serve.guard import LOOPBACK  # noqa: E402 (behind the check of the extra)
from imatfashion.apps.serve.turns import Turns  # noqa: E402
from imatfashion.apps.serve.web import build_app  # noqa: E402

PLACE = "http://127.0.0.1:8400"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def service(model: tuple[Path, Path]) -> Service:
    return load_service(*model, device="cpu", max_mb=1)


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[testclient.TestClient]:
    with testclient.TestClient(build_app(service, Turns(8), LOOPBACK), base_url=PLACE) as client:
        yield client


def refusal(response: testclient.httpx.Response, status: int) -> str:
    """The sentence of a refusal, which is one and has no traceback in it."""
    assert response.status_code == status, response.text
    sentence = response.json()["error"]
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    return str(sentence)


def test_page_loads_nothing_from_elsewhere_and_escapes_names(client: testclient.TestClient) -> None:
    response = client.get("/")
    assert "classes &amp; &lt;b&gt; · attributes" in response.text
    assert "<b>" not in response.text.replace("<b>imatfashion</b>", "")
    assert re.findall(r"https?://", response.text) == []
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    # What the policy would block anyway: scripts and styles in the page itself.
    assert re.findall(r"<script(?! type=\"module\" src=)|<style|\sstyle=|\son\w+=", response.text) == []
    for address in re.findall(r'(?:src|href)="(/[^"]+)"', response.text):
        assert client.get(address).status_code == 200, address


def test_scripts_load_nothing_from_elsewhere(client: testclient.TestClient) -> None:
    for name in ("app", "card", "dom", "server", "tip"):
        script = client.get(f"/static/{name}.js")
        assert script.status_code == 200
        assert "innerHTML" not in script.text
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", script.text) == []


def test_health(client: testclient.TestClient) -> None:
    answer = client.get("/health").json()
    assert (answer["status"], answer["classes"], answer["attributes"], answer["waiting"]) == ("ok", 4, 3, 0)


def test_outlines_are_the_masks_and_names_are_the_models(client: testclient.TestClient, service: Service) -> None:
    answer = client.post("/predict?name=a.jpg", content=photo()).json()
    assert (answer["name"], answer["width"], answer["height"]) == ("a.jpg", 90, 120)
    result = from_line(answer["row"])
    order = sorted(result.garments, key=lambda garment: -garment.runs.area)
    assert len(order) > 1
    assert NASTY in {garment["name"] for garment in answer["garments"]}
    for shown, garment in zip(answer["garments"], order, strict=True):
        mask = decode_runs(garment.runs, 120, 90)
        outline = painted(shown["path"], 120, 90)
        # An outline may run up to 0.4 pixels beside the mask's own, so only pixels at its edge may differ.
        inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3)), borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
        outer = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3))) > 0
        assert not (inner & ~outline).any()
        assert not (outline & ~outer).any()
        assert (outline ^ mask).sum() <= 0.1 * (outer & ~inner).sum() + 1
        assert shown["name"] == service.predictor.classes.names[garment.class_index]
        names = [service.predictor.attributes.names[index] for index in garment.attributes or ()]
        assert shown["attributes"] == names
        assert shown["score"] == pytest.approx(garment.score, abs=1e-4)
        assert shown["share"] == pytest.approx(mask.mean())


def test_picture_is_the_upright_photo(client: testclient.TestClient) -> None:
    answer = client.post("/predict?name=turned.jpg", content=photo(60, 100, orientation=6)).json()
    assert (answer["width"], answer["height"]) == (60, 100)
    picture = Image.open(io.BytesIO(base64.b64decode(answer["picture"].removeprefix("data:image/jpeg;base64,"))))
    assert picture.size == (60, 100)
    assert not picture.getexif()
    upright = np.asarray(Image.open(io.BytesIO(photo(60, 100))).rotate(-90, expand=True), dtype=float)
    assert np.abs(np.asarray(picture, dtype=float) - upright).mean() < 6


@pytest.mark.parametrize(
    ("file", "output", "size"), [("submission.csv", "s.csv", "grid"), ("garments.json", "g.json", "photo")]
)
def test_downloads_are_what_predict_py_writes(
    client: testclient.TestClient, model: tuple[Path, Path], tmp_path: Path, file: str, output: str, size: str
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    # Large enough that a JPEG is decoded at a reduced scale.
    photos = {"a.jpg": photo(900, 700), "b.png": photo(64, 64, 1, "PNG"), "c.webp": photo(80, 50, 2, "WEBP")}
    for name, data in photos.items():
        (folder / name).write_bytes(data)
    config = PredictConfig(
        classes_ckpt=str(model[0]),
        attributes_ckpt=str(model[1]),
        images=str(folder),
        output=str(tmp_path / output),
        size=size,
        device="cpu",
        batch_size=1,
        progress=False,
    )
    expected = run_prediction(config).read_bytes()
    query = {"grid": "1"} if size == "grid" else {}
    rows = [
        client.post("/predict", params={"name": name, **query}, content=data).json()["row"]
        for name, data in photos.items()
    ]
    response = client.post(f"/download/{file}", json={"rows": rows})
    assert response.headers["content-disposition"] == f'attachment; filename="{file}"'
    assert response.content == expected


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says it has so many pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    body = chunk(b"IDAT", zlib.compress(bytes(100_000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"", 415, "it is empty"),
        (b"MZ not a photo", 415, "not a JPEG, PNG or WebP photo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "not a JPEG, PNG or WebP photo"),
        (b"\0\0\0\x18ftypheic" + bytes(99), 415, "HEIC"),
        (photo()[:-400], 422, "truncated"),
        (b"\xff\xd8\xff" + bytes(500), 422, "cannot be read"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), 422, "cannot be read"),
        (b"RIFF\0\0\0\0WEBP" + bytes(500), 422, "cannot be read"),
        (bomb(9000, 9000), 413, "9000 × 9000 pixels, more than 50 megapixels"),
        (bomb(2**31 - 1, 2**31 - 1), 413, ""),
        (b"\xff\xd8\xff" + bytes(1_000_000), 413, "larger than 1 MB"),
    ],
    ids=["empty", "executable", "svg", "heic", "truncated", "jpeg", "png", "webp", "bomb", "huge_bomb", "bytes"],
)
def test_what_is_no_photo_is_refused_with_a_sentence(
    client: testclient.TestClient, data: bytes, status: int, words: str
) -> None:
    response = client.post("/predict", params={"name": "holiday.jpg"}, content=data)
    if words:
        sentence = refusal(response, status)
        assert words in sentence
        assert sentence.startswith("holiday.jpg ")
    else:
        assert refusal(response, response.status_code)
        assert 400 <= response.status_code < 500


def test_gif_by_another_name_is_refused(client: testclient.TestClient) -> None:
    assert "not a JPEG" in refusal(client.post("/predict?name=a.jpg", content=photo(form="GIF")), 415)


def test_a_body_without_a_length_is_cut_off_at_the_limit(client: testclient.TestClient) -> None:
    sent = []

    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            sent.append(1)
            yield b"\xff\xd8\xff" + bytes(100_000)

    assert "larger than 1 MB" in refusal(client.post("/predict?name=a.jpg", content=chunks()), 413)


def test_forms_are_refused(client: testclient.TestClient) -> None:
    response = client.post("/predict", files={"photo": ("a.jpg", photo())})
    assert "one photo as the request's body" in refusal(response, 415)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd.jpg", "passwd.jpg"),
        ("C:\\photos\\a.jpg", "a.jpg"),
        ("a\nb\x00.jpg", "a\\nb\\x00.jpg"),
        ("<script>.jpg", "<script>.jpg"),
        ("", "photo"),
        ("x" * 500 + ".jpg", "x" * 196 + ".jpg"),
        ("Jäckchen 🧥.jpg", "Jäckchen 🧥.jpg"),
    ],
)
def test_names_are_labels_only(client: testclient.TestClient, given: str, name: str) -> None:
    assert client.post("/predict", params={"name": given}, content=photo(40, 40)).json()["name"] == name


def test_nothing_sent_reaches_the_disk(
    client: testclient.TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    written: list[str] = []
    monkeypatch.setattr("tempfile._TemporaryFileWrapper", lambda *args, **_: written.append("file") or args)
    row = client.post("/predict?name=a.jpg&grid=1", content=photo()).json()["row"]
    assert list(tmp_path.iterdir()) == []
    assert client.post("/download/submission.csv", json={"rows": [row]}).status_code == 200
    assert list(tmp_path.iterdir()) == []
    assert written == []


def row(name: str = "a.jpg", side: int = 512, class_index: int = 0, attributes: str = "[0]") -> str:
    garment = f'{{"class":{class_index},"attributes":{attributes},"score":0.5,"runs":"1 2"}}'
    return f'{{"photo":"{name}","height":{side},"width":{side},"garments":[{garment}]}}'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "a download wants JSON"),
        (b"[" * 100_000, "a download wants JSON"),
        (b'{"rows": []}', "at least one row"),
        (b'{"rows": [1]}', "at least one row"),
        (json.dumps({"rows": ["nonsense"]}).encode(), "not made by this page's model"),
        (json.dumps({"rows": [row(class_index=99)]}).encode(), "not made by this page's model"),
        (json.dumps({"rows": [row(class_index=-1)]}).encode(), "not made by this page's model"),
        (json.dumps({"rows": [row(attributes="[77]")]}).encode(), "not made by this page's model"),
        (json.dumps({"rows": [row(side=10**9)]}).encode(), "not made by this page's model"),
        (json.dumps({"rows": [row(side=64)]}).encode(), "grid of 512 × 512"),
        (json.dumps({"rows": [row(), row()]}).encode(), "same name"),
        (json.dumps({"rows": [row(f"{i}.jpg") for i in range(41)]}).encode(), "at most 40 photos"),
    ],
)
def test_rows_are_not_taken_on_trust(client: testclient.TestClient, body: bytes, words: str) -> None:
    assert words in refusal(client.post("/download/submission.csv", content=body), 422)


def test_unknown_addresses_and_methods(client: testclient.TestClient) -> None:
    assert "there are submission.csv and garments.json" in refusal(client.post("/download/passwd", json={}), 404)
    assert "8 examples" in refusal(client.get("/examples/8"), 404)
    refusal(client.get("/examples/-1"), 404)
    refusal(client.get("/static/../service.py"), 404)
    refusal(client.get("/predict"), 405)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8400", "[", ""])
def test_other_names_are_refused(client: testclient.TestClient, host: str) -> None:
    assert "127.0.0.1" in refusal(client.get("/", headers={"Host": host}), 403)


@pytest.mark.parametrize("host", ["localhost", "localhost:8400", "LOCALHOST:1", "127.0.0.1", "[::1]:8400"])
def test_loopback_names_are_served(client: testclient.TestClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "http://["])
def test_other_origins_are_refused(client: testclient.TestClient, origin: str) -> None:
    assert "other sites" in refusal(client.post("/predict", content=photo(), headers={"Origin": origin}), 403)


def test_own_origin_is_served(client: testclient.TestClient) -> None:
    headers = {"Origin": PLACE}
    assert client.post("/predict?name=a.jpg", content=photo(), headers=headers).status_code == 200


def test_without_attribute_model_nothing_is_said_of_attributes(model: tuple[Path, Path]) -> None:
    service = load_service(model[0], device="cpu")
    with testclient.TestClient(build_app(service, Turns(8), None), base_url="http://any.name") as client:
        answer = client.post("/predict?name=a.jpg", content=photo()).json()
        assert {garment["attributes"] for garment in answer["garments"]} == {None}
        assert "with its attributes" not in client.get("/").text


def test_photo_at_the_limit_is_taken_and_one_pixel_more_is_not(service: Service) -> None:
    from dataclasses import replace

    small = replace(service, limits=Limits(pixels=40 * 30))
    with testclient.TestClient(build_app(small, Turns(8), LOOPBACK), base_url=PLACE) as client:
        assert client.post("/predict", content=photo(40, 30)).status_code == 200
        refusal(client.post("/predict", content=photo(41, 30)), 413)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 3000), (3000, 1), (2, 2)])
def test_photos_of_any_shape(client: testclient.TestClient, height: int, width: int) -> None:
    answer = client.post("/predict", content=photo(height, width, form="PNG")).json()
    assert (answer["height"], answer["width"]) == (height, width)
