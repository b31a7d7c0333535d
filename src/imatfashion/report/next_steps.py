"""What can be done with a run, each with the line to type."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from imatfashion.report.run_files import RunFiles
from imatfashion.report.story import cut_short
from imatfashion.report.words import argument, number


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
    """How to go on with a run that is not whole; None for one that is."""
    if run.summary and run.evaluation and not cut_short(run):
        return None
    return Step("Go on where the run stopped, in the same directory", _line("python train.py", resume=run.path))


def next_steps(run: RunFiles) -> list[Step]:
    """What can be done with the run, each with its command."""
    checkpoint, root = run.path / "checkpoints" / "best.ckpt", run.setting("data.root", "DATA_DIR")
    steps = [step] if (step := resume_step(run)) else []
    if run.stage == "attributes":
        line = _line("python predict.py classes_ckpt=CLASSES_RUN/checkpoints/best.ckpt", attributes_ckpt=checkpoint)
        steps.append(
            Step("Predict classes and attributes of new photos", f"{line} images=PHOTOS output=submission.csv")
        )
    else:
        line = _line("python predict.py", classes_ckpt=checkpoint)
        steps += [
            Step("Predict new photos", f"{line} images=PHOTOS output=submission.csv"),
            Step("Train on at a higher resolution, from these weights", _higher(run, checkpoint, root)),
            Step(
                "Predict the table that the attribute stage trains on …",
                f"{line} images=TRAINING_PHOTOS output=predicted.table",
            ),
            Step(
                "… and train that stage",
                _line(
                    "python train.py", stage="attributes", **{"data.root": root, "data.classes_from": "predicted.table"}
                ),
            ),
        ]
    score = "imatfashion score TRUTH.csv submission.csv --oracle"
    return [*steps, Step("Score a submission, beside the ceiling of its encoding", score)]


def _higher(run: RunFiles, checkpoint: object, root: object) -> str:
    side = number(run.setting("resolution"))
    larger = 512 if side is None or side < 512 else int(side * 3 // 2 // 32 * 32)
    values: dict[str, Any] = {"data.root": root}
    for key, default in (("model.architecture", "unet"), ("model.backbone", "resnet34")):
        if run.setting(key, default) != default:
            values[key] = run.setting(key)
    return _line("python train.py", **values, resolution=larger, init_from=checkpoint)


def _line(program: str, **values: object) -> str:
    return " ".join([program, *(argument(key, value) for key, value in values.items())])


def report_line(run: RunFiles) -> str:
    """The command that writes this page anew."""
    return f"imatfashion report {shlex.quote(str(run.path))}"
