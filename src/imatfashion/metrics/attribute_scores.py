"""Attribute metrics: average precision, precision, recall and F1 of each attribute, exact, over known garments.

A garment that was predicted and matched has scores. A true garment that no prediction found is a false negative of each
of its attributes whatever the threshold: its scores are −inf. Garments whose attributes are unknown count nowhere.

Shape suffixes: N garments, A attributes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class AttributeScores:
    """Figures of each attribute, float64 (A,), NaN where there is none.

    Attributes:
        ap: average precision; NaN without a positive.
        f1: 2 TP / (2 TP + FP + FN) at the threshold; NaN without a positive and without a prediction.
        precision: TP / (TP + FP) at the threshold; NaN where nothing is predicted.
        recall: TP / (TP + FN) at the threshold; NaN without a positive.
        prevalence: share of the known garments that have the attribute: the AP of a coin.
        positives: known garments that have the attribute, int64.
        negatives: known garments that do not, int64.
        threshold: the score from which an attribute counts as predicted.
    """

    ap: FloatArray
    f1: FloatArray
    precision: FloatArray
    recall: FloatArray
    prevalence: FloatArray
    positives: npt.NDArray[np.int64]
    negatives: npt.NDArray[np.int64]
    threshold: float

    def macro(self) -> dict[str, float]:
        """Means over the attributes with a positive and a negative: `map`, `macro_f1`, `prevalence`; NaN if none."""
        judged = (self.positives > 0) & (self.negatives > 0)
        figures = {"map": self.ap, "macro_f1": self.f1, "prevalence": self.prevalence}
        return {name: float(values[judged].mean()) if judged.any() else np.nan for name, values in figures.items()}

    def rows(self) -> list[dict[str, float]]:
        """A dictionary for each attribute, with its `index`."""
        names = ("ap", "f1", "precision", "recall", "prevalence", "positives")
        return [
            {"index": index, **{name: getattr(self, name)[index].item() for name in names}, "threshold": self.threshold}
            for index in range(len(self.ap))
        ]


def average_precision(scores: FloatArray, targets: BoolArray) -> float:
    """Area under the precision-recall steps, Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores, as scikit-learn defines it.

    Unlike there, a score of −inf is never retrieved: its garment counts in recall's denominator alone.

    Args:
        scores: (N,), any order.
        targets: bool (N,).

    Returns:
        0 … 1; NaN without a positive.

    Raises:
        ValueError: a score is NaN.
    """
    if np.isnan(scores).any():
        raise ValueError(f"{int(np.isnan(scores).sum())} of {len(scores)} scores are NaN")
    positives = int(targets.sum())
    if not positives:
        return np.nan
    retrieved = scores > -np.inf
    order = np.argsort(-scores[retrieved], kind="stable")
    sorted_scores, hits = scores[retrieved][order], np.cumsum(targets[retrieved][order])
    # Garments of equal score enter together: only the last of each group is a step of the curve.
    last = np.flatnonzero(np.diff(sorted_scores, append=-np.inf))
    steps = np.diff(hits[last], prepend=0)
    return float((steps * hits[last] / (last + 1)).sum() / positives)


def attribute_scores(
    scores_NA: FloatArray, targets_NA: BoolArray, known_NA: BoolArray, threshold: float = 0.5
) -> AttributeScores:
    """Figures of each attribute over the garments that are known for it.

    Args:
        scores_NA: probabilities, −inf for garments that were missed.
        targets_NA: whether the garment has the attribute.
        known_NA: whether that is known; or (N,), garment by garment.
        threshold: the score from which an attribute counts as predicted.
    """
    known = _by_attribute(known_NA, targets_NA.shape)
    truth, predicted = targets_NA & known, (scores_NA >= threshold) & known
    hits, found, positives = (part.sum(0) for part in (truth & predicted, predicted, truth))
    total = known.sum(0)
    columns = range(targets_NA.shape[1])
    ap = [average_precision(scores_NA[known[:, a], a], targets_NA[known[:, a], a]) for a in columns]
    return AttributeScores(
        ap=np.array(ap, dtype=np.float64),
        f1=_ratio(2 * hits, found + positives),
        precision=_ratio(hits, found),
        recall=_ratio(hits, positives),
        prevalence=_ratio(positives, total),
        positives=positives,
        negatives=total - positives,
        threshold=threshold,
    )


def _by_attribute(known: BoolArray, shape: tuple[int, ...]) -> BoolArray:
    return np.broadcast_to(known if known.ndim == 2 else known[:, None], shape)


def _ratio(part: npt.NDArray[np.integer], whole: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    ratio = np.full(part.shape, np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio
