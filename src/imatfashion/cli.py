"""The `imatfashion` command: what takes paths. What composes a config is train.py and predict.py."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import typer

from imatfashion.errors import FashionError, fault_of_machine

P = ParamSpec("P")
R = TypeVar("R")

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown")


@app.callback()
def main() -> None:
    """Fashion parsing: data sets, scores and reports. Training and prediction: `train.py` and `predict.py`."""


def sentence(command: Callable[P, R]) -> Callable[P, R]:
    """Show our own errors as one sentence and exit with 2."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except FashionError as error:
            typer.echo(f"error: {error}", err=True)
            sys.exit(2)
        except (OSError, RuntimeError) as error:
            told = fault_of_machine(error)
            if told is None:
                raise
            typer.echo(f"error: {told}", err=True)
            sys.exit(2)

    return wrapped


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
    data_dir: Annotated[Path, typer.Argument(help="Folder of the data set.")],
    photos: Annotated[bool, typer.Option(help="Check the photos too (size, readable).")] = True,
    format: Annotated[
        str, typer.Option(help="auto, imaterialist2019, imaterialist2020, coco, pngs, submission")
    ] = "auto",
    annotations: Annotated[str | None, typer.Option(help="Annotation file below the folder.")] = None,
    photo_dir: Annotated[str | None, typer.Option(help="Folder of photos below the folder.")] = None,
    labels: Annotated[str | None, typer.Option(help="Label file below the folder.")] = None,
    on_bad: Annotated[str, typer.Option(help="`skip` lists bad records, `error` stops at the first.")] = "skip",
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
    data_dir: Annotated[Path, typer.Argument(help="Folder of the data set.")],
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    resolution: Annotated[int, typer.Option(help="Side of the samples that will be trained on, pixels.")],
    format: Annotated[
        str, typer.Option(help="auto, imaterialist2019, imaterialist2020, coco, pngs, prepared")
    ] = "auto",
    annotations: Annotated[str | None, typer.Option(help="Annotation file below the folder.")] = None,
    photo_dir: Annotated[str | None, typer.Option(help="Folder of photos below the folder.")] = None,
    labels: Annotated[str | None, typer.Option(help="Label file below the folder.")] = None,
    group_by: Annotated[str | None, typer.Option(help="Column of the CSV that groups photos, for the split.")] = None,
    on_bad: Annotated[str, typer.Option(help="`skip` lists bad records, `error` stops at the first.")] = "skip",
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


