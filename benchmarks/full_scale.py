"""Annotations at full scale: the table built from a train.csv of the competition's size, against reading it otherwise.

usage: python benchmarks/full_scale.py FOLDER [--share 0.01] [--scans 200] [--keep]

FOLDER takes the made train.csv (2.6 GB at --share 1; none is made where one of that share lies there) and is emptied
afterwards, unless --keep. Every step runs in a process of its own whose private memory is watched:
  build    open_table(check_photos=False) for the first time
  reopen   the same call again, and the masks of a photo
  bytes    the same bytes read in blocks; split by the csv module; its runs split at spaces; or made whole numbers
  pandas   read_csv of the whole, then a scan a photo, as the notebooks did; --scans photos, the rest extrapolated
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from measuring import MIB, Child, machine, run_child, seconds

_STEPS = ("build", "reopen", "bytes", "pandas")


def build(root: Path) -> dict[str, Any]:
    from imatfashion.data.build import open_table

    wall, cpu, table = seconds(lambda: open_table(root, check_photos=False))
    disk = sum(path.stat().st_size for path in table.path.iterdir())
    return {
        "wall": wall,
        "cpu": cpu,
        "photos": len(table),
        "garments": len(table.garment_class),
        "refused": table.refused,
        "disk": disk,
    }


def reopen(root: Path) -> dict[str, Any]:
    from imatfashion.data.build import open_table

    wall, cpu, table = seconds(lambda: open_table(root, check_photos=False))
    photo = len(table) // 2
    masks, _, runs = seconds(lambda: sum(len(table.runs(garment).starts) for garment in table.garments(photo)))
    return {"wall": wall, "cpu": cpu, "masks": masks, "runs": runs}


def read_bytes(root: Path) -> dict[str, Any]:
    path = root / "train.csv"
    csv.field_size_limit(2**27)

    def blocks() -> int:
        with path.open("rb") as file:
            return sum(len(block) for block in iter(lambda: file.read(MIB), b""))

    def rows(cell: Any) -> int:
        with path.open(encoding="utf-8", newline="") as file:
            return sum(len(cell(row[1])) for row in csv.reader(file))

    ways = {
        "blocks": blocks,
        "csv": lambda: rows(str),
        "split": lambda: rows(str.split),
        "numbers": lambda: rows(lambda text: np.fromstring(text, dtype=np.int64, sep=" ") if text[0].isdigit() else ""),
    }
    return {name: seconds(way)[1] for name, way in ways.items()}


def pandas_way(root: Path, scans: int) -> dict[str, Any]:
    import pandas as pd

    wall, cpu, frame = seconds(lambda: pd.read_csv(root / "train.csv"))
    names = frame["ImageId"].unique()
    chosen = names[:: max(1, len(names) // scans)][:scans]

    def scan() -> int:
        return sum(len(frame[frame["ImageId"] == name]["EncodedPixels"]) for name in chosen)

    scanning = seconds(scan)[1]
    return {"wall": wall, "cpu": cpu, "scan": scanning / len(chosen), "photos": len(names)}


def make(root: Path, share: float) -> dict[str, int]:
    from made_csv import write_data_set

    note = root / "made.json"
    if note.is_file():
        made: dict[str, int] = json.loads(note.read_text())
        if made["share"] == share:
            return made
    start = time.perf_counter()
    made = {**write_data_set(root, share), "share": share}  # type: ignore[dict-item]
    note.write_text(json.dumps(made))
    print(f"made in {time.perf_counter() - start:.0f} s")
    return made


def report(made: dict[str, int], found: dict[str, Child]) -> None:
    mib = made["bytes"] / MIB
    built, again, plain, frame = (found[name].result for name in _STEPS)
    print(f"\ntrain.csv: {made['rows']:,} rows, {made['photos']:,} photos, {made['runs']:,} runs, {mib:,.0f} MiB")
    print(f"table: {built['garments']:,} garments, {built['refused']} refused, {built['disk'] / MIB:,.0f} MiB on disk")
    print(f"build:  {built['wall']:.1f} s wall, {built['cpu']:.1f} s CPU = {mib / built['cpu']:.0f} MiB/s of CPU")
    for name, words in (
        ("blocks", "read in blocks"),
        ("csv", "csv module"),
        ("split", "csv module + split"),
        ("numbers", "csv module + numpy.fromstring"),
    ):
        cost = plain[name]
        print(f"peer:   {words}: {cost:.1f} s CPU = {mib / cost:.0f} MiB/s; ours takes {built['cpu'] / cost:.2f} ×")
    print(f"peer:   pandas read_csv {frame['wall']:.1f} s wall, {frame['cpu']:.1f} s CPU")
    every = frame["scan"] * frame["photos"]
    print(f"peer:   a scan {1e3 * frame['scan']:.2f} ms; of all photos {every:.0f} s (extrapolated)")
    print(f"reopen: {1e3 * again['wall']:.1f} ms; the {again['runs']} runs of a photo {1e3 * again['masks']:.2f} ms")
    for name in _STEPS:
        child = found[name]
        print(
            f"memory: {name}: private {child.private:.0f} MiB, proportional {child.proportional:.0f}, "
            f"resident peak {child.resident:.0f}"
        )
    print(f"curve of the build's private memory, MiB: {_thinned(found['build'].curve)}")


def _thinned(curve: tuple[float, ...], points: int = 12) -> str:
    step = max(1, len(curve) // points)
    return " ".join(f"{value:.0f}" for value in (*curve[::step], curve[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--scans", type=int, default=200)
    parser.add_argument("--keep", action="store_true", help="leave the made file where it is")
    parser.add_argument("--step", choices=_STEPS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step:
        steps = {"build": build, "reopen": reopen, "bytes": read_bytes}
        work = steps.get(args.step)
        print(json.dumps(work(args.folder) if work else pandas_way(args.folder, args.scans)))
        return
    print(machine())
    made = make(args.folder, args.share)
    shutil.rmtree(args.folder / ".imatfashion", ignore_errors=True)
    common = [Path(__file__), args.folder, "--scans", str(args.scans), "--step"]
    report(made, {name: run_child([*common, name]) for name in _STEPS})
    if not args.keep:
        for name in ("train.csv", "label_descriptions.json", "made.json"):
            (args.folder / name).unlink()
        shutil.rmtree(args.folder / ".imatfashion", ignore_errors=True)


if __name__ == "__main__":
    main()
