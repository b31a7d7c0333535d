"""What `imatfashion tune` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imatfashion.config.prediction import are_scales
from imatfashion.data.annotations import Annotations
from imatfashion.errors import FashionError
from imatfashion.evaluate.score import class_names
from imatfashion.evaluate.score_report import ScoreReport, Tally
from imatfashion.evaluate.tune.candidates import FILLER_CLASS
from imatfashion.evaluate.tune.crossval import cross_validate, deal
from imatfashion.evaluate.tune.miou import MIOU, tune_labels
from imatfashion.evaluate.tune.options import GIVE_WAY
from imatfashion.evaluate.tune.outcomes import Outcomes, count_outcomes
from imatfashion.evaluate.tune.predict import check_labels, measured_photos
from imatfashion.evaluate.tune.run import (
    TuningRun,
    describing_checkpoint,
    read_tuning_run,
    typical_areas,
    unseeing_checkpoint,
)
from imatfashion.evaluate.tune.setting import Setting, class_hits
from imatfashion.evaluate.tune.tuner import OBJECTIVES, Tuner
from imatfashion.evaluate.tune.write import (
    as_text,
    check_output,
    hash_file,
    labels_as_text,
    limits_of,
    write_label_tuning,
    write_tuning,
)
from imatfashion.predict.looks import LookOptions
from imatfashion.predict.predictor import Predictor


def tune_command(
    run_dir: Path,
    *,
    attributes: Path | None = None,
    output: Path | None = None,
    objective: str = "per_photo",
    photos: int | None = None,
    folds: int = 5,
    seed: int = 0,
    data: Path | None = None,
    also: Sequence[Path] = (),
    looks: LookOptions | None = None,
    device: str = "auto",
) -> str:
    """Tune post-processing on a run's validation photos, write the tuning file and tell what it gains.

    Args:
        run_dir: a run of `stage=classes`.
        attributes: a run of `stage=attributes`, which may not have been trained on the tuned photos, or a checkpoint,
            of which that is not known; None for masks alone.
        output: the file; by default RUN_DIR/tuning.json, RUN_DIR/labels.json for `MIOU`.
        objective: one of `OBJECTIVES`, or `MIOU` for label maps.
        photos: at most so many photos.
        folds: number of folds of the cross-validation.
        seed: of the choice of photos, the folds and the resampling.
        data: folder of the data set, where the run's config names another place.
        also: other runs of `stage=classes`, averaged with this one; none may have been trained on the tuned photos.
        looks: how the networks look at photos; by default once.
        device: as in prediction.

    Raises:
        FashionError: the objective is no choice, or none for attributes; the run, its data or its split cannot be tuned
            on; or the output is not ours.
    """
    _check_objective(objective, attributes)
    run = read_tuning_run(run_dir, data=data, photos=photos, seed=seed)
    deal(run.groups, folds, seed)  # too few photos are told of before they are predicted
    path = output or run_dir / ("labels.json" if objective == MIOU else "tuning.json")
    check_output(path)
    described = describing_checkpoint(attributes, run) if attributes else None
    checkpoints = [run.checkpoint, *(unseeing_checkpoint(other, run) for other in also)]
    looks = looks or LookOptions()
    predictor = Predictor.load(checkpoints, described, device, looks)
    check_labels(predictor, run.table)
    about = {
        "objective": objective,
        "classes_ckpt": [hash_file(path) for path in checkpoints] if also else hash_file(run.checkpoint),
        "attributes_ckpt": hash_file(described) if described else None,
        **_told(looks),
        "photos": len(run.photos),
        "folds": folds,
        "seed": seed,
    }
    told = (_tune_labels if objective == MIOU else _tune_limits)(predictor, run, path, about)
    return f"{told}tuning: {path}"


def _check_objective(objective: str, attributes: Path | None) -> None:
    choices = (*OBJECTIVES, MIOU)
    if objective not in choices:
        raise FashionError(f"--objective {objective} is not a choice; take one of {', '.join(choices)}")
    if objective == MIOU and attributes is not None:
        raise FashionError(f"--objective {MIOU} is about label maps, which have no attributes: leave --attributes out")


def _tune_labels(predictor: Predictor, run: TuningRun, path: Path, about: Mapping[str, Any]) -> str:
    """Tune the labels for their mean IoU, write the file and tell what that gains."""
    tuned = tune_labels(predictor, run, folds=about["folds"], seed=about["seed"])
    write_label_tuning(path, tuned, run.table.classes, about)
    return labels_as_text(tuned, about)


def _tune_limits(predictor: Predictor, run: TuningRun, path: Path, about: Mapping[str, Any]) -> str:
    """Tune post-processing for a score, write the file and tell what that gains."""
    outcomes = all_outcomes(predictor, run)
    tuner = Tuner(
        outcomes,
        about["objective"],
        num_classes=len(run.table.classes),
        component_classes=predictor.class_stage.component_classes,
        described=predictor.attribute_stage is not None,
    )
    tuned = cross_validate(tuner, run.groups, folds=about["folds"], seed=about["seed"])
    limits = limits_of(tuner, tuned, run.table.classes, run.table.attributes)
    settings = {"plain": tuner.plain, "tuned": tuned.setting}
    scores = {name: exact_score(outcomes[setting.give_way], setting, run.table) for name, setting in settings.items()}
    write_tuning(path, limits, tuned, scores, about)
    return as_text(tuned, limits, run.table.classes, about)


def _told(looks: LookOptions) -> dict[str, object]:
    """How the photos were looked at, in the words of `predict.py`'s config."""
    return {
        "tta": "flip" if looks.flip else "none",
        "tta_scales": list(looks.scales),
        "aspect": "own" if looks.own_aspect else "square",
        "dense_crf": looks.dense_crf,
        "guided_filter": looks.guided_filter,
    }


def look_options(tta: str, scales: str, *, dense_crf: bool, guided_filter: bool) -> LookOptions:
    """What `--tta`, `--tta-scales`, `--dense-crf` and `--guided-filter` mean.

    Raises:
        FashionError: one is no choice.
    """
    try:
        given = tuple(float(scale) for scale in scales.split(","))
    except ValueError:
        given = ()
    if not are_scales(given):
        raise FashionError(f"--tta-scales {scales} must be numbers between 0.25 and 4, such as 0.75,1,1.25")
    if tta not in ("none", "flip"):
        raise FashionError(f"--tta {tta} is not a choice; take one of none, flip")
    return LookOptions(tta == "flip", given, dense_crf=dense_crf, guided_filter=guided_filter)


def all_outcomes(predictor: Predictor, run: TuningRun) -> list[Outcomes]:
    """What options come to, under each of `GIVE_WAY`; a checkpoint that does not know how large classes are has one."""
    tried = GIVE_WAY if predictor.class_stage.typical_shares else GIVE_WAY[:1]
    measured = zip(*measured_photos(predictor, run.table, run.photos, tried), strict=True)
    typical = typical_areas(run.table, run.photos)
    outcomes: list[Outcomes] = []
    for photos in measured:
        outcomes.append(count_outcomes(photos, typical, outcomes[0].options if outcomes else None))
    return outcomes


def exact_score(outcomes: Outcomes, setting: Setting, table: Annotations) -> ScoreReport:
    """The score of the submission that prediction would write under a setting, to the last digit."""
    tally = Tally()
    for classes in class_hits(outcomes, setting, table.classes.ids):
        tally.add(classes)
    return tally.report({FILLER_CLASS: "filler"} | class_names(table.classes))