@app.command()
@sentence
def score(
    truth: Annotated[Path, typer.Argument(help="The truth: a competition CSV or COCO JSON.")],
    submission: Annotated[
        Path | None, typer.Argument(help="The submission CSV; not needed with --oracle alone.")
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="Label file; label_descriptions.json beside the truth.")] = None,
    oracle: Annotated[bool, typer.Option(help="Also score the truth sent through the encoding: the ceiling.")] = False,
    layers: Annotated[int, typer.Option(help="Oracle: label maps, 1 or 2.")] = 1,
    regions: Annotated[str, typer.Option(help="Oracle: auto, regions or components.")] = "auto",
    ap: Annotated[
        bool, typer.Option("--ap", help="Average precision instead (Fashionpedia's and COCO's), of a COCO JSON.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """The competition's score, per photo and pooled, with and without attributes; or average precision.

    Average precision needs confidences: give what `predict.py format=coco size=photo` wrote, or a list of COCO results.

    Example: `imatfashion score demo/data/test.csv demo/submission.csv --oracle`
    """
    from imatfashion.evaluate.command import score_command

    typer.echo(
        score_command(
            truth, submission, labels=labels, oracle=oracle, layers=layers, regions=regions, ap=ap, as_json=json
        )
    )


@app.command()
@sentence
def tune(
    run_dir: Annotated[Path, typer.Argument(help="Run directory of a stage=classes run.")],
    attributes: Annotated[
        Path | None, typer.Option(help="A stage=attributes run or its checkpoint: tunes its thresholds, too.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="The file; RUN_DIR/tuning.json by default.")] = None,
    objective: Annotated[
        str, typer.Option(help="per_photo or pooled, without attributes; competition may leave out whole classes.")
    ] = "per_photo",
    photos: Annotated[int | None, typer.Option(help="At most so many validation photos; all by default.")] = None,
    folds: Annotated[int, typer.Option(help="Folds of the cross-validation.")] = 5,
    seed: Annotated[int, typer.Option(help="The same seed writes the same file.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Folder of the data set, if it has moved since.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N")] = "auto",
) -> None:
    """Tune post-processing on a run's validation photos, for the competition's score.

    Finds the smallest area and confidence of each class, whether its components are garments, and attribute thresholds,
    keeps what gains on photos that were not tuned on, and writes one small JSON for `predict.py tuning=FILE`.

    Example: `imatfashion tune runs/classes-224-… --attributes runs/attributes-224-…`
    """
    from imatfashion.evaluate.tune.command import tune_command

    typer.echo(
        tune_command(
            run_dir,
            attributes=attributes,
            output=output,
            objective=objective,
            photos=photos,
            folds=folds,
            seed=seed,
            data=data,
            device=device,
        )
    )


@app.command()
@sentence
def report(run_dir: Annotated[Path, typer.Argument(help="A run directory, or a sweep's.")]) -> None:
    """Write the report of a run, or of a sweep, whose jobs it compares: one self-contained HTML file.

    Example: `imatfashion report runs/classes-224-…` · `imatfashion report runs/sweep-…`
    """
    from imatfashion.report.page import write_report
    from imatfashion.report.sweep_files import is_sweep
    from imatfashion.report.sweep_page import write_sweep_report

    typer.echo(f"report: {write_sweep_report(run_dir) if is_sweep(run_dir) else write_report(run_dir)}")


@app.command()
@sentence
def export(
    classes_ckpt: Annotated[Path, typer.Argument(help="Checkpoint of stage=classes.")],
    out: Annotated[Path, typer.Argument(help="ONNX file to write; the model card is beside it, as .md.")],
    attributes: Annotated[
        Path | None, typer.Option(help="Checkpoint of stage=attributes, for OUT.attributes.onnx.")
    ] = None,
    photos: Annotated[
        Path | None, typer.Option(help="Photos to check on; else the run's own, or drawn ones where these are gone.")
    ] = None,
    checks: Annotated[int, typer.Option(help="How many photos to check on, at most.")] = 50,
) -> None:
    """Write the networks as ONNX files that run without torch, and a model card.

    Each file is run beside its network on photos; where a probability differs by more than 1e-4 nothing is written.
    The files hold names, sizes and colours in their metadata. `docs/EXPORT.md` says how they are used.

    Example: `imatfashion export runs/classes/checkpoints/best.ckpt fashion.onnx --photos PHOTOS`
    """
    from imatfashion.apps.export.command import export_command

    typer.echo(export_command(classes_ckpt, out, attributes, photos, checks))


@app.command()
@sentence
def serve(
    classes_ckpt: Annotated[Path, typer.Argument(help="Checkpoint of the class segmenter.")],
    attributes_ckpt: Annotated[Path | None, typer.Argument(help="Checkpoint of the attribute classifier.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 127.0.0.1 is this machine alone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")] = 8400,
    max_mb: Annotated[float, typer.Option(help="Largest photo, MB.")] = 20,
    examples: Annotated[Path | None, typer.Option(help="Folder of photos to try; drawn ones without.")] = None,
    tuning: Annotated[Path | None, typer.Option(help="Post-processing by class and attribute, JSON.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N")] = "auto",
) -> None:
    """A page to try a model: drop photos, see their garments, download the rows.

    Needs the extra: `pip install 'imatfashion[serve]'`. Photos are not kept. docs/SERVE.md says more.

    Example: `imatfashion serve runs/classes-512/checkpoints/best.ckpt runs/attributes/checkpoints/best.ckpt`
    """
    from imatfashion.apps.serve.command import serve as serve_page

    serve_page(
        classes_ckpt,
        attributes_ckpt,
        host=host,
        port=port,
        max_mb=max_mb,
        examples=examples,
        tuning=tuning,
        device=device,
    )


if __name__ == "__main__":
    app()
