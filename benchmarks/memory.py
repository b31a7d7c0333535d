"""Private memory by the size of the work: building, opening, a loader process, predicting.

usage: python benchmarks/memory.py FOLDER [--shares 0.01 0.1 1] [--photos 100 1000 10000] [--json FILE]

FOLDER takes a made train.csv and its prepared data for each share (below FOLDER/SHARE, used again if there).
Every figure is the peak of a process of its own (USS: mapped files do not count), its memory looked at 20 times a
second; of the loader, that of one of two forked processes over an epoch, looked at eight times. Predicted photos are
600 × 400, a dozen drawn ones under many names; the network is a small one at 224.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from measuring import Child, machine, run_child
from PIL import Image

HERE = Path(__file__).parent
DISTINCT, RESOLUTION = 12, 224


def data_curve(root: Path, share: float) -> dict[str, float]:
    """Peaks, MiB, of building a share's table, opening it, and reading it as a loader process."""
    from full_scale import make
    from stand_in import stand_in

    prepared = stand_in(root, share, RESOLUTION)
    made = make(root, share)
    shutil.rmtree(root / ".imatfashion")

    def scale(step: str) -> Child:
        return run_child([HERE / "full_scale.py", root, "--step", step])

    built, opened = scale("build"), scale("reopen")
    reading = ("--prepared", prepared, "--step", "memory", "--method", "fork", "--epochs", "1")
    epoch = run_child([HERE / "workers.py", root, *reading]).result["epochs"][0]
    return {
        "rows": made["rows"],
        "build": built.private,
        "open": opened.private,
        "loader first": max(epoch[0]),
        "loader": max(map(max, epoch)),
    }


def write_photos(folder: Path, names: int) -> None:
    """`names` photos in a folder, of which a dozen differ."""
    from imatfashion.data.sample.photo import draw_photo

    folder.mkdir()
    for index in range(names):
        path = folder / f"{index:05}.jpg"
        if index < DISTINCT:
            Image.fromarray(draw_photo(np.random.default_rng([2, index]), (600, 400)).image).save(path, quality=90)
        else:
            path.hardlink_to(folder / f"{index % DISTINCT:05}.jpg")


def predict(checkpoint: Path, photos: Path, output: Path) -> dict[str, Any]:
    from imatfashion.config.schema import PredictConfig
    from imatfashion.predict.run import run_prediction

    run_prediction(
        PredictConfig(
            classes_ckpt=str(checkpoint), images=str(photos), output=str(output), device="cpu", progress=False
        )
    )
    return {"bytes": output.stat().st_size}


def prediction_curve(counts: list[int]) -> dict[str, Child]:
    """A process for each number of photos."""
    from predict import write_checkpoint

    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_checkpoint(folder / "small.ckpt", RESOLUTION)
        for count in counts:
            photos = folder / f"photos-{count}"
            write_photos(photos, count)
            found[str(count)] = run_child(
                [__file__, folder, "--predict", folder / "small.ckpt", photos, folder / f"{count}.csv"]
            )
    return found


def quarters(child: Child) -> list[float]:
    """Peak private memory, MiB, of each quarter of a process's time."""
    return [round(max(part.tolist()), 1) for part in np.array_split(np.array(child.curve), 4)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shares", type=float, nargs="*", default=[0.01, 0.1, 1.0])
    parser.add_argument("--photos", type=int, nargs="*", default=[100, 1000, 10_000])
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--predict", type=Path, nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.predict:
        print(json.dumps(predict(*args.predict)))
        return
    print(machine())
    found: dict[str, Any] = {"data": {}, "prediction": {}}
    print(f"{'share':>6} {'rows':>8} {'build':>6} {'open':>6} {'loader, first batch':>20} {'loader, epoch':>14}  MiB")
    for share in args.shares:
        row = found["data"][share] = data_curve(args.folder / f"{share:g}", share)
        print(
            f"{share:6g} {row['rows']:8,} {row['build']:6.0f} {row['open']:6.0f} {row['loader first']:20.0f} "
            f"{row['loader']:14.0f}"
        )
    for count, child in prediction_curve(args.photos).items() if args.photos else ():
        found["prediction"][count] = {"private": child.private, "quarters": quarters(child)}
        print(f"{count:>6} photos predicted: {child.private:.0f} MiB; by quarters of the time {quarters(child)}")
    if args.json:
        args.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
