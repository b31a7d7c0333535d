"""What tuning leaves: the JSON that prediction reads, and a table for the terminal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from math import isfinite
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from imatfashion.data.labels import Labels
from imatfashion.errors import FashionError
from imatfashion.evaluate.on_grid import GRID
from imatfashion.evaluate.score_report import ScoreReport
from imatfashion.evaluate.tune.crossval import Gain, Tuned
from imatfashion.evaluate.tune.miou import LabelTuning
from imatfashion.evaluate.tune.options import COMPONENTS, GIVE_WAY
from imatfashion.evaluate.tune.setting import PLAIN_THRESHOLD, Setting
from imatfashion.evaluate.tune.tuner import ATTRIBUTES, Tuner
from imatfashion.predict.aside import text_aside
from imatfashion.predict.tuning_file import EXPECTED, KEYS

_WIDTH = 110
_NO_GAIN = "nothing gains on photos that were not tuned on: the file leaves predictions as they are\n"


def check_output(path: Path) -> None:
    """Refuse to write over what is not a tuning file.

    Raises:
        FashionError: something else is there.
    """
    if not path.exists():
        return
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict) or not any(key in content for key in KEYS):
        raise FashionError(f"{path} is there and is not a tuning file; give another --output")


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, by which prediction knows a checkpoint."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_tuning(
    path: Path,
    limits: Mapping[str, Any],
    tuned: Tuned,
    scores: Mapping[str, ScoreReport],
    about: Mapping[str, Any],
) -> None:
    """Write the tuning file.

    Args:
        path: where to.
        limits: what `limits_of` gives.
        tuned: the gains.
        scores: score of the photos that were tuned on, `plain` and `tuned`.
        about: objective, checkpoints, photos, folds and seed.
    """
    gain = _as_json(tuned.whole) | {
        "parts": {part: _as_json(gain) | {"kept": part in tuned.kept} for part, gain in tuned.parts.items()}
    }
    if tuned.attributes is not None:
        gain["with_attributes"] = _as_json(tuned.attributes)
    four = {
        name: {"per_photo": report.per_photo.to_json(), "pooled": report.pooled.to_json()}
        for name, report in scores.items()
    }
    _write(path, {**about, "grid": GRID, **limits, "held_out": gain, "tuned_photos": four})


def write_label_tuning(path: Path, tuned: LabelTuning, classes: Labels, about: Mapping[str, Any]) -> None:
    """Write the tuning file of labels for the mean IoU, by which no class gives way.

    Args:
        path: where to.
        tuned: what is expected, and its gain.
        classes: the model's categories.
        about: as in `write_tuning`.
    """
    figures: dict[str, Any] = {key: {} for key in EXPECTED}
    if tuned.expected is not None:
        figures["give_way"] = 0.0
        for key, values in zip(EXPECTED, (tuned.expected.iou, tuned.expected.union), strict=True):
            figures[key] = {str(label): value for label, value in zip(classes.ids, values, strict=True)}
    _write(path, {**about, **figures, "held_out": _as_json(tuned.gain) | {"score": about["objective"]}})


def _write(path: Path, tuning: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with text_aside(path) as file:
        json.dump(tuning, file, indent=1)
        file.write("\n")


def limits_of(tuner: Tuner, tuned: Tuned, classes: Labels, attributes: Labels) -> dict[str, Any]:
    """The tuned limits by id, where they differ from an untuned prediction's."""
    options, setting, plain = tuner.options, tuned.setting, tuner.plain
    found: dict[str, Any] = {"give_way": GIVE_WAY[setting.give_way]} if setting.give_way else {}
    found |= {"min_area": {}, "min_score": {}, "components": {}, "left_out": []}
    for index, (class_id, option) in enumerate(zip(classes.ids, setting.masks.tolist(), strict=True)):
        if _silent(tuner, setting, index):
            found["left_out"].append(class_id)
            continue
        cut, area, score = options.limits(index, option)
        values = {"min_area": area, "min_score": score}
        found_now = {key: value for key, value in values.items() if value > 0}
        if cut != options.places(int(plain.masks[index]))[0]:
            found_now["components"] = cut == COMPONENTS
        for key, value in found_now.items():
            found[key][str(class_id)] = value
    if ATTRIBUTES in tuned.kept:
        pairs = list(zip(attributes.ids, setting.thresholds.tolist(), strict=True))
        found["write_attributes"] = any(isfinite(threshold) for _, threshold in pairs)
        found["threshold"] = {
            str(label): threshold for label, threshold in pairs if isfinite(threshold) and threshold != PLAIN_THRESHOLD
        }
        found["attributes_left_out"] = [label for label, threshold in pairs if not isfinite(threshold)]
    return found


