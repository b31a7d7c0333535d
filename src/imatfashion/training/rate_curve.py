"""The loss over rising rates: smoothed, read and drawn."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Steps that a value of the curve is the mean of.
_WINDOW = 9

Curve = npt.NDArray[np.float64]


def smoothed(losses: Curve) -> Curve:
    """Means over neighbouring steps, in both directions: a running mean would lag, and suggest too high a rate."""
    half = _WINDOW // 2
    return np.array([losses[max(0, i - half) : i + half + 1].mean() for i in range(len(losses))])


def steepest(rates: Curve, smooth: Curve) -> float | None:
    """The rate at which the smoothed loss falls fastest over the rate's logarithm, before its lowest point.

    Returns:
        The rate; None where the loss never falls by a twentieth of its first value.
    """
    lowest = int(smooth.argmin()) if len(smooth) else 0
    if lowest < 2 or smooth[lowest] > 0.95 * smooth[0]:
        return None
    slope = np.gradient(smooth[: lowest + 1], np.log10(rates[: lowest + 1]))
    return float(rates[int(slope.argmin())])


def draw_sweep(path: Path, rates: Curve, losses: Curve, smooth: Curve, suggestion: float | None, now: float) -> None:
    """Draw the losses over the rates, with the suggested rate and the one that the config has."""
    with mpl.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        axes.semilogx(rates, losses, color="#9aa0a6", linewidth=0.8, label="loss of a step")
        axes.semilogx(rates, smooth, color="#1a73e8", linewidth=2, label=f"mean of {_WINDOW} steps")
        axes.axvline(now, color="#9aa0a6", linestyle=":", label=f"now {now:.2g}")
        if suggestion is not None:
            axes.axvline(suggestion, color="#d93025", linestyle="--", label=f"suggested {suggestion:.2g}")
        if len(smooth):
            # What grows without bound at the end would flatten the rest.
            axes.set_ylim(top=smooth[0] + 0.6 * (smooth[0] - smooth.min()) + 0.05 * abs(smooth[0]))
        axes.set_xlabel("learning rate of the decoder")
        axes.set_ylabel("training loss")
        axes.grid(axis="y", linewidth=0.5, color="#e0e0e0")
        axes.legend(frameon=False)
        figure.savefig(path)
