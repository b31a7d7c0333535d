"""Loader processes over prepared data at full scale: private memory over epochs, start-up, processor time, scaling.

usage: python benchmarks/workers.py FOLDER [--share 1] [--epochs 3] [--workers 1 2] [--resolution 224] [--json FILE]
       [--memory-side 96]

FOLDER takes the made train.csv of that share and its prepared data, and is left as it is. Names, sizes and masks are
those of 45,195 photos and 331,213 rows at --share 1; photos of one size share one drawn picture. Every measurement is a
process of its own:
  memory   two loader processes for --epochs epochs, forked and spawned: what each has for itself (USS), eight looks an
           epoch; samples of --memory-side pixels, which takes minutes less (batches lie in shared memory anyway)
  rate     an epoch of at most --photos photos with each number of processes: photos a second by the clock, and
           processor seconds a photo of all loader processes together
  peer     the same rows in a pandas frame and a dict of Python strings, as notebooks keep them, in two forked processes
           that parse a photo's rows and read no picture
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from measuring import machine, memory_of, run_child
from torch.utils.data import DataLoader, Dataset

LOOKS, MICRO_BATCH, PROCESSES = 8, 64, 2
_TICKS = os.sysconf("SC_CLK_TCK")
Looks = list[list[float]]
"""Private MiB of each process, look by look."""


def loader_over(prepared: Path, resolution: int, photos: int, workers: int) -> tuple[DataLoader[Any], Any]:
    """The loader of a training run, with the default augmentation, and its sampler."""
    from samples import training_samples

    from imatfashion.data.build import open_table
    from imatfashion.data.loaders import make_loader
    from imatfashion.data.sampler import StepSampler

    data = training_samples(open_table(prepared), resolution, photos)
    micro = min(MICRO_BATCH, len(data))
    sampler = StepSampler(len(data), batch=micro, micro_batch=micro, seed=0)
    return make_loader(data, sampler, micro_batch=micro, workers=workers), sampler


def pids() -> list[int]:
    return sorted(child.pid for child in multiprocessing.active_children() if child.pid)


def private() -> list[float]:
    looks = [memory_of(pid) for pid in pids()]
    return [round(look[0], 1) for look in looks if look]


def cpu_seconds(pid: int) -> float:
    """Processor seconds of another process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def watch(batches: Iterator[Any], count: int) -> Looks:
    """Take an epoch's batches and look at the processes' memory eight times."""
    marks = {round(count * (look + 1) / LOOKS) for look in range(LOOKS)}
    return [private() for done, _ in enumerate(batches, 1) if done in marks]


def memory(prepared: Path, args: argparse.Namespace) -> dict[str, Any]:
    multiprocessing.set_start_method(args.method, force=True)
    loader, sampler = loader_over(prepared, args.memory_side, sys.maxsize, PROCESSES)
    epochs: list[Looks] = []
    started = time.perf_counter()
    for epoch in range(args.epochs):
        sampler.set_epoch(epoch)
        batches = iter(loader)
        first = next(batches)
        if not epoch:
            start_up = time.perf_counter() - started
        epochs.append([private(), *watch(batches, len(loader) - 1)])
        del first
    return {"start_up": start_up, "epochs": epochs, "photos": len(sampler), "wall": time.perf_counter() - started}


def rate(prepared: Path, args: argparse.Namespace) -> dict[str, Any]:
    loader, sampler = loader_over(prepared, args.resolution, args.photos, args.count)
    for _ in loader:  # code and files warm
        pass
    sampler.set_epoch(1)
    before, main = [cpu_seconds(pid) for pid in pids()], time.process_time()
    started = time.perf_counter()
    for _ in loader:
        pass
    wall, main = time.perf_counter() - started, time.process_time() - main
    cpu = sum(cpu_seconds(pid) for pid in pids()) - sum(before)
    return {"photos": len(sampler), "wall": wall, "cpu": cpu, "main": main}


