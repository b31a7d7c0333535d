"""`imatfashion export`: checkpoints to ONNX files, checked, with a model card."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from imatfashion.apps.export.card import model_card
from imatfashion.apps.export.check import LIMIT, Difference, compare
from imatfashion.apps.export.onnx_file import Exported, need_packages, to_onnx
from imatfashion.apps.export.part import Part, run_of
from imatfashion.apps.export.photos import choose_photos
from imatfashion.errors import FashionError
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.report.run_files import RunFiles
from imatfashion.report.words import size


def export_command(
    classes_ckpt: Path, out: Path, attributes_ckpt: Path | None = None, photos: Path | None = None, checks: int = 50
) -> str:
    """Export one stage or both; nothing is written unless the files agree with torch.

    Args:
        classes_ckpt: checkpoint of the class segmenter.
        out: the ONNX file; the attribute classifier's is `OUT.attributes.onnx`, the card `OUT.md`.
        attributes_ckpt: checkpoint of the attribute classifier, None for none.
        photos: folder of photos to check on; None for the run's own, or drawn ones where they are not there.
        checks: photos to check on, at most.

    Returns:
        What was found and written, a few lines.

    Raises:
        FashionError: the extra is missing, a path or a checkpoint cannot be used, the network has no form in ONNX, or
            the file's probabilities differ from torch's by more than 1e-4.
    """
    need_packages()
    names = _names(out, attributes_ckpt)
    checkpoints = [classes_ckpt, *([attributes_ckpt] if attributes_ckpt else [])]
    runs = [run_of(checkpoint) for checkpoint in checkpoints]
    check_on = choose_photos(photos, _root(runs[0]), checks)
    _check_pair(checkpoints)
    files = [to_onnx(path, stage) for path, stage in zip(checkpoints, ("classes", "attributes"), strict=False)]
    differences = compare(check_on, files[0], files[1] if len(files) > 1 else None)
    _check_differences(differences, files)
    parts = [Part(*values) for values in zip((n.name for n in names), files, differences, runs, strict=True)]
    card = out.with_suffix(".md")
    text = model_card(out.stem, parts, check_on.origin)
    # The segmenter last: where it is, all is.
    write_all(
        {card: text.encode(), **{name: file.data for name, file in reversed(list(zip(names, files, strict=True)))}}
    )
    return _told(parts, names, card, check_on.origin)


def _names(out: Path, attributes_ckpt: Path | None) -> list[Path]:
    if out.suffix != ".onnx":
        raise FashionError(f"the output {out} must end in .onnx")
    if out.is_dir():
        raise FashionError(f"{out} is a folder; give the name of a file that ends in .onnx")
    place = next(folder for folder in out.absolute().parents if folder.exists())
    if not (place.is_dir() and os.access(place, os.W_OK)):
        raise FashionError(f"{out} cannot be written: {place} is no folder that may be written; give another place")
    second = out.with_suffix(".attributes.onnx")
    if attributes_ckpt is None and second.exists():
        raise FashionError(
            f"{second} is there from an earlier export and would pass for this one's; give --attributes or remove it"
        )
    return [out, second] if attributes_ckpt else [out]


def _root(run: RunFiles | None) -> Path | None:
    root = run.setting("data.root") if run is not None else None
    return Path(root).expanduser() if isinstance(root, str) else None


def _check_pair(checkpoints: Sequence[Path]) -> None:
    """Read both before either is exported, which takes its time."""
    stages = ("classes", "attributes")
    specs = [load_checkpoint(path, stage=stage)[0] for path, stage in zip(checkpoints, stages, strict=False)]
    first, last = specs[0].class_ids, specs[-1].class_ids
    if first != last:
        raise FashionError(
            f"the attribute checkpoint {checkpoints[-1]} was trained on other classes ({len(last)}) than the class "
            f"checkpoint ({len(first)}); give two of the same data set"
        )


def _check_differences(differences: Sequence[Difference], files: Sequence[Exported]) -> None:
    for difference, file in zip(differences, files, strict=True):
        if not difference.largest <= LIMIT:  # so that NaN is refused, too
            raise FashionError(
                f"the ONNX file of {file.checkpoint} differs from torch by {difference.largest:.1e} where at most "
                f"{LIMIT:.0e} is rounding, so nothing was written; another version of onnxruntime or torch may agree"
            )


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Write files aside, all of them, before any gets its name.

    Raises:
        FashionError: a file cannot be written.
    """
    asides: dict[Path, Path] = {}
    try:
        for out, content in contents.items():
            out.parent.mkdir(parents=True, exist_ok=True)
            aside = out.with_name(f".{out.name}.writing-{os.getpid()}")
            with aside.open("wb") as file:
                asides[out] = aside
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for out, aside in asides.items():
            aside.replace(out)
    except OSError as error:
        raise FashionError(f"{error.filename or 'the export'} cannot be written ({error.strerror})") from error
    finally:
        for aside in asides.values():
            aside.unlink(missing_ok=True)


def _told(parts: Sequence[Part], names: Sequence[Path], card: Path, origin: str) -> str:
    found = [f"{part.title}: {part.difference}" for part in parts]
    wrote = [f"{name} ({size(len(part.exported.data))})" for name, part in zip(names, parts, strict=True)]
    return "\n".join([f"checked against torch on {origin}", *found, *wrote, f"{card} (model card)"])
