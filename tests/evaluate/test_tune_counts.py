"""What the tuner adds up from arrays against the score of the garments themselves."""

from __future__ import annotations

import numpy as np
import pytest

from imatfashion.evaluate.score_report import ScoreReport, Tally
from imatfashion.evaluate.tune.candidates import Described, MeasuredPhoto, as_regions, measure
from imatfashion.evaluate.tune.objective import Objective
from imatfashion.evaluate.tune.outcomes import Outcomes, count_outcomes
from imatfashion.evaluate.tune.setting import Setting, class_hits, equal_pairs
from imatfashion.masks.runs import encode_mask
from imatfashion.metrics.competition import PhotoGarments, photo_hits
from imatfashion.predict.garments import FoundGarment, garments_from_labels

IDS = (0, 3, 23)
SIDE = 12
TYPICAL = (40.0, 12.0, 12.0)
NAMES = {0: "shirt", 3: "coat", 23: "shoe"}


def drawn_photo(rng: np.random.Generator) -> tuple[PhotoGarments, list[FoundGarment], np.ndarray]:
    """Coarse blocks of classes as the truth, the same with noise as what was found; now and then nothing."""
    blocks = rng.integers(0, len(IDS) + 1, (3, 3)).astype(np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    noisy = np.where(rng.random(blocks.shape) < 0.15, rng.integers(0, 4, blocks.shape), blocks).astype(np.uint8)
    if rng.random() < 0.2:
        noisy[:] = len(IDS)
    if rng.random() < 0.2:  # a photo of nothing, or of the one pixel that a filler row has
        blocks[:] = len(IDS)
        blocks[0, 0] = rng.choice([len(IDS), 2])
    confidence = rng.random((1, SIDE, SIDE)).astype(np.float32)
    true = garments_from_labels(blocks[None], len(IDS), None, component_classes=range(len(IDS)))
    found = garments_from_labels(noisy[None], len(IDS), confidence, component_classes=range(len(IDS)))
    classes = np.array([IDS[garment.class_index] for garment in true], dtype=np.int64)
    truth = PhotoGarments(classes, rng.random((len(true), 2)) < 0.5, [garment.runs for garment in true])
    return truth, found, noisy


def photos_of(seed: int, count: int = 30) -> tuple[list[MeasuredPhoto], list[tuple[PhotoGarments, list[Described]]]]:
    rng = np.random.default_rng(seed)
    measured, originals = [], []
    for number in range(count):
        truth, found, _ = drawn_photo(rng)
        cuts = [Described(cut, rng.random((len(cut), 2)).astype(np.float32)) for cut in (as_regions(found), found)]
        measured.append(measure(number, truth, IDS, cuts))
        originals.append((truth, cuts))
    return measured, originals


def submitted(cuts: list[Described], outcomes: Outcomes, setting: Setting) -> PhotoGarments:
    """The garments of a submission under a setting, chosen one by one as prediction would; filler where none is."""
    options = outcomes.options
    classes, attributes, runs = [], [], []
    for index, option in enumerate(setting.masks.tolist()):
        if option == options.nothing:
            continue
        cut, area, score = options.limits(index, option)
        for garment, probabilities in zip(*cuts[cut], strict=True):
            if garment.class_index == index and garment.area >= area and garment.score >= score:
                classes.append(IDS[index])
                attributes.append(probabilities >= setting.thresholds.astype(np.float32))
                runs.append(garment.runs)
    if not runs:
        first = np.zeros((SIDE, SIDE), dtype=np.bool_)
        first[0, 0] = True
        classes, attributes, runs = [23], [np.zeros(2, dtype=np.bool_)], [encode_mask(first)]
    return PhotoGarments(np.array(classes, dtype=np.int64), np.array(attributes), runs)


def reference(
    originals: list[tuple[PhotoGarments, list[Described]]], outcomes: Outcomes, setting: Setting
) -> ScoreReport:
    tally = Tally()
    for truth, cuts in originals:
        tally.add(photo_hits(truth, submitted(cuts, outcomes, setting)))
    return tally.report(NAMES)


def some_settings(outcomes: Outcomes, rng: np.random.Generator) -> list[Setting]:
    nothing = outcomes.options.nothing
    masks = [rng.integers(0, nothing + 1, len(IDS)) for _ in range(6)]
    masks += [np.full(len(IDS), nothing), np.zeros(len(IDS), dtype=np.int64)]
    return [Setting(mask, rng.choice([0.2, 0.5, 0.8, np.inf], 2)) for mask in masks]


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_the_garments(seed: int) -> None:
    measured, originals = photos_of(seed)
    outcomes = count_outcomes(measured, TYPICAL)
    for setting in some_settings(outcomes, np.random.default_rng(seed)):
        wanted = reference(originals, outcomes, setting)
        tally = Tally()
        for classes in class_hits(outcomes, setting, IDS):
            tally.add(classes)
        assert tally.report(NAMES) == wanted
        equal = equal_pairs(outcomes.pairs, setting.thresholds)
        for pooled, score in ((False, wanted.per_photo), (True, wanted.pooled)):
            for kind, figure in ((equal, score.with_attributes), (None, score.without_attributes)):
                objective = Objective(outcomes, pooled=pooled, equal=kind)
                total = objective.figures(setting.masks).sum(axis=0)
                assert float(objective.score(total, outcomes.photos)) == pytest.approx(figure, abs=1e-12)


def test_a_trial_is_the_whole_sum_with_one_class_changed() -> None:
    outcomes = count_outcomes(photos_of(5)[0], TYPICAL)
    rng = np.random.default_rng(5)
    for pooled in (False, True):
        objective = Objective(outcomes, pooled=pooled)
        masks = rng.integers(0, len(outcomes.options), len(IDS))
        options = rng.integers(0, len(outcomes.options), 8)
        for index in range(len(IDS)):
            trial = objective.trial(masks, index, options)
            for place, option in enumerate(options.tolist()):
                other = masks.copy()
                other[index] = option
                np.testing.assert_allclose(trial.figures[:, place], objective.figures(other)[trial.photos], atol=1e-12)


def test_the_slope_is_how_the_score_changes() -> None:
    outcomes = count_outcomes(photos_of(6)[0], TYPICAL)
    for pooled in (False, True):
        objective = Objective(outcomes, pooled=pooled)
        total = objective.figures(np.zeros(len(IDS), dtype=np.int64)).sum(axis=0)
        slope = objective.slope(total, outcomes.photos)
        for place in range(len(total)):
            step = np.zeros(len(total))
            step[place] = 1e-4
            ends = [float(objective.score(total + sign * step, outcomes.photos)) for sign in (1, -1)]
            assert slope[place] == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-4, abs=1e-9)


def test_regions_are_the_components_together() -> None:
    rng = np.random.default_rng(7)
    _, found, labels = drawn_photo(rng)
    joined = as_regions(found)
    whole = garments_from_labels(labels[None], len(IDS), None, component_classes=())
    assert [(garment.class_index, garment.area) for garment in joined] == [(g.class_index, g.area) for g in whole]
    for garment in joined:
        parts = [part for part in found if part.class_index == garment.class_index]
        mean = np.average([part.score for part in parts], weights=[part.area for part in parts])
        assert garment.score == pytest.approx(mean)
