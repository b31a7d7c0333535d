"""What a run was, in sentences: the summary and what is missing."""

from __future__ import annotations

from imatfashion.report.run_files import RunFiles
from imatfashion.report.words import count, duration, figure, many, number, percent

_MONITOR_NAMES = {"val/miou": "mean IoU", "val/map": "mean average precision"}
_ARCHITECTURES = {"unet": "U-Net", "unetplusplus": "U-Net++", "fpn": "feature pyramid network (FPN)"}


def title(run: RunFiles) -> str:
    """The heading of the page."""
    what = "Attributes of garments" if run.stage == "attributes" else "Garment classes, pixel by pixel"
    side = run.setting("resolution")
    return f"{what} · {side} × {side}" if side else what


def best(run: RunFiles) -> tuple[float | None, float | None]:
    """The best value of the monitored figure and the epochs done then, None where unknown."""
    found = run.curves.best(run.monitor)
    recorded = number(run.summary.get("best"))
    if found is None:
        return recorded, None
    return (found[0] if recorded is None else recorded), (found[1] if run.curves.steps_per_epoch else None)


def epochs_done(run: RunFiles) -> float | None:
    """Epochs trained so far, None before the first validation."""
    per_epoch = run.curves.steps_per_epoch
    # A run that goes on is beyond its summary; one that was cut may have ended between two rows of the curves.
    steps = max(run.curves.last_step, number(run.summary.get("steps")) or 0)
    return steps / per_epoch if per_epoch else number(run.summary.get("epochs"))


def epochs_planned(run: RunFiles) -> float | None:
    """Epochs of the schedule, None where the configuration does not say."""
    phases = run.setting("schedule.phases", [])
    lengths = [number(phase.get("epochs")) for phase in phases if isinstance(phase, dict)]
    return sum(length for length in lengths if length is not None) or None


def summary_text(run: RunFiles) -> str:
    """The paragraph that opens the page."""
    return " ".join(part for part in (_task(run), _data(run), _result(run)) if part)


def _task(run: RunFiles) -> str:
    backbone = run.setting("model.backbone", "an unknown backbone")
    side = run.setting("resolution", "?")
    if run.stage == "attributes":
        source = run.setting("data.classes_from", "truth")
        garments = (
            "the garments that the data set marks" if source == "truth" else "garments that a model had predicted"
        )
        work = f"to tell the attributes (such as a length or a pattern) of {garments}"
        network = f"A multi-label attribute classifier on {backbone}"
    else:
        classes = run.evaluation.get("class_names")
        number_of = f"{len(classes)} garment classes" if isinstance(classes, list) else "garment classes"
        work = f"to say for every pixel of a photo which of {number_of}, or background, it shows"
        architecture = str(run.setting("model.architecture", "segmentation network"))
        network = f"A {_ARCHITECTURES.get(architecture, architecture)} on {backbone}"
    return f"{network} was trained {work}, at {side} × {side} pixels."


def _data(run: RunFiles) -> str:
    photos = run.summary.get("photos")
    if not isinstance(photos, dict):
        return ""
    device = f" on {run.summary['device']}" if run.summary.get("device") else ""
    length = _epochs(epochs_done(run)) if epochs_done(run) else "The run"
    took = f" {length} took {duration(run.summary['seconds'])}{device}." if number(run.summary.get("seconds")) else ""
    return (
        f"It learned from {many(photos.get('train'), 'photo')} and was judged on "
        f"{many(photos.get('val'), 'photo')} that it did not train on.{took}"
    )


def _result(run: RunFiles) -> str:
    value, epoch = best(run)
    if value is None:
        return _no_result(run)
    when = "" if epoch is None else f", reached after epoch {_plain(epoch)}"
    name = _MONITOR_NAMES.get(run.monitor, run.monitor)
    text = f"The best {name} on the validation photos is {figure(value)}{when}{_meaning(run, value)}."
    done, ratio = epochs_done(run), run.curves.steps_per_epoch
    if run.summary and epoch and done and ratio and done > 1 and epoch > done - 0.5:
        text += " It was still rising at the end: a longer run may reach more."
    return text


def _no_result(run: RunFiles) -> str:
    if not run.summary:
        return "No value of the monitored figure has been recorded yet."
    text = "No value of the monitored figure was recorded while it trained"
    return f"{text}; the evaluation's figures are those of its last state." if run.evaluation else f"{text}."


def _meaning(run: RunFiles, value: float) -> str:
    if run.monitor == "val/miou":
        return f": averaged over the classes, predicted and true areas share {percent(value)} of their union"
    metrics = run.evaluation.get("metrics")
    prevalence = number(metrics.get("prevalence")) if isinstance(metrics, dict) else None
    if run.monitor == "val/map" and prevalence:
        return f", {value / prevalence:.1f} times what guessing gets ({figure(prevalence)})"
    return ""


def _epochs(value: float | None) -> str:
    return f"{_plain(value)} epoch" + ("" if value == 1 else "s")


def _plain(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f}".removesuffix(".0")


def notices(run: RunFiles) -> list[str]:
    """What the page lacks, and why; empty for a whole run."""
    found = list(run.faults)
    if not run.summary:
        reach = f"Its curves reach step {count(run.curves.last_step)}" if run.curves.by_name else "It has no curves yet"
        done = epochs_done(run)
        reach += f" (epoch {_plain(done)} of {_plain(epochs_planned(run))})" if done and epochs_planned(run) else ""
        found.append(f"This run has not finished: it was stopped, or it is still going on. {reach}.")
    elif cut_short(run):
        found.append(
            f"The schedule has {_epochs(epochs_planned(run))}, of which {_plain(epochs_done(run))} "
            "were trained: a limit (max_steps or the platform's hours) stopped the run."
        )
    if (not run.summary or cut_short(run)) and not (run.path / "checkpoints" / "last.ckpt").is_file():
        found.append("No checkpoint was saved (checkpoints/last.ckpt): there is nothing to go on from, start anew.")
    if not run.evaluation:
        found.append(
            "evaluation.json is missing: there are no figures of single classes or attributes, and no examples."
        )
    if not run.curves.by_name:
        found.append("metrics.csv holds no figures: there are no curves.")
    return found


def cut_short(run: RunFiles) -> bool:
    """Whether fewer epochs were trained than the schedule has."""
    done, planned = epochs_done(run), epochs_planned(run)
    return done is not None and planned is not None and done < planned - 0.05
