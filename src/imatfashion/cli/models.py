"""Subcommands for models and predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imatfashion.cli.base import app, sentence


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
    output: Annotated[
        Path | None, typer.Option(help="The file; by default tuning.json in RUN_DIR, or labels.json.")
    ] = None,
    objective: Annotated[
        str,
        typer.Option(
            help="per_photo or pooled, without attributes; competition may leave out whole classes; miou: label maps."
        ),
    ] = "per_photo",
    photos: Annotated[int | None, typer.Option(help="At most so many validation photos; all by default.")] = None,
    folds: Annotated[int, typer.Option(help="Folds of the cross-validation.")] = 5,
    seed: Annotated[int, typer.Option(help="The same seed writes the same file.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Folder of the data set, if it has moved since.")] = None,
    also: Annotated[
        list[Path] | None, typer.Option(help="Another stage=classes run, averaged with this one; may be repeated.")
    ] = None,
    tta: Annotated[str, typer.Option(help="none or flip, as predict.py will have it.")] = "none",
    tta_scales: Annotated[str, typer.Option(help="As predict.py will have them, such as 0.75,1,1.25.")] = "1",
    dense_crf: Annotated[bool, typer.Option("--dense-crf", help="As predict.py dense_crf=true.")] = False,
    guided_filter: Annotated[bool, typer.Option("--guided-filter", help="As predict.py guided_filter=true.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N")] = "auto",
) -> None:
    """Tune post-processing on a run's validation photos, for the competition's score.

    Finds which classes give way to others, the smallest area and confidence of each class, whether its components are
    garments, and attribute thresholds, keeps what gains on photos that were not tuned on, and writes one small JSON for
    `predict.py tuning=FILE`. With `--objective miou` it finds the labels that the mean IoU gains most by instead.

    Example: `imatfashion tune runs/classes-224-… --attributes runs/attributes-224-…`
    """
    from imatfashion.evaluate.tune.command import look_options, tune_command

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
            also=also or (),
            looks=look_options(tta, tta_scales, dense_crf=dense_crf, guided_filter=guided_filter),
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
