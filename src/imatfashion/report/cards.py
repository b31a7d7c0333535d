"""Key figures with what they mean, and what the run took."""

from __future__ import annotations

from dataclasses import dataclass

from imatfashion.report.run_files import RunFiles
from imatfashion.report.story import epochs_done, epochs_planned
from imatfashion.report.words import NOTHING, count, duration, figure, many, number

_METRICS = {
    "miou": (
        "Mean IoU",
        "Overlap of predicted and true area divided by their union, for each class over all validation pixels, "
        "averaged over the classes that occur; background is left out. 1 is perfect.",
    ),
    "pixel_accuracy": (
        "Pixel accuracy",
        "Share of all pixels, background too, with the right label. Easily high where most of a photo is background.",
    ),
    "foreground_accuracy": (
        "Foreground accuracy",
        "Share of the garments' pixels with the right class. A model that never says background maximises it: "
        "read it beside the next figure.",
    ),
    "background_recall": ("Background recall", "Share of the background's pixels that were left as background."),
    "map": (
        "Mean average precision",
        "How far garments that have an attribute are ranked before those that do not, averaged over the attributes. "
        "1 is perfect, the prevalence is what guessing gets.",
    ),
    "macro_f1": (
        "Macro F1",
        "Harmonic mean of precision and recall when an attribute is said from its threshold on, averaged over the "
        "attributes.",
    ),
    "prevalence": ("Prevalence", "Share of the garments that have an attribute, averaged: the score of guessing."),
}


@dataclass(frozen=True)
class Card:
    """A figure.

    Attributes:
        name: what it is.
        value: the figure as text.
        note: what it means.
        share: the figure for a bar, 0 … 1; None without a bar.
    """

    name: str
    value: str
    note: str
    share: float | None = None


def metric_cards(run: RunFiles) -> list[Card]:
    """The evaluation's figures, or the last logged ones where there is no evaluation."""
    metrics = run.evaluation.get("metrics")
    found = metrics if isinstance(metrics, dict) else _last_logged(run)
    cards = [
        Card(name, figure(found[key]), note, number(found[key]))
        for key, (name, note) in _METRICS.items()
        if key in found
    ]
    precision, prevalence = number(found.get("map")), number(found.get("prevalence"))
    if precision is not None and prevalence:
        cards.append(
            Card("Lift", f"{precision / prevalence:.1f} ×", "Mean average precision divided by the prevalence.")
        )
    return cards


def _last_logged(run: RunFiles) -> dict[str, float]:
    curves = {key: run.curves.by_name.get(f"val/{key}") for key in _METRICS}
    return {key: curve.values[-1] for key, curve in curves.items() if curve}


def cost_cards(run: RunFiles) -> list[Card]:
    """Time, memory and amounts."""
    summary = run.summary
    memory, speed = number(summary.get("peak_memory_gb")), number(summary.get("images_per_second"))
    photos = summary.get("photos")
    cards = [
        Card(
            "Time",
            duration(summary.get("seconds")),
            "From the start to the end of the evaluation, resumed parts included.",
        ),
        Card("Memory", f"{memory:.2f} GB" if memory else NOTHING, "Largest resident memory of the main process."),
        Card("Speed", f"{speed:.1f} photos/s" if speed else NOTHING, "While training, without validation."),
        Card("Length", _length(run), f"{many(summary.get('steps') or run.curves.last_step, 'optimizer step')}."),
        Card("Device", str(summary.get("device") or NOTHING), _batch(run)),
    ]
    if isinstance(photos, dict):
        amount = f"{count(photos.get('train'))} + {count(photos.get('val'))}"
        refused = number(summary.get("refused"))
        note = f"To train on + to validate, with {many(summary.get('garments'), 'garment')} in the table"
        note += f"; {many(refused, 'record')} refused (refused.csv)." if refused else "; no record was refused."
        cards.append(Card("Photos", amount, note))
    return [card for card in cards if card.value != NOTHING]


def _length(run: RunFiles) -> str:
    done, planned = epochs_done(run), epochs_planned(run)
    if done is None:
        return NOTHING
    text = f"{done:.1f}".removesuffix(".0")
    return f"{text} of {planned:g} epochs" if planned else f"{text} epochs"


def _batch(run: RunFiles) -> str:
    """How the effective batch comes about."""
    settings, precision = run.summary.get("settings"), run.summary.get("precision") or "unknown"
    text = f"Precision {precision}; {many(run.setting('batch_size'), 'photo')} a step"
    if not isinstance(settings, dict):
        return f"{text}."
    parts = (settings.get("micro_batch"), settings.get("accumulate"), settings.get("devices"))
    if any(number(part) is None for part in parts):
        return f"{text}."
    return f"{text}: {parts[0]} at once × {parts[1]} accumulated × {many(parts[2], 'device')}."
