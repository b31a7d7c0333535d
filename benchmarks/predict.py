"""Photos to submission rows: our prediction against the notebooks' loop, with the same small network on the CPU.

usage: python benchmarks/predict.py [--photos 60] [--many 600] [--rounds 5] [--resolution 224] [--precision bf16-mixed]

A small U-Net is trained for a moment on drawn photos, so that its maps look like maps. Then photos of 3000 × 2000 (a
dozen, repeated by hard links) are predicted, each way in a process of its own, in turn; imports are not counted, and
figures are medians of the rounds.
  ours   run_prediction, as predict.py calls it, to submission.csv on the 512 × 512 grid
  peer   one photo after another: open and resize with PIL, the network, argmax, resize to 512 × 512 by nearest pixel,
         flatten each class and group equal neighbours into runs
--precision is that of our prediction (precision=…); the peer's network computes in float32.
The network's own processor time is shown apart, and a ratio without it: what remains where a GPU makes it nearly free.
Memory is the peak of the process's private memory, at --photos and at --many.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import torch
from measuring import Child, machine, run_child, seconds
from PIL import Image

GRID, DISTINCT, TARGET = 512, 12, 5.0
HEIGHT, WIDTH = 3000, 2000


def write_photos(folder: Path, names: int) -> None:
    """`names` photos in a folder, of which a dozen differ."""
    from imatfashion.data.sample.photo import draw_photo

    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(names):
        path = folder / f"{index:05}.jpg"
        if index >= DISTINCT:
            path.hardlink_to(folder / f"{index % DISTINCT:05}.jpg")
            continue
        drawn = draw_photo(np.random.default_rng([2, index]), (HEIGHT // 4, WIDTH // 4)).image
        large = cv2.resize(drawn, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.float32)
        large += rng.normal(0, 6, (HEIGHT, WIDTH, 1)).astype(np.float32)
        Image.fromarray(np.clip(large, 0, 255).astype(np.uint8)).save(path, quality=80)


def write_checkpoint(path: Path, resolution: int, steps: int = 150) -> None:
    """A small segmenter that has seen a few drawn photos."""
    from imatfashion.config.schema import AugmentConfig
    from imatfashion.data.build import open_table
    from imatfashion.data.collate import collate
    from imatfashion.data.dataset import FashionDataset
    from imatfashion.data.sample import draw_sample
    from imatfashion.models.losses import segmentation_loss
    from imatfashion.models.spec import ModelSpec, build_network

    root = path.parent / "drawn"
    draw_sample(root, photos=24, size=(300, 200))
    table = open_table(root)
    layers = table.layer_of_class(1)
    spec = ModelSpec(
        stage="classes",
        backbone="test_resnet.r160_in1k",
        resolution=resolution,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        class_ids=table.classes.ids,
        class_names=table.classes.names,
        layer_of_class=layers,
        allowed_pairs=((),) * len(table.classes),
        decoder_width=64,
        decoder_floor=4,
    )
    torch.manual_seed(0)
    network = build_network(spec).train()
    data = FashionDataset(
        table,
        np.arange(len(table)),
        resolution=96,
        resize="squash",
        layer_of_class=layers,
        augment=AugmentConfig(),
        seed=0,
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for step in range(steps):
        batch = collate([data[(step, (4 * step + i) % len(data))] for i in range(4)])
        scores = network((batch["image"].float() / 255 - 0.5) / 0.25)
        loss = segmentation_loss(scores, batch["labels"].long(), dice_weight=0.5)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    state = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"hyper_parameters": {"spec": spec.to_json()}, "state_dict": state}, path)


def time_network() -> list[float]:
    """From now on, the processor time of each call of the segmenter, seconds."""
    from imatfashion.models.segmenter import Segmenter

    spent, forward = [], Segmenter.forward

    def timed(self: Any, *args: Any) -> Any:
        start = time.thread_time()
        result = forward(self, *args)
        spent.append(time.thread_time() - start)
        return result

    Segmenter.forward = timed
    return spent


def ours(folder: Path, photos: Path, output: Path, precision: str) -> dict[str, Any]:
    from imatfashion.config.schema import PredictConfig
    from imatfashion.predict.run import run_prediction

    config = PredictConfig(
        classes_ckpt=str(folder / "small.ckpt"),
        images=str(photos),
        output=str(output),
        device="cpu",
        precision=precision,
        progress=False,
    )
    run_prediction(
        PredictConfig(**{**vars(config), "images": str(photos / "00000.jpg"), "output": str(folder / "warm.csv")})
    )
    spent = time_network()
    wall, cpu, _ = seconds(lambda: run_prediction(config))
    return {"wall": wall, "cpu": cpu, "network": sum(spent), "rows": _rows(output)}


def peer(folder: Path, photos: Path, output: Path, _: str) -> dict[str, Any]:
    from imatfashion.models.checkpoint import load_network

    spec, network = load_network(folder / "small.ckpt", stage="classes")
    network.eval()
    paths = sorted(photos.iterdir())
    spent = time_network()
    wall, cpu, _ = seconds(lambda: _notebook(paths, network, spec.resolution, spec.class_ids, output))
    return {"wall": wall, "cpu": cpu, "network": sum(spent), "rows": _rows(output)}


def _notebook(paths: list[Path], network: Any, side: int, class_ids: tuple[int, ...], output: Path) -> None:
    with output.open("w", newline="") as file, torch.no_grad():
        rows = csv.writer(file)
        rows.writerow(("ImageId", "EncodedPixels", "ClassId"))
        for path in paths:
            image = Image.open(path).convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
            tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float()
            labels = network((tensor / 255 - 0.5) / 0.25)[0, 0].argmax(0).numpy().astype(np.uint8)
            grid = np.array(Image.fromarray(labels).resize((GRID, GRID), Image.Resampling.NEAREST))
            for value in np.unique(grid[grid < len(class_ids)]):
                rows.writerow((path.name, _grouped((grid == value).flatten("F")), class_ids[value]))


def _grouped(flat: np.ndarray) -> str:
    words, place = [], 1
    for inside, group in itertools.groupby(flat):
        length = len(list(group))
        if inside:
            words += [str(place), str(length)]
        place += length
    return " ".join(words)


def _rows(path: Path) -> int:
    with path.open(newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--many", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--resolution", type=int, default=224)
    parser.add_argument("--precision", default="32-true")
    parser.add_argument("--step", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.step:
        way, *paths = args.step
        print(json.dumps({"ours": ours, "peer": peer}[way](*map(Path, paths), args.precision)))
        return
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        compare(Path(name), args)


def compare(folder: Path, args: argparse.Namespace) -> None:
    photos, many = args.photos, args.many
    write_checkpoint(folder / "small.ckpt", args.resolution)
    write_photos(folder / "few", photos)
    write_photos(folder / "many", many)

    def child(way: str, which: str) -> Child:
        step = ["--step", way, folder, folder / which, folder / f"{way}-{which}.csv"]
        (folder / f"{way}-{which}.csv").unlink(missing_ok=True)
        return run_child([__file__, "--precision", args.precision, *step])

    rounds = [(child("ours", "few"), child("peer", "few")) for _ in range(args.rounds)]
    more = child("ours", "many")
    mine, theirs = zip(*rounds, strict=True)
    for name, found, count in (("ours", mine, photos), ("peer", theirs, photos), ("ours", (more,), many)):
        cpu, wall, network = (1e3 * _median(found, kind) / count for kind in ("cpu", "wall", "network"))
        private = statistics.median(one.private for one in found)
        rows = found[0].result["rows"]
        print(
            f"{name}: {count} photos, {rows} rows: {cpu:.1f} ms CPU a photo (network {network:.1f}), "
            f"{wall:.0f} ms wall; private memory {private:.0f} MiB"
        )
    by_cpu, by_wall = (sorted(their.result[kind] / my.result[kind] for my, their in rounds) for kind in ("cpu", "wall"))
    for kind, ratios in (("CPU", by_cpu), ("wall", by_wall)):
        print(f"ratio by {kind} time: {statistics.median(ratios):.1f} × ({ratios[0]:.1f} to {ratios[-1]:.1f})", end="")
        print(f" of {len(rounds)} rounds (target {TARGET:.0f})")
    rest = [_median(found, "cpu") - _median(found, "network") for found in (theirs, mine)]
    print(f"ratio without the network: {rest[0] / rest[1]:.1f} × by CPU time")
    few = statistics.median(one.private for one in mine)
    print(f"memory at {many} photos / at {photos}: {more.private / few:.2f}")


def _median(found: Sequence[Child], kind: str) -> float:
    return statistics.median(one.result[kind] for one in found)


if __name__ == "__main__":
    main()
