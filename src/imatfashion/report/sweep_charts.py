"""The charts of a sweep as inline SVG: each job is one mark in all of them, so that it can be followed.

Every text is escaped here: the elements go into the page as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from imatfashion.report.sweep_axes import Axis, number_axis, setting_axis
from imatfashion.report.sweep_files import JobFiles, SweepFiles, monitor_name, short_key, shown
from imatfashion.report.words import figure

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 460, 280, 46, 14, 12, 40
_WIDE, _TALL, _MARGIN, _HEAD, _FOOT = 1040, 320, 90, 34, 14
_LONGEST = 18


def curves_chart(sweep: SweepFiles) -> str:
    """The monitored figure of all jobs over epochs (over steps where an epoch's length is unknown)."""
    found = [(job, job.run.curves) for job in sweep.jobs if job.run and sweep.monitor in job.run.curves.by_name]
    if not found:
        return ""
    by_epoch = all(curves.steps_per_epoch for _, curves in found)
    lines = []
    for job, curves in found:
        curve = curves.by_name[sweep.monitor]
        length = (curves.steps_per_epoch or 1.0) if by_epoch else 1.0
        lines.append((job, [step / length for step in curve.steps], curve.values))
    x = number_axis([0.0, *(value for _, values, _ in lines for value in values)])
    y = number_axis([value for _, _, values in lines for value in values])
    marks = []
    for job, across, up in reversed(lines):
        points = [(_across(x.place(a)), _up(y.place(b))) for a, b in zip(across, up, strict=True)]
        dots = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5"/>' for a, b in points if len(points) <= 40)
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        marks.append(_mark(sweep, job, f'<polyline points="{path}"/>{dots}'))
    return _plot(x, y, "epochs" if by_epoch else "steps", monitor_name(sweep), marks)


def scatter_chart(sweep: SweepFiles, key: str) -> str:
    """The monitored figure against a setting; empty where fewer than two jobs have both."""
    found = [(job, job.settings[key], job.value) for job in sweep.jobs if job.value is not None and key in job.settings]
    if len({text for _, text, _ in found}) < 2:
        return ""
    x, y = setting_axis([text for _, text, _ in found]), number_axis([value for *_, value in found])
    marks = [
        _mark(sweep, job, f'<circle cx="{_across(x.place(text)):.1f}" cy="{_up(y.place(value)):.1f}" r="5"/>')
        for job, text, value in reversed(found)
    ]
    return _plot(x, y, short_key(key) + (" (logarithmic)" if x.log else ""), monitor_name(sweep), marks)


def parallel_chart(sweep: SweepFiles) -> str:
    """Parallel coordinates: a line a job through its settings to the monitored figure; empty for one setting."""
    found = [
        (job, job.value)
        for job in sweep.jobs
        if job.value is not None and all(key in job.settings for key in sweep.keys)
    ]
    keys = [key for key in sweep.keys if len({job.settings[key] for job, _ in found}) > 1]
    if len(keys) < 2 or len(found) < 2:
        return ""
    axes = [setting_axis([job.settings[key] for job, _ in found]) for key in keys]
    axes.append(number_axis([value for _, value in found]))
    gap = (_WIDE - 2 * _MARGIN) / len(keys)
    names = [*map(short_key, keys), monitor_name(sweep)]
    parts = [f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_HEAD}" y2="{_TALL - _FOOT}"/>' for x in _places(gap, len(axes))]
    for job, value in reversed(found):
        row: list[float | str] = [*(job.settings[key] for key in keys), value]
        places = [axis.place(item) for axis, item in zip(axes, row, strict=True)]
        path = " ".join(f"{x:.1f},{_down(y):.1f}" for x, y in zip(_places(gap, len(axes)), places, strict=True))
        parts.append(_mark(sweep, job, f'<polyline points="{path}"/>'))
    for x, name, axis in zip(_places(gap, len(axes)), names, axes, strict=True):
        parts += _labels(x, name, axis)
    return _svg(_WIDE, _TALL, f"settings against {monitor_name(sweep)}", parts)


def job_title(sweep: SweepFiles, job: JobFiles) -> str:
    """A job, its figure and what sets it apart, for the pointer."""
    settings = " · ".join(f"{key}={shown(job.settings[key])}" for key in sweep.keys if key in job.settings)
    return f"job {job.name}: {figure(job.value)} · {settings}"


def _mark(sweep: SweepFiles, job: JobFiles, inside: str) -> str:
    """What stands for a job, with its rank's shade."""
    rank = sweep.jobs.index(job)
    kind = "mark best" if rank == 0 and job.value is not None else "mark"
    share = 1 - 0.7 * rank / max(1, len(sweep.jobs) - 1)
    return (
        f'<g class="{kind}" data-job="{escape(job.name)}" style="--rank:{100 * share:.0f}%">'
        f"<title>{escape(job_title(sweep, job))}</title>{inside}</g>"
    )


def _plot(x: Axis, y: Axis, x_label: str, y_label: str, marks: Sequence[str]) -> str:
    lines = [
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_up(at):.1f}" y2="{_up(at):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{_up(at) + 3.5:.1f}" text-anchor="end">{escape(text)}</text>'
        for at, text in y.ticks
    ]
    shown = x.ticks if len(x.ticks) <= 3 else [(at, _short(text, 60 // len(x.ticks))) for at, text in x.ticks]
    lines += [
        f'<text x="{_across(at):.1f}" y="{_HEIGHT - _BOTTOM + 15}" text-anchor="middle">{escape(text)}</text>'
        for at, text in shown
    ]
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    lines.append(f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>')
    return _svg(_WIDTH, _HEIGHT, f"{y_label} against {x_label}", [*lines, *marks])


def _places(gap: float, axes: int) -> list[float]:
    return [_MARGIN + at * gap for at in range(axes)]


def _labels(x: float, name: str, axis: Axis) -> Iterator[str]:
    yield f'<text class="name" x="{x:.1f}" y="18" text-anchor="middle">{escape(name)}</text>'
    for at, text in axis.ticks:
        shown = escape(_short(text, _LONGEST))
        yield f'<text class="over" x="{x - 7:.1f}" y="{_down(at) + 3.5:.1f}" text-anchor="end">{shown}</text>'


def _svg(width: int, height: int, label: str, parts: Sequence[str]) -> str:
    inside = "\n".join(parts)
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">\n{inside}\n</svg>'


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _across(place: float) -> float:
    return _LEFT + place * (_WIDTH - _LEFT - _RIGHT)


def _up(place: float) -> float:
    return _HEIGHT - _BOTTOM - place * (_HEIGHT - _TOP - _BOTTOM)


def _down(place: float) -> float:
    return _TALL - _FOOT - place * (_TALL - _HEAD - _FOOT)
