"""Losses of both stages, always in float32 and outside autocast: a Dice sum over 512 × 512 pixels is inf in float16.

All are means over the photos or pairs that are judged; what is unknown (ignored pixels, garments whose attributes
were left open, pairs ruled out) adds nothing, and a batch with nothing to judge gives 0 with a gradient of 0.

Shape suffixes: B photos, L label layers, C classes with background (the last), H rows, W columns, N pixels,
K pairs of a map and a class that it has, G garments, A attributes.
"""

from imatfashion.models.losses.attributes import AttributeLoss, attribute_loss
from imatfashion.models.losses.balance import class_weights
from imatfashion.models.losses.segmentation import segmentation_loss

__all__ = ["AttributeLoss", "attribute_loss", "class_weights", "segmentation_loss"]
