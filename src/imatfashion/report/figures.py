"""The figures of each stage, under their short names."""

from __future__ import annotations

_FIGURES = {
    "classes": {
        "miou": "mean IoU",
        "foreground_accuracy": "foreground acc.",
        "background_recall": "background recall",
        "pixel_accuracy": "pixel acc.",
    },
    "attributes": {"map": "mean AP", "macro_f1": "macro F1", "prevalence": "prevalence"},
}


def figure_names(stage: str) -> dict[str, str]:
    """From each figure of a stage, as evaluation.json has it, to its short name; empty for an unknown stage."""
    return _FIGURES.get(stage, {})
