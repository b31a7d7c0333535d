"""Where the photos are, how they are split, and how training changes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class DataConfig:
    """Where the photos and their annotations are, and how they are split."""

    format: str = "auto"
    """`auto`, `imaterialist2019`, `imaterialist2020`, `coco` (Fashionpedia too), `pngs`, `submission` or `prepared`."""
    root: str = "???"
    """Folder of the data set."""
    annotations: str | None = None
    """Annotation file (or folder of index PNGs) below `root`; the format's usual name when not given."""
    photos: str | None = None
    """Folder of photos below `root`; the format's usual name when not given."""
    labels: str | None = None
    """Label file below `root`; the format's usual name when not given."""
    classes_from: str = "truth"
    """Whose garments are trained on: `truth`, or a table that predict.py wrote (`DIR.table`)."""
    val_fraction: float = 0.2
    """Share of the photos kept for validation, when neither `folds` nor `split_file` is given."""
    folds: int = 0
    """Number of folds; 0 for a single split."""
    fold: int = 0
    """Which fold is the validation split, 0 … folds − 1."""
    split_file: str | None = None
    """A text file of validation photo names, one a line, or a `split.json` that a run wrote."""
    group_by: str | None = None
    """Keep photos of one group on one side: a column of the annotation CSV, or a regex on the name (first group)."""
    near_duplicates: bool = True
    """Find near-identical photos and keep them on one side."""
    on_bad: str = "skip"
    """`skip` refuses bad records and lists them in refused.csv; `error` stops at the first."""
    unlabelled_attributes: str = "ignore"
    """A garment without attributes whose class can have them: `ignore` (unknown) or `negative` (has none)."""
    repeat_rare: float = 0.0
    """Photos with a class that fewer than this share of the training photos has come more often, and lend their
    garments to copy-paste more often (repeat factor sampling); 0 for all alike."""
    limit: int | None = None
    """Use at most this many photos of each split (for a trial)."""
    workers: int = -1
    """Loader processes; −1 derives them from the processors."""


@dataclass
class AugmentConfig:
    """Random changes of the training samples."""

    flip: bool = True
    """Mirror left and right with probability ½."""
    scale: float = 0.1
    """Largest relative change of the crop's size: the crop covers 1 / (1 ± scale) of the view."""
    scale_min: float | None = None
    """With `scale_max`, in place of `scale`: the photo is shown at a random size from this …"""
    scale_max: float | None = None
    """… to this, at a random place; 0.5 and 2.0 are large-scale jitter."""
    shift: float = 0.05
    """Largest shift of the crop, as a share of its side."""
    rotate: float = 10.0
    """Largest rotation, degrees."""
    brightness: float = 0.2
    """Largest relative change of brightness."""
    contrast: float = 0.2
    """Largest relative change of contrast."""
    saturation: float = 0.0
    """Largest relative change of saturation."""
    hue: float = 0.0
    """Largest change of hue, as a share of the colour circle."""
    grey: float = 0.0
    """Probability that the colours are taken away."""
    blur: float = 0.0
    """Probability of a blur."""
    copy_paste: float = 0.0
    """Probability that garments of another training photo are pasted over the sample."""
    paste_most: int = 3
    """Most garments pasted over a sample, not counting the parts that lie on them."""
    probability: float = 0.75
    """Probability of each change other than the flip, grey, blur and copy-paste, which have their own."""
