"""Which files of a folder are a data set's: what a config, a command line and a run that is read again have to say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imatfashion.config.schema import DataConfig


@dataclass(frozen=True)
class DataFiles:
    """A data set's files below its root, and how they are read.

    Attributes:
        format: `auto` or the name of a format; `auto` looks at the files and their columns.
        annotations: annotation file (or folder of index PNGs), when not the format's usual one.
        photos: folder of photos, likewise.
        labels: label file, likewise.
        group_by: column of the CSV, or a regex on names (which the split applies).
        on_bad: `skip` lists bad records in refused.csv, `error` raises at the first.
    """

    format: str = "auto"
    annotations: str | Path | None = None
    photos: str | Path | None = None
    labels: str | Path | None = None
    group_by: str | None = None
    on_bad: str = "skip"

    @classmethod
    def of(cls, config: DataConfig) -> DataFiles:
        """The files that a config names."""
        return cls(
            format=config.format,
            annotations=config.annotations,
            photos=config.photos,
            labels=config.labels,
            group_by=config.group_by,
            on_bad=config.on_bad,
        )


USUAL = DataFiles()
"""Every file under its format's usual name; bad records are listed."""