class PlainRows(Dataset[int]):
    """A photo's rows from a dict of Python strings; only parsed."""

    def __init__(self, root: Path) -> None:
        import pandas as pd

        self.frame = pd.read_csv(root / "train.csv")
        self.rows: dict[str, list[str]] = {}
        for name, text in zip(self.frame["ImageId"], self.frame["EncodedPixels"], strict=True):
            self.rows.setdefault(name, []).append(text)
        self.names = list(self.rows)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, photo: int) -> int:
        return sum(len(np.fromstring(text, dtype=np.int64, sep=" ")) for text in self.rows[self.names[photo]])


def peer(root: Path, args: argparse.Namespace) -> dict[str, Any]:
    started = time.perf_counter()
    loader = DataLoader(PlainRows(root), MICRO_BATCH, shuffle=True, num_workers=PROCESSES, persistent_workers=True)
    epochs: list[Looks] = []
    for _ in range(args.epochs):
        batches = iter(loader)
        next(batches)
        if not epochs:
            start_up = time.perf_counter() - started
        epochs.append([private(), *watch(batches, len(loader) - 1)])
    return {"start_up": start_up, "epochs": epochs, "wall": time.perf_counter() - started}


def measure(root: Path, args: argparse.Namespace) -> dict[str, Any]:
    """All measurements, one process each."""
    from stand_in import stand_in

    prepared = stand_in(root, args.share, args.resolution)
    common = [__file__, root, "--prepared", prepared]
    for name in ("epochs", "resolution", "memory_side", "photos"):
        common += [f"--{name.replace('_', '-')}", getattr(args, name)]

    def child(step: str, *more: Any) -> dict[str, Any]:
        return run_child([*map(str, common), "--step", step, *map(str, more)]).result

    return {
        "machine": machine(),
        "memory": {method: child("memory", "--method", method) for method in ("fork", "spawn")},
        "peer": child("peer"),
        "rate": {str(count): child("rate", "--count", count) for count in args.workers},
    }


def report(found: dict[str, Any]) -> None:
    print(found["machine"])
    ways = {f"ours, {method}": result for method, result in found["memory"].items()} | {"peer, fork": found["peer"]}
    for way, result in ways.items():
        print(f"\n{way}: first batch after {result['start_up']:.1f} s, all after {result['wall']:.0f} s; private MiB")
        for number, epoch in enumerate(result["epochs"], 1):
            text = " · ".join("/".join(f"{value:.0f}" for value in look) for look in epoch)
            print(f"  epoch {number}: {text}")
    base: float | None = None
    print(
        f"\n{'processes':>9} {'photos/s':>9} {'scaling':>8} {'CPU ms/photo':>13} {'photos/s a core':>16} {'main ms':>8}"
    )
    for count, result in found["rate"].items():
        speed = result["photos"] / result["wall"]
        base = base or speed
        each, main = (1e3 * result[key] / result["photos"] for key in ("cpu", "main"))
        print(f"{count:>9} {speed:9.0f} {speed / base:7.2f}× {each:13.2f} {1e3 / each:16.0f} {main:8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--resolution", type=int, default=224)
    parser.add_argument("--memory-side", type=int, default=96)
    parser.add_argument("--photos", type=int, default=8192, help="photos of the rate's epoch, at most")
    cores = os.cpu_count() or 1
    counts = [count for count in (1, 2, 4, 8, 16) if count <= cores]
    parser.add_argument("--workers", type=int, nargs="+", default=counts, help="numbers of processes to try")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    for hidden in ("--step", "--method"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--prepared", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step:
        where = args.folder if args.step == "peer" else args.prepared
        print(json.dumps({"memory": memory, "rate": rate, "peer": peer}[args.step](where, args)))
        return
    found = measure(args.folder, args)
    report(found)
    print(json.dumps(found) if args.json is None else f"figures: {args.json}")
    if args.json:
        args.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
