"""The page's requests through Starlette's client: every answer is a 2xx or a 4xx."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from fuzz.material import ATTRIBUTES, CLASSES, save_checkpoint


def page(folder: Path) -> Callable[[bytes], None]:
    """By the first byte: a photo, rows to download, a photo's name, a path."""
    from starlette.testclient import TestClient

    from imatfashion.apps.serve.guard import LOOPBACK
    from imatfashion.apps.serve.service import load_service
    from imatfashion.apps.serve.turns import Turns
    from imatfashion.apps.serve.web import build_app

    classes = save_checkpoint(folder / "classes" / "best.ckpt", CLASSES)
    attributes = save_checkpoint(folder / "attributes" / "best.ckpt", ATTRIBUTES)
    service = load_service(classes, attributes, device="cpu", max_mb=1)
    # Entered once: the client's own thread then lives as long as the target.
    client = TestClient(build_app(service, Turns(8), LOOPBACK), base_url="http://127.0.0.1:8400").__enter__()

    def target(data: bytes) -> None:
        kind, rest = data[:1], data[1:]
        if kind == b"d":
            file = "submission.csv" if rest[:1] == b"c" else "garments.json"
            answer = client.post(f"/download/{file}", content=rest[1:])
        elif kind == b"n":
            answer = client.post(f"/predict?name={quote(rest[:2000])}", content=b"")
        elif kind == b"g":
            answer = client.get(f"/{quote(rest[:2000])}")
        else:
            answer = client.post("/predict?name=x.jpg", content=rest)
        assert answer.status_code // 100 in (2, 4), answer.text

    return target
