"""From complete parts to the output, in the photos' order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imatfashion.data.labels import Labels
from imatfashion.errors import FashionError
from imatfashion.predict.coco import write_coco
from imatfashion.predict.parts import is_complete, part_path, read_part
from imatfashion.predict.plan import is_made
from imatfashion.predict.pngs import write_pngs
from imatfashion.predict.results import PhotoResult
from imatfashion.predict.submission import write_submission
from imatfashion.predict.table import MADE_BY, write_table


@dataclass(frozen=True)
class Summary:
    """Names of the photos that could not be read, each with the reason."""

    problems: list[tuple[str, str]]


def merge(
    output: Path,
    format: str,
    fingerprint: dict[str, Any],
    counts: Sequence[int],
    classes: Labels,
    attributes: Labels,
) -> Summary | None:
    """Write the output and remove the parts.

    Args:
        output: the file or folder.
        format: `submission`, `coco`, `png` or `table`.
        fingerprint: what each part must begin with.
        counts: photos of each part.
        classes: the model's categories.
        attributes: the model's attributes.

    Returns:
        None while a part is missing or unfinished, and where another process has merged them meanwhile.

    Raises:
        FashionError: a part is of other settings, or the output cannot be written.
    """
    parts = [part_path(output, index, len(counts)) for index in range(len(counts))]
    if not all(is_complete(path, fingerprint, count) for path, count in zip(parts, counts, strict=True)):
        return None
    problems: list[tuple[str, str]] = []

    def results() -> Iterator[PhotoResult]:
        for path in parts:
            yield from read_part(path)

    def once() -> Iterator[PhotoResult]:
        for result in results():
            if result.problem:
                problems.append((result.name, result.problem))
            yield result

    try:
        if is_made(output, format):  # killed between the folder's rename and the removal of its parts
            problems += [(result.name, result.problem) for result in results() if result.problem]
        elif format == "submission":
            write_submission(output, once(), classes, attributes)
        elif format == "coco":
            write_coco(output, (once(), results()), classes, attributes)
        elif format == "png":
            write_pngs(output, once(), classes)
        else:
            meta = {"checkpoint": fingerprint["classes_ckpt"], "attributes_checkpoint": fingerprint["attributes_ckpt"]}
            meta[MADE_BY] = fingerprint
            write_table(output, once(), classes, attributes, meta)
    except FileNotFoundError:
        if output.is_file() or is_made(output, format):
            return None  # another shard merged the parts under our hands
        raise
    except OSError as error:
        raise FashionError(f"{output} cannot be written ({error.strerror}); the parts beside it are kept") from error
    for path in parts:
        path.unlink(missing_ok=True)
    return Summary(problems)
