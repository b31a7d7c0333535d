from __future__ import annotations

import re

import pytest

from imatfashion.report.charts import Line, line_chart


def heights(values: list[float], **options: bool) -> tuple[list[float], float, float]:
    """Where the marks stand, and the top and the height of the plot, in the picture's own units; y grows downwards."""
    svg = line_chart(
        "test", [Line("figure", range(len(values)), values, "#123456", dotted=True)], x_label="n", **options
    )
    marks = [float(y) for y in re.findall(r'<use [^>]*y="([\d.]+)"[^>]*fill: #123456', svg)]
    marks = marks[: len(values)]  # the legend has one, too
    found = re.search(r'<clipPath[^>]*>\s*<rect x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', svg)
    assert found
    assert len(marks) == len(values)
    return marks, float(found[1]), float(found[2])


@pytest.mark.parametrize("options", [{"share": True}, {"zero": True}, {}])
@pytest.mark.parametrize("values", [[0.18, 0.19, 0.195], [0.01, 0.5, 0.2], [0.97, 1.0, 0.98]])
def test_the_highest_point_has_room(values: list[float], options: dict[str, bool]) -> None:
    marks, top, height = heights(values, **options)
    assert min(marks) - top > 0.015 * height


@pytest.mark.parametrize("values", [[0.0, 0.0], [float("nan"), float("nan")], [float("nan"), 0.3]])
def test_nothing_but_zero_or_nan_is_drawn(values: list[float]) -> None:
    assert line_chart("test", [Line("figure", [1, 2], values, "#000")], x_label="n", share=True).startswith("<svg")
