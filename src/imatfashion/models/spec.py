"""What a checkpoint says about its network: one JSON string beside the weights, enough to predict with them alone."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imatfashion.config.size import sample_size
from imatfashion.errors import FashionError
from imatfashion.models.spec_checks import check_spec, read_fields

if TYPE_CHECKING:
    from imatfashion.models.attribute_head import AttributeNetwork
    from imatfashion.models.segmenter import Segmenter

VERSION = 1
"""Version of the format: raised when an older program could not use a newer checkpoint rightly, or the other way."""


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A network and everything that its input and output mean.

    Attributes:
        version: version of this format.
        stage: `classes` or `attributes`.
        architecture: smp's name of the segmenter's architecture; unused by the attribute classifier.
        backbone: timm's name.
        resolution: side of the square that the network was trained on, pixels.
        resize: `squash` or `pad`.
        aspect: height of what the network was trained on divided by its width; its area is that of the square.
        crop: `photo`, or `garments` where the network was shown the part of a photo that its garments are in.
        mean: of RGB values scaled to 0 … 1, subtracted from the photo.
        std: of RGB values scaled to 0 … 1, divided by.
        class_ids: the label file's id of each class.
        class_names: a name each.
        attribute_ids: the label file's id of each attribute.
        attribute_names: a name each.
        layer_of_class: label layer of each class.
        allowed_pairs: attribute indices that each class can have.
        component_classes: class indices of which a photo often has several garments, one a connected component.
        lies_on: classes that each class lies on as a part, such as a pocket on a coat; empty where it is not known.
        typical_shares: share of a photo that each class typically has where it is there, 0 for a class that training
            did not have; empty where it is not known.
        pooling: attributes: `garment` or `image`.
        class_given: attributes: the head knows the garment's class.
        decoder_width: classes: channels of the first decoder block.
        decoder_floor: classes: channels that no decoder block goes below.
        embedding: attributes: channels of the garment embedding.
        dropout: attributes: dropout before the last layer.
    """

    version: int = VERSION
    stage: str
    architecture: str = "unet"
    backbone: str
    resolution: int
    resize: str = "squash"
    aspect: float = 1.0
    crop: str = "photo"
    mean: tuple[float, ...]
    std: tuple[float, ...]
    class_ids: tuple[int, ...]
    class_names: tuple[str, ...]
    attribute_ids: tuple[int, ...] = ()
    attribute_names: tuple[str, ...] = ()
    layer_of_class: tuple[int, ...]
    allowed_pairs: tuple[tuple[int, ...], ...]
    component_classes: tuple[int, ...] = ()
    lies_on: tuple[tuple[int, ...], ...] = ()
    typical_shares: tuple[float, ...] = ()
    pooling: str = "garment"
    class_given: bool = True
    decoder_width: int = 256
    decoder_floor: int = 32
    embedding: int = 256
    dropout: float = 0.1

    def __post_init__(self) -> None:
        check_spec(self)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of what the network was trained on, pixels."""
        return sample_size(self.resolution, self.aspect)

    def to_json(self) -> str:
        """One line of JSON, the same for equal specs."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """Read and check a spec.

        Raises:
            FashionError: not JSON, another format version, a field that is missing, unknown or makes no sense.
        """
        try:
            values = json.loads(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise FashionError(f"the model description is not JSON ({error}); the checkpoint is damaged") from error
        if not isinstance(values, dict) or not isinstance(values.get("version"), int):
            raise FashionError("the model description has no format version; the checkpoint is not imatfashion's")
        if values["version"] != VERSION:
            raise FashionError(
                f"the checkpoint has format version {values['version']}, this program reads version {VERSION}; "
                f"use the imatfashion release that wrote it, or train again"
            )
        return cls(**read_fields(cls, values))


def build_network(spec: ModelSpec, weights: str = "none") -> Segmenter | AttributeNetwork:
    """The network that a spec describes.

    Args:
        spec: the description.
        weights: the backbone's weights, see `load_backbone_weights`; `none` when a checkpoint is loaded into it.

    Raises:
        FashionError: the network cannot be built, or the weights cannot be had or do not fit.
    """
    # Imported here: a spec alone is read without torch.
    import torch

    from imatfashion.models.attribute_head import AttributeNetwork
    from imatfashion.models.segmenter import Segmenter

    num_classes, num_attributes = len(spec.class_ids), len(spec.attribute_ids)
    if spec.stage == "classes":
        return Segmenter(
            spec.architecture,
            spec.backbone,
            num_classes,
            spec.layer_of_class,
            weights,
            spec.decoder_width,
            spec.decoder_floor,
        )
    allowed = torch.zeros((num_classes, num_attributes), dtype=torch.bool)
    for class_index, attributes in enumerate(spec.allowed_pairs):
        allowed[class_index, list(attributes)] = True
    return AttributeNetwork(
        spec.backbone,
        num_classes,
        num_attributes,
        allowed,
        pooling=spec.pooling,
        class_given=spec.class_given,
        weights=weights,
        embedding=spec.embedding,
        dropout=spec.dropout,
    )
