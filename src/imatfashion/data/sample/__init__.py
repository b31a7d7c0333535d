"""A drawn data set in the competition's own layout: dressed figures with exact masks, attributes and overlaps."""

from imatfashion.data.sample.files import draw_sample

__all__ = ["draw_sample"]
