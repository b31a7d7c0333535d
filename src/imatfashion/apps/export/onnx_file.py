"""From a checkpoint to the bytes of an ONNX file that says by itself what it is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imatfashion.apps.export.graphs import AttributeGraph, ClassGraph
from imatfashion.data.overlay import class_colors
from imatfashion.data.render import PADDING
from imatfashion.errors import FashionError
from imatfashion.models.attribute_head import AttributeNetwork
from imatfashion.models.checkpoint import load_network
from imatfashion.models.segmenter import Segmenter
from imatfashion.models.spec import ModelSpec
from imatfashion.training.versions import version_of

OPSET = 18
"""What the exporter writes without converting; onnxruntime reads it since 1.14."""
KEY = "imatfashion"
"""Under which the file's metadata has its JSON."""


@dataclass(frozen=True)
class Exported:
    """A checkpoint and its file.

    Attributes:
        checkpoint: the checkpoint.
        hash: SHA-256 of its bytes.
        spec: its description.
        network: its network in evaluation mode, on the CPU.
        data: the ONNX file.
    """

    checkpoint: Path
    hash: str
    spec: ModelSpec
    network: Segmenter | AttributeNetwork
    data: bytes


def need_packages() -> None:
    """Make sure that the extra is installed.

    Raises:
        FashionError: it is not.
    """
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise FashionError(
            f"exporting needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed; "
            "run: pip install 'imatfashion[export]'"
        )


def to_onnx(checkpoint: Path, stage: str) -> Exported:
    """Export a checkpoint.

    Args:
        checkpoint: the checkpoint.
        stage: `classes` or `attributes`, which it must be of.

    Raises:
        FashionError: the checkpoint cannot be used, or its network has no form in ONNX.
    """
    spec, network = load_network(checkpoint, stage=stage)
    graph, inputs, sizes = _graph(spec, network)
    try:
        program = torch.onnx.export(
            graph.eval(),
            inputs,
            dynamo=True,
            input_names=list(sizes),
            output_names=["probabilities"],
            dynamic_shapes=sizes,
            opset_version=OPSET,
            verbose=False,
        )
    except torch.onnx.OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().split("\n")[0][:200]
        raise FashionError(
            f"the network of {checkpoint} ({spec.architecture} on {spec.backbone}) has no form in ONNX ({reason}); "
            "export one on another backbone"
        ) from error
    assert program is not None  # as it is with dynamo=True
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    return Exported(checkpoint, digest, spec, network, _finished(program.model_proto, spec, digest))


def _graph(spec: ModelSpec, network: Segmenter | AttributeNetwork) -> tuple[nn.Module, tuple[Tensor, ...], Any]:
    """The module, inputs to trace it with, and which of their sizes are free."""
    height, width = spec.size
    # Two photos and three garments: sizes of 0 and 1 would be taken for constants, equal ones for the same.
    image = torch.zeros(2, height, width, 3, dtype=torch.uint8)
    # Sizes with names are refused by one version of torch or warned of by another where three inputs share one.
    free = {0: torch.export.Dim.DYNAMIC}
    if isinstance(network, Segmenter):
        return ClassGraph(network, spec), (image,), {"image": free}
    garments = torch.zeros(3, dtype=torch.int64)
    inputs = (image, torch.zeros(3, height, width, dtype=torch.bool), garments, garments.clone())
    names = ("image", "masks", "garment_photo", "garment_class")
    return AttributeGraph(network, spec), inputs, dict.fromkeys(names, free)


def _finished(model: Any, spec: ModelSpec, digest: str) -> bytes:  # an onnx.ModelProto
    """The file's bytes: with our metadata, and without the exporter's notes, which name files of this machine."""
    for item in (*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del item.metadata_props[:]
        item.doc_string = ""
    del model.graph.value_info[:]
    for value in (*model.graph.input, *model.graph.output):
        per_photo = value.name == "image" or spec.stage == "classes"
        value.type.tensor_type.shape.dim[0].dim_param = "photos" if per_photo else "garments"
    model.producer_name, model.producer_version = "imatfashion", version_of("imatfashion")
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, json.dumps(metadata(spec, digest), ensure_ascii=False, sort_keys=True)
    return bytes(model.SerializeToString(deterministic=True))


def metadata(spec: ModelSpec, digest: str) -> dict[str, Any]:
    """What a program needs beside the graph; JSON-able.

    Returns:
        The spec's own fields, and: `size` (rows and columns of what the network sees), `padding` (grey around a padded
        photo), `colors` (RGB of each class and, last, of background), `checkpoint` (its SHA-256).
    """
    colors = class_colors(len(spec.class_ids)).tolist()
    return {**asdict(spec), "size": list(spec.size), "padding": PADDING, "colors": colors, "checkpoint": digest}
