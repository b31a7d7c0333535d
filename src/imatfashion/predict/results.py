"""What is predicted for a photo, and its line in a part file."""

from __future__ import annotations

import json
from dataclasses import dataclass

from imatfashion.errors import FashionError
from imatfashion.masks.runs import Runs, format_runs, parse_runs


@dataclass(frozen=True)
class GarmentResult:
    """A predicted garment.

    Attributes:
        class_index: index of the class in the model's labels.
        attributes: rising indices of its attributes; None where no attribute model was asked.
        score: the mean probability of its class over its pixels.
        runs: the mask on the photo's output grid.
    """

    class_index: int
    attributes: tuple[int, ...] | None
    score: float
    runs: Runs


@dataclass(frozen=True)
class PhotoResult:
    """A photo's garments.

    Attributes:
        name: the photo's name.
        height: rows of the output grid.
        width: columns of the output grid.
        garments: what was found.
        problem: why the photo could not be read, "" where it could.
    """

    name: str
    height: int
    width: int
    garments: tuple[GarmentResult, ...]
    problem: str = ""


def to_line(result: PhotoResult) -> str:
    """The result as one line of JSON, without the line's end."""
    garments = [
        {
            "class": garment.class_index,
            "attributes": None if garment.attributes is None else list(garment.attributes),
            "score": round(garment.score, 6),
            "runs": format_runs(garment.runs),
        }
        for garment in result.garments
    ]
    fields = {"photo": result.name, "height": result.height, "width": result.width, "garments": garments}
    return json.dumps(fields | ({"problem": result.problem} if result.problem else {}), separators=(",", ":"))


def from_line(line: str) -> PhotoResult:
    """The result that a line describes.

    Raises:
        FashionError: the line is not one that `to_line` wrote.
    """
    try:
        fields = json.loads(line)
        height, width = int(fields["height"]), int(fields["width"])
        garments = tuple(
            GarmentResult(
                int(garment["class"]),
                None if garment["attributes"] is None else tuple(map(int, garment["attributes"])),
                float(garment["score"]),
                parse_runs(garment["runs"], height, width, sorted_only=True),
            )
            for garment in fields["garments"]
        )
        return PhotoResult(str(fields["photo"]), height, width, garments, str(fields.get("problem", "")))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise FashionError(f"a part file has a line that was not written by a prediction ({error})") from error
