"""What can be done with a run, each with the line to type."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from imatfashion.config.arguments import argument
from imatfashion.config.schema import Config, DataConfig
from imatfashion.report.run_files import RunFiles
from imatfashion.report.story import cut_short
from imatfashion.report.words import number

_SPLIT = ("data.split_file", "data.folds", "data.fold", "data.val_fraction")
_NOT_CARRIED = ("data.limit", *_SPLIT)


@dataclass(frozen=True)
class Step:
    """A way to go on.

    Attributes:
        aim: what it is good for.
        command: the line to type.
    """

    aim: str
    command: str


def resume_step(run: RunFiles) -> Step | None:
    """How to go on with a run that is not whole; None for one that is, and for one that saved no checkpoint."""
    whole = run.summary and run.evaluation and not cut_short(run)
    if whole or not (run.path / "checkpoints" / "last.ckpt").is_file():
        return None
    # The limit that stopped the run is part of its configuration: kept, it would stop it again.
    limit = {"max_steps": None} if run.setting("max_steps") else {}
    return Step(
        "Go on where the run stopped, in the same directory", _line("python train.py", resume=run.path, **limit)
    )


def next_steps(run: RunFiles) -> list[Step]:
    """What can be done with the run, each with its command."""
    steps = [step] if (step := resume_step(run)) else []
    if (run.path / "checkpoints" / "best.ckpt").is_file():
        steps += _after_attributes(run) if run.stage == "attributes" else _after_classes(run)
    return steps


def _after_classes(run: RunFiles) -> list[Step]:
    checkpoint, side = run.path / "checkpoints" / "best.ckpt", number(run.setting("resolution")) or 224
    predict = _line("python predict.py", classes_ckpt=checkpoint)
    higher: dict[str, object] = {
        **_own_settings(run, "data", "model", "layers", "resize", "aspect", "crop"),
        **_same_split(run),
        "schedule": "finetune",
        "resolution": 512 if side < 512 else round(side * 1.5 / 32) * 32,
        "init_from": checkpoint,
    }
    attributes: dict[str, object] = {
        "stage": "attributes",
        **_own_settings(run, "data", "model"),
        **_same_split(run),
        "data.classes_from": "predicted.table",
    }
    table = f"{predict} images=TRAINING_PHOTOS output=predicted.table"
    return [
        Step("Predict new photos", f"{predict} images=PHOTOS output=submission.csv"),
        _SCORE,
        Step("Train on at a higher resolution, from these weights", _line("python train.py", **higher)),
        Step("Predict the table that the attribute stage trains on …", table),
        Step("… and train that stage", _line("python train.py", **attributes)),
    ]


def _after_attributes(run: RunFiles) -> list[Step]:
    line = "python predict.py classes_ckpt=CLASSES_RUN/checkpoints/best.ckpt"
    predict = _line(line, attributes_ckpt=run.path / "checkpoints" / "best.ckpt")
    aim = "Predict classes and attributes of new photos"
    return [Step(aim, f"{predict} images=PHOTOS output=submission.csv"), _SCORE]


_SCORE = Step(
    "Score a submission, beside the most that its encoding allows",
    "imatfashion score TRUTH.csv submission.csv --oracle",
)


def _own_settings(run: RunFiles, *keys: str) -> dict[str, object]:
    """The run's settings of some groups or values, where they are not the default, by their dotted keys."""
    defaults, found = asdict(Config()), dict[str, object]()
    for key in keys:
        own, default = run.setting(key), defaults[key]
        group = isinstance(own, Mapping) and isinstance(default, dict)
        pairs = [(f"{key}.{name}", own[name], default.get(name)) for name in own] if group else [(key, own, default)]
        for name, value, usual in pairs:
            if isinstance(value, str | int | float) and value != usual and name not in _NOT_CARRIED:
                found[name] = value
    return found


def _same_split(run: RunFiles) -> dict[str, object]:
    """What keeps the photos that the run's weights know out of the validation of a run that starts from them."""
    file = run.path / "split.json"
    # A trial's file has a few photos of each side; the whole sides come of the settings and the seed.
    if file.is_file() and not run.setting("data.limit"):
        return {"data.split_file": file}
    return _own_settings(run, "seed") | {
        key: value
        for key in _SPLIT
        if (value := run.setting(key)) is not None and value != getattr(DataConfig(), key.removeprefix("data."))
    }


def _line(program: str, **values: object) -> str:
    return " ".join([program, *(argument(key, value) for key, value in values.items())])


def report_line(run: RunFiles) -> str:
    """The command that writes this page anew."""
    return f"imatfashion report {shlex.quote(str(run.path))}"
