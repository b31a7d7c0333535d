"""The curves of a run: losses, figures on validation photos, learning rates."""

from __future__ import annotations

from dataclasses import dataclass

from imatfashion.report.charts import Line, line_chart
from imatfashion.report.figures import figure_names
from imatfashion.report.run_files import RunFiles

# Colours that hold on light and on dark paper, and apart for colour-blind eyes.
_COLORS = ("#3b7dd8", "#e0812e", "#2f9e6e", "#b45fc4", "#c9506a", "#8a7a35")


@dataclass(frozen=True)
class Chart:
    """A chart with its heading and what it shows, `svg` ready for the page."""

    heading: str
    note: str
    svg: str


def charts(run: RunFiles) -> list[Chart]:
    """The charts that have something to show."""
    rates = {name: name.removeprefix("lr/") for name in run.curves.by_name if name.startswith("lr/")}
    figures = {f"val/{name}": label for name, label in figure_names(run.stage).items()}
    monitored = {run.monitor: figures.pop(run.monitor, run.monitor)}
    made = [
        Chart(
            "Loss",
            "Lower is better. Validation rising while training falls means the network learns its photos by heart.",
            _chart(run, "loss", {"train/loss": "training", "val/loss": "validation"}),
        ),
        Chart(
            "Monitored figure", "The best checkpoint is the highest point.", _chart(run, "best", monitored, zero=True)
        ),
        Chart(
            "Other figures", "On the validation photos, after each epoch.", _chart(run, "other", figures, share=True)
        ),
        Chart("Learning rates", "By parameter group; 0 means frozen.", _chart(run, "rates", rates, zero=True)),
    ]
    return [chart for chart in made if chart.svg]


def _chart(run: RunFiles, name: str, labels: dict[str, str], *, share: bool = False, zero: bool = False) -> str:
    per_epoch = run.curves.steps_per_epoch
    lines = []
    for (column, label), color in zip(labels.items(), _COLORS * len(labels), strict=False):
        if curve := run.curves.by_name.get(column):
            x = [step / (per_epoch or 1) for step in curve.steps]
            lines.append(Line(label, x, curve.values, color, dotted=column.startswith("val/")))
    return line_chart(name, lines, x_label="epochs" if per_epoch else "steps", share=share, zero=zero)
