"""The model card's facts: on which data and how the networks were trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from imatfashion.apps.export.markdown import code, plain, text_table
from imatfashion.apps.export.part import Part
from imatfashion.report.run_files import RunFiles
from imatfashion.report.words import NOTHING, count, duration, number

Fact = tuple[str, Callable[[RunFiles], object]]

_DATA: tuple[Fact, ...] = (
    ("photos to train on", lambda run: count(_of(run, "photos", "train"))),
    ("photos to validate", lambda run: count(_of(run, "photos", "val"))),
    ("garments", lambda run: count(run.summary.get("garments"))),
    ("records refused", lambda run: count(run.summary.get("refused"))),
    ("fingerprint of the table", lambda run: _of(run, "data", "key")),
    ("folder", lambda run: run.setting("data.root")),
    ("garments' classes", lambda run: _classes_from(run)),
    ("split", lambda run: split_words(run)),
)
_TRAINING: tuple[Fact, ...] = (
    ("first weights of the backbone", lambda run: run.setting("model.weights")),
    ("started from the checkpoint", lambda run: run.setting("init_from")),
    ("epochs", lambda run: _epochs(run.summary.get("epochs"))),
    ("steps", lambda run: count(run.summary.get("steps"))),
    ("batch", lambda run: count(run.setting("batch_size"))),
    ("seed", lambda run: run.setting("seed")),
    ("device", lambda run: run.summary.get("device")),
    ("precision", lambda run: run.summary.get("precision")),
    ("time", lambda run: duration(run.summary.get("seconds"))),
    ("finished", lambda run: run.summary.get("finished")),
    ("imatfashion, torch", lambda run: f"{_of(run, 'versions', 'imatfashion')}, {_of(run, 'versions', 'torch')}"),
    ("commit", lambda run: run.summary.get("git")),
)


def data_section(parts: Sequence[Part]) -> list[str]:
    """What the networks were trained on."""
    return ["## Data", *_facts(parts, _DATA), *_missing(parts)]


def training_section(parts: Sequence[Part]) -> list[str]:
    """How the networks were trained."""
    return ["## Training", *_specs(parts), *(line for part in parts for line in _command(part))]


def _specs(parts: Sequence[Part]) -> list[str]:
    """One table: what the checkpoint itself says, then what the run says."""
    specs = [part.exported.spec for part in parts]
    own = [
        ("network", [plain(spec.architecture if spec.stage == "classes" else "attribute head") for spec in specs]),
        ("backbone", [plain(spec.backbone) for spec in specs]),
        ("resolution", [f"{spec.size[0]} × {spec.size[1]}, {plain(spec.resize)}" for spec in specs]),
    ]
    return text_table(
        ["", *(part.title for part in parts)], [[name, *cells] for name, cells in own] + _rows(parts, _TRAINING)
    )


def _facts(parts: Sequence[Part], facts: Sequence[Fact]) -> list[str]:
    rows = _rows(parts, facts)
    return text_table(["", *(part.title for part in parts)], rows) if rows else [""]


def _rows(parts: Sequence[Part], facts: Sequence[Fact]) -> list[list[str]]:
    rows = [[name, *(_cell(part, read) for part in parts)] for name, read in facts]
    return [row for row in rows if any(cell != NOTHING for cell in row[1:])]


def _cell(part: Part, read: Callable[[RunFiles], object]) -> str:
    value = read(part.run) if part.run is not None else None
    return NOTHING if value in (None, "") else plain(value)


def _command(part: Part) -> list[str]:
    command = part.run.summary.get("command") if part.run is not None else None
    return [f"The command of the {part.title} run:", *code(str(command))] if command else []


def _missing(parts: Sequence[Part]) -> list[str]:
    """A sentence for each network of which something is not known."""
    lines = []
    for part in parts:
        name = plain(part.exported.checkpoint)
        if part.run is None:
            lines.append(
                f"The checkpoint {name} lies in no run directory: its data, training and figures are not known here."
            )
        elif not part.run.summary:
            lines.append(f"There is no summary.json beside {name}: the run did not end, or the file was not kept.")
        lines += [plain(fault) for fault in (part.run.faults if part.run else ())]
    return [text for line in lines for text in (line, "")]


def _epochs(value: object) -> str:
    """A number of epochs; a run that was cut has a part of one."""
    found = number(value)
    return count(value) if found is None or found.is_integer() else f"{found:,.1f}"


def _of(run: RunFiles, group: str, name: str) -> object:
    found = run.summary.get(group)
    return found.get(name) if isinstance(found, dict) else None


def _classes_from(run: RunFiles) -> str:
    return "the truth" if run.setting("data.classes_from", "truth") == "truth" else "a prediction"


def split_words(run: RunFiles) -> str:
    """How the validation photos were chosen."""
    seed, folds = run.setting("seed"), run.setting("data.folds", 0)
    if file := run.setting("data.split_file"):
        return f"given by the file {file}"
    kind = (
        f"fold {run.setting('data.fold')} of {folds}" if folds else f"{run.setting('data.val_fraction')} of the photos"
    )
    together = [name for key, name in _TOGETHER if run.setting(key)]
    return f"{kind}, stratified, seed {seed}" + (f"; kept together: {', '.join(together)}" if together else "")


_TOGETHER = (("data.near_duplicates", "near duplicates"), ("data.group_by", "groups of photos"))
