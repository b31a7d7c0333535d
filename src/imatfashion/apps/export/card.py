"""The model card that is written with each export: Markdown for people who did not train the networks."""

from __future__ import annotations

from collections.abc import Sequence

from imatfashion.apps.export.card_facts import data_section, training_section
from imatfashion.apps.export.card_figures import figures_section
from imatfashion.apps.export.card_limits import limits_section
from imatfashion.apps.export.markdown import plain, text_table
from imatfashion.apps.export.onnx_file import KEY, OPSET
from imatfashion.apps.export.part import Part
from imatfashion.report.words import size
from imatfashion.training.versions import version_of

_RESIZE = {
    "squash": "squashed, its aspect lost",
    "pad": "in the middle of the square, its aspect kept, the rest grey {padding}",
}
_CLOSER = (
    "It was trained on the part of a photo that its garments are in, 10 % added on each side: give it the whole photo "
    "first, then the part in which it found garments; imatfashion does so by itself."
)


def model_card(name: str, parts: Sequence[Part], origin: str) -> str:
    """The card.

    Args:
        name: the export's name, for the heading.
        parts: the networks.
        origin: the photos that the files were checked on.
    """
    sections = [
        _head(name, parts),
        _use(parts),
        data_section(parts),
        training_section(parts),
        figures_section(parts),
        limits_section(parts),
        _check(parts, origin),
        _licence(parts),
    ]
    text = "\n".join(line for section in sections for line in (*section, ""))
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.rstrip() + "\n"


def _head(name: str, parts: Sequence[Part]) -> list[str]:
    spec = parts[-1].exported.spec
    does = f"Finds the garments in a photo, of {len(spec.class_ids)} classes"
    if len(parts) > 1:
        does += f", and says of each which of {len(spec.attribute_ids)} attributes it has"
    rows = [
        [plain(part.file), part.title, size(len(part.exported.data)), f"`{part.exported.hash[:16]}`"] for part in parts
    ]
    return [
        f"# Model card: {plain(name)}",
        "",
        f"{does}. Written by imatfashion {version_of('imatfashion')} with the export.",
        *text_table(["file", "stage", "size", "SHA-256 of the checkpoint begins"], rows),
    ]


def _use(parts: Sequence[Part]) -> list[str]:
    lines = ["## Use", ""]
    for part in parts:
        spec = part.exported.spec
        (height, width), layers = spec.size, max(spec.layer_of_class, default=0) + 1
        rows = [["in", "`image`", f"uint8 (photos, {height}, {width}, 3)", "RGB, 0 to 255; normalised inside"]]
        if part.title == "classes":
            shape = f"float32 (photos, {layers}, {len(spec.class_ids) + 1}, {height}, {width})"
            rows.append(["out", "`probabilities`", shape, "of each class, background last, in each layer"])
        else:
            rows += [
                ["in", "`masks`", f"bool (garments, {height}, {width})", "the pixels of each garment"],
                ["in", "`garment_photo`", "int64 (garments)", "which photo of the batch it is in"],
                ["in", "`garment_class`", "int64 (garments)", "index of its class"],
                ["out", "`probabilities`", f"float32 (garments, {len(spec.attribute_ids)})", "of each attribute"],
            ]
        resize = _RESIZE[spec.resize].format(padding=118)
        lines += [
            f"`{part.file}`: the photo is {resize}, {height} rows × {width} columns, averaged where it shrinks.",
            *(["", _CLOSER] if spec.crop == "garments" else []),
            *text_table(["", "name", "type", "what it is"], rows),
        ]
    return [
        *lines,
        f"Opset {OPSET}. Names, ids, sizes and colours are in the files' metadata under `{KEY}`, as JSON.",
    ]


def _check(parts: Sequence[Part], origin: str) -> list[str]:
    return [
        "## Check of the files",
        "",
        f"Each file was run by onnxruntime beside its network in torch, on {plain(origin)}:",
        "",
        *(f"- {part.title}: {part.difference}" for part in parts),
    ]


def _licence(parts: Sequence[Part]) -> list[str]:
    weights = sorted({str(part.run.setting("model.weights")) for part in parts if part.run is not None})
    first = f" and of the weights that training began with ({', '.join(map(plain, weights))})" if weights else ""
    return [
        "## Licence",
        "",
        "imatfashion sets no licence for these weights: whoever publishes them chooses one, within the terms of the "
        f"photos and annotations that they were trained on{first}.",
    ]
