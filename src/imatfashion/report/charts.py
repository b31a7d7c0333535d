"""Curves as inline SVG: small, without a timestamp, in the page's own font and colours."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

_INK, _GRID = "#010203", "#010204"
_MOST_POINTS, _MOST_MARKS = 300, 60
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9,
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "grid.color": _GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
}


@dataclass(frozen=True)
class Line:
    """A curve of a chart.

    Attributes:
        label: its name in the legend.
        x: positions.
        y: values, as many.
        color: a colour that shows on light and on dark paper.
        dotted: mark each value, for figures that come once an epoch.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    color: str
    dotted: bool = False


def line_chart(name: str, lines: Sequence[Line], *, x_label: str, share: bool = False, zero: bool = False) -> str:
    """An SVG element of the curves, the same to the last byte for the same values.

    Args:
        name: tells the chart's ids from those of other charts of the page.
        lines: the curves; those without a value are left out.
        x_label: what the horizontal axis counts.
        share: the vertical axis begins at 0 and ends hardly above 1.
        zero: the vertical axis begins at 0.

    Returns:
        `<svg …>…</svg>`; empty where there is nothing to draw.
    """
    lines = [_thin(line) for line in lines if len(line.x)]
    if not lines:
        return ""
    with mpl.rc_context({**_STYLE, "svg.hashsalt": f"imatfashion-{name}"}):
        figure = Figure(figsize=(4.4, 2.7), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        for line in lines:
            mark = "o" if line.dotted and len(line.x) <= _MOST_MARKS else ""
            axes.plot(line.x, line.y, color=line.color, label=line.label, linewidth=1.8, marker=mark, markersize=3.5)
        axes.grid(axis="y", linewidth=0.7)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=_range(lines) > 3))
        axes.set_xlabel(x_label)
        if share or zero:
            # Room above the highest point: matplotlib's own is a share of the values' range, which may be tiny.
            top = 1.06 * max((value for line in lines for value in line.y if np.isfinite(value)), default=0.0)
            axes.set_ylim(0, (min(1.02, top) if share else top) or None)
        figure.legend(loc="outside upper left", ncols=len(lines), frameon=False, handlelength=1.2, columnspacing=1.2)
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(out.getvalue(), ", ".join(line.label for line in lines))


def _range(lines: Sequence[Line]) -> float:
    ends = [position for line in lines for position in (line.x[0], line.x[-1])]
    return max(ends) - min(ends)


def _thin(line: Line) -> Line:
    """The curve with at most 300 points, each the mean of its neighbours."""
    if len(line.x) <= _MOST_POINTS:
        return line
    x, y = (
        [float(part.mean()) for part in np.array_split(np.asarray(values, dtype=np.float64), _MOST_POINTS)]
        for values in (line.x, line.y)
    )
    return Line(line.label, x, y, line.color, line.dotted)


def _inline(svg: str, title: str) -> str:
    """The SVG element alone, as wide as its place, in the page's ink and font."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font: (\d+(?:\.\d+)?px)[^;\"]*", r"font-size: \1", svg)
    label = title.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    return svg.replace(_INK, "currentColor").replace(_GRID, "var(--line)").strip()
