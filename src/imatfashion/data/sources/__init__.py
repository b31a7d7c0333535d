"""Readers of annotation formats: one small module each, all yielding the same records."""

from imatfashion.data.sources.registry import open_source
from imatfashion.data.sources.source import Source

__all__ = ["Source", "open_source"]
