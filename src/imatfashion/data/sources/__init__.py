"""Readers of annotation formats: one small module each, all yielding the same records."""

from imatfashion.data.sources.files import USUAL, DataFiles
from imatfashion.data.sources.locate import Location, locate
from imatfashion.data.sources.registry import load, open_source
from imatfashion.data.sources.source import Source

__all__ = ["USUAL", "DataFiles", "Location", "Source", "load", "locate", "open_source"]