def _silent(tuner: Tuner, setting: Setting, class_index: int) -> bool:
    """Whether a setting's limits are, or come to, leaving out a class that is found without them."""
    plain = replace(tuner.plain, give_way=setting.give_way)
    tuned, found = (_submitted(tuner, each, class_index) for each in (setting, plain))
    return bool(setting.masks[class_index] == tuner.options.nothing or (found and not tuned))


def _submitted(tuner: Tuner, setting: Setting, class_index: int) -> int:
    """Garments of a class that a setting keeps."""
    outcomes = tuner.outcomes[setting.give_way]
    chosen = outcomes.index[outcomes.rows_of(class_index), setting.masks[class_index]]
    return int(outcomes.submitted[chosen].sum())


def labels_as_text(tuned: LabelTuning, about: Mapping[str, Any]) -> str:
    """A table of what labels for the mean IoU gain on photos that had no say in them."""
    table = _table("labels", about)
    table.add_row("for the mean IoU", *_cells(tuned.gain, "mean IoU"), "yes" if tuned.expected else "no")
    text = _printed(table)
    return text if tuned.expected else f"{text}{_NO_GAIN}"


def as_text(tuned: Tuned, limits: Mapping[str, Any], classes: Labels, about: Mapping[str, Any]) -> str:
    """A table of the gains on photos that were not tuned on, and what is left out."""
    table = _table("part", about)
    for part, gain in tuned.parts.items():
        table.add_row(part, *_cells(gain), "yes" if part in tuned.kept else "no")
    table.add_section()
    table.add_row("the whole search", *_cells(tuned.whole), "")
    if tuned.attributes is not None:
        table.add_row("", *_cells(tuned.attributes), "")
    text = _printed(table)
    if not tuned.kept:
        text += _NO_GAIN
    if limits["left_out"]:
        names = dict(zip(classes.ids, classes.names, strict=True))
        text += "left out of every prediction: " + ", ".join(names[label] for label in limits["left_out"]) + "\n"
    if about["objective"] == "competition":
        text += "made for the competition's score alone: pages and exports do not take it\n"
    return text


def _table(of: str, about: Mapping[str, Any]) -> Table:
    table = Table(title=f"Gain on photos not tuned on ({about['photos']} photos, {about['folds']} folds)")
    table.add_column(of, no_wrap=True)
    table.add_column("score of", no_wrap=True)
    for heading in ("before", "after", "gain", "", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("kept")
    return table


def _printed(table: Table) -> str:
    text = StringIO()
    Console(file=text, width=_WIDTH).print(table)
    return text.getvalue()


def _cells(gain: Gain, kind: str | None = None) -> tuple[str, ...]:
    kind = kind or ("masks, attributes" if gain.with_attributes else "masks")
    share = f"{gain.gain / gain.before:+.1%}" if gain.before > 0 else ""
    interval = f"{gain.low:+.4f} … {gain.high:+.4f}"
    return kind, f"{gain.before:.4f}", f"{gain.after:.4f}", f"{gain.gain:+.4f}", share, interval


def _as_json(gain: Gain) -> dict[str, Any]:
    return {
        "score": "with_attributes" if gain.with_attributes else "without_attributes",
        "before": gain.before,
        "after": gain.after,
        "gain": gain.gain,
        "interval": [gain.low, gain.high],
    }
