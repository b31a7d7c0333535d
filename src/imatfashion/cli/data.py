"""Subcommands for data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imatfashion.cli.base import app, sentence

DataDir = Annotated[Path, typer.Argument(help="Folder of the data set.")]
AnnotationFile = Annotated[str | None, typer.Option(help="Annotation file below the folder.")]
PhotoDir = Annotated[str | None, typer.Option(help="Folder of photos below the folder.")]
LabelFile = Annotated[str | None, typer.Option(help="Label file below the folder.")]
OnBad = Annotated[str, typer.Option(help="`skip` lists bad records, `error` stops at the first.")]


@app.command()
@sentence
def sample(
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    photos: Annotated[int, typer.Option(help="Photos in train/; a fifth as many more in test/.")] = 120,
    seed: Annotated[int, typer.Option(help="The same seed draws the same bytes.")] = 0,
) -> None:
    """Draw a data set in the competition's own layout, to try everything without a download.

    Figures wear garments of several classes whose attributes can be seen; garments overlap, some come in pairs, and a
    share of the photos has its attributes withheld, as in the real data. `test/` has photos without labels and
    `test.csv` their hidden truth.

    Example: `imatfashion sample demo/data --photos 200`
    """
    from imatfashion.data.sample import draw_sample

    draw_sample(out, photos=photos, seed=seed)
    typer.echo(f"{photos} photos in {out}/train, annotations in {out}/train.csv, unseen photos in {out}/test")


@app.command()
@sentence
def index(
    data_dir: DataDir,
    photos: Annotated[bool, typer.Option(help="Check the photos too (size, readable).")] = True,
    format: Annotated[
        str, typer.Option(help="auto, imaterialist2019, imaterialist2020, coco, pngs, submission")
    ] = "auto",
    annotations: AnnotationFile = None,
    photo_dir: PhotoDir = None,
    labels: LabelFile = None,
    on_bad: OnBad = "skip",
) -> None:
    """Build the annotation table of a data set, and say what was found and what was refused.

    Refused records are listed in `refused.csv` (row, photo, reason) in the table's directory. Exit code 0 with
    refusals, 2 when the files cannot be used at all.

    Example: `imatfashion index DATA` · `imatfashion index DATA --no-photos`
    """
    from imatfashion.data.build import open_table
    from imatfashion.data.overview import overview
    from imatfashion.data.progress_bar import progress_bar
    from imatfashion.data.sources import DataFiles

    files = DataFiles(format=format, annotations=annotations, photos=photo_dir, labels=labels, on_bad=on_bad)
    with progress_bar("reading annotations") as progress:
        table = open_table(data_dir, files, check_photos=photos, progress=progress)
    typer.echo(overview(table))


@app.command()
@sentence
def prepare(
    data_dir: DataDir,
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    resolution: Annotated[int, typer.Option(help="Side of the samples that will be trained on, pixels.")],
    format: Annotated[
        str, typer.Option(help="auto, imaterialist2019, imaterialist2020, coco, pngs, prepared")
    ] = "auto",
    annotations: AnnotationFile = None,
    photo_dir: PhotoDir = None,
    labels: LabelFile = None,
    group_by: Annotated[str | None, typer.Option(help="Column of the CSV that groups photos, for the split.")] = None,
    on_bad: OnBad = "skip",
    workers: Annotated[int, typer.Option(help="Processes; -1 for one a core.")] = -1,
) -> None:
    """Write photos and masks at training size into a folder of few files, which training reads several times faster.

    The shorter side of a photo becomes 1.1 × the resolution (augmentation zooms in by as much), never more than it is,
    and the photos are JPEGs of quality 90 in one file with checksums. Names, classes, attributes and the split stay.
    Killed, it goes on where it was when it is given again.

    Example: `imatfashion prepare DATA DATA-224 --resolution 224` · then `python train.py data.root=DATA-224`
    """
    from imatfashion.data.prepare import prepare
    from imatfashion.data.sources import DataFiles

    files = DataFiles(
        format=format, annotations=annotations, photos=photo_dir, labels=labels, group_by=group_by, on_bad=on_bad
    )
    typer.echo(str(prepare(data_dir, out, files, resolution=resolution, workers=workers)))


@app.command()
@sentence
def verify(folder: Annotated[Path, typer.Argument(help="Folder that `imatfashion prepare` made.")]) -> None:
    """Check prepared data after it was copied: every file against the checksum that it was written with.

    Exit code 0 when all agree, 2 with the names of the files that do not. `sha256sum -c SHA256SUMS` in the folder does
    the same on a machine without this program.

    Example: `imatfashion verify DATA-224`
    """
    from imatfashion.data.prepare import verify as check

    typer.echo(f"{check(folder)} files of {folder} are what was prepared")
