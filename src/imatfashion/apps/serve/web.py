"""The web application: routes, and errors as sentences."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from imatfashion.apps.serve.downloads import FILES, write_file
from imatfashion.apps.serve.guard import Guard
from imatfashion.apps.serve.intake import hear_out, plain_name, read_body
from imatfashion.apps.serve.refusal import Refused
from imatfashion.apps.serve.service import Service
from imatfashion.apps.serve.turns import Turns

STATIC = Path(__file__).parent / "static"


def build_app(service: Service, turns: Turns, hosts: Collection[str] | None) -> Starlette:
    """The application.

    Args:
        service: the model behind it.
        turns: where heavy work waits for its turn; closed when the application ends.
        hosts: names by which it may be asked for; None for any.
    """
    handlers = Handlers(service, turns)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        turns.close()

    routes = [
        Route("/", handlers.page),
        Route("/health", handlers.health),
        Route("/predict", handlers.predict, methods=["POST"]),
        Route("/download/{file}", handlers.download, methods=["POST"]),
        Route("/examples/{number:int}", handlers.example),
        Route("/examples/{number:int}/thumbnail", handlers.thumbnail),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    errors: dict[Any, Any] = {Refused: _refused, HTTPException: _no_such_thing, Exception: _our_fault}
    return Starlette(
        routes=routes, lifespan=lifespan, exception_handlers=errors, middleware=[Middleware(Guard, hosts=hosts)]
    )


class Handlers:
    """What is done for each route.

    Args:
        service: the model.
        turns: where heavy work waits for its turn.
    """

    def __init__(self, service: Service, turns: Turns) -> None:
        self.service = service
        self.turns = turns
        # autoescape=True rather than by the template's ending: names come from other people's label files.
        environment = Environment(
            loader=PackageLoader("imatfashion.apps.serve", "."), autoescape=True, undefined=StrictUndefined
        )
        self._html = environment.get_template("page.html").render(service=service, limits=service.limits)

    async def page(self, _: Request) -> Response:
        """The page itself."""
        return HTMLResponse(self._html)

    async def health(self, _: Request) -> Response:
        """That it lives, what it knows, and how much waits."""
        predictor = self.service.predictor
        counts = {"classes": len(predictor.classes), "attributes": len(predictor.attributes)}
        return JSONResponse({"status": "ok", "model": self.service.title, "waiting": self.turns.taken, **counts})

    async def predict(self, request: Request) -> Response:
        """The garments of the photo that is the request's body; with `grid=1` its row on the submission's grid."""
        name = plain_name(request.query_params.get("name", ""))
        if request.headers.get("content-type", "").startswith("multipart/"):
            await hear_out(request)
            raise Refused(415, "send one photo as the request's body, such as curl --data-binary @photo.jpg does")
        work = self.service.grid_row if request.query_params.get("grid") else self.service.predict
        async with self._place(request):
            data = await read_body(request, self.service.limits.photo_bytes, name)
            return JSONResponse(await self.turns.run(work, name, data))

    async def download(self, request: Request) -> Response:
        """A file of the rows that the page holds."""
        file, predictor, limits = request.path_params["file"], self.service.predictor, self.service.limits
        if file not in FILES:
            raise Refused(404, f"there is no download {plain_name(file)}; there are {' and '.join(FILES)}")
        async with self._place(request):
            body = await read_body(request, limits.rows_bytes, "the list of rows")
            content = await self.turns.run(write_file, file, body, predictor.classes, predictor.attributes, limits)
        return Response(
            content, media_type=FILES[file], headers={"Content-Disposition": f'attachment; filename="{file}"'}
        )

    @asynccontextmanager
    async def _place(self, request: Request) -> AsyncIterator[None]:
        """A place in the queue, or a refusal once the request has been heard out."""
        if self.turns.full:
            await hear_out(request)
        with self.turns.place():
            yield

    async def example(self, request: Request) -> Response:
        """An example's file."""
        example = self._example(request)
        return Response(example.data, media_type=f"image/{example.kind}")

    async def thumbnail(self, request: Request) -> Response:
        """A small picture of an example."""
        return Response(self._example(request).thumbnail, media_type="image/jpeg")

    def _example(self, request: Request) -> Any:
        number, examples = request.path_params["number"], self.service.examples
        if number >= len(examples):
            raise Refused(404, f"there are {len(examples)} examples, counted from 0")
        return examples[number]


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # the table of handlers says so
    return JSONResponse({"error": error.sentence}, status_code=error.status)


async def _no_such_thing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # the table of handlers says so
    sentence = f"{request.method} {request.url.path} is not served here ({error.detail.lower()})"
    return JSONResponse({"error": sentence}, status_code=error.status_code, headers=error.headers)


async def _our_fault(_: Request, __: Exception) -> Response:
    # The error is raised again behind this answer, so the terminal shows where it arose.
    return JSONResponse({"error": "something went wrong here; the terminal has the details"}, status_code=500)
