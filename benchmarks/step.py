"""Training steps a second: ours, fastai's U-Net and a plain smp U-Net, the same backbone, size and batch.

usage: python benchmarks/step.py [--peer-python PATH] [--rounds 3] [--steps 4] [--side 128] [--batch 8] [--gpu FOLDER]

--peer-python is the Python of an environment with fastai (python -m venv DIR; DIR/bin/pip install fastai); without it
fastai is left out. Each contender is a process that keeps its network; they make --steps steps in turn, on a batch that
lies in memory, with all cores. Ours is the Lightning step of a run: uint8 in, cross-entropy and Dice, clipped AdamW;
in float32, and in bfloat16 (gpu=cpu_bf16) where the processor has units for it. The plain one is smp.Unet with
channels_last, cross-entropy and AdamW, in float32, in a loop.

--gpu FOLDER, on a machine with a GPU: images/s at 224 and 512 for each precision on a batch that stays on the card and
through the loader (prepared data is made in FOLDER), the loader's share, peak memory and the largest batch.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from measuring import Contender, in_turn, machine

TARGET = 6.0
Steps = Callable[[int], None]


def serve_ours(backbone: str, side: int, batch: int, precision: str = "32-true") -> None:
    import torch
    from resident import Resident, made_batch, make_task, serve_steps

    from imatfashion.training.pages import keep_pages

    keep_pages()  # as a run does
    serve_steps(make_task(side, backbone), Resident(made_batch(batch, side), torch.device("cpu")), precision)


def serve_bfloat16(backbone: str, side: int, batch: int) -> None:
    serve_ours(backbone, side, batch, "bf16-mixed")


def serve_plain(backbone: str, side: int, batch: int) -> None:
    import segmentation_models_pytorch as smp
    import torch
    from resident import CLASSES, answer, made_batch

    network = smp.Unet(backbone, encoder_weights=None, classes=CLASSES + 1).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    made = made_batch(batch, side)
    image = (made["image"].float() / 255).contiguous(memory_format=torch.channels_last)
    labels = made["labels"][:, 0].long()
    for line in sys.stdin:
        started = time.perf_counter(), time.process_time()
        for _ in range(int(line)):
            loss = torch.nn.functional.cross_entropy(network(image), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        answer(started)


def contest(args: argparse.Namespace) -> None:
    """All contenders in turn, and the ratios of their medians."""
    size = [args.backbone, str(args.side), str(args.batch)]
    names = [name for name in SERVERS if name != "ours bf16" or has_bfloat16()]
    commands = {name: [sys.executable, __file__, "--serve", name, *size] for name in names}
    if args.peer_python:
        commands["fastai"] = [args.peer_python, str(Path(__file__).with_name("fastai_step.py")), *size, "47"]
    contenders = {name: Contender(command) for name, command in commands.items()}
    found = in_turn(contenders, args.steps, args.rounds)
    for contender in contenders.values():
        contender.close()
    report(found, args)


def has_bfloat16() -> bool:
    """Whether the processor has units for bfloat16, as Linux names them."""
    flags = Path("/proc/cpuinfo").read_text()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def report(found: dict[str, list[dict[str, float]]], args: argparse.Namespace) -> None:
    best = {name: {kind: min(row[kind] for row in rows) for kind in ("wall", "cpu")} for name, rows in found.items()}
    images = args.steps * args.batch
    print(f"{args.backbone}, {args.side} × {args.side}, batch {args.batch}; fastest of {args.rounds} rounds")
    for name, times in best.items():
        print(f"{name:>10}: {images / times['wall']:6.2f} images/s, {1e3 * times['cpu'] / images:7.0f} ms CPU an image")
    for ours in (name for name in best if name.startswith("ours")):
        for peer in (name for name in best if not name.startswith("ours")):
            by_wall, by_cpu = (best[peer][kind] / best[ours][kind] for kind in ("wall", "cpu"))
            print(f"{ours} against {peer}: {by_wall:.2f} × by the clock, {by_cpu:.2f} × by CPU")
    print(f"(target: {TARGET:.0f} × fastai)")
    print(json.dumps(found))


SERVERS: dict[str, Callable[[str, int, int], None]] = {
    "ours": serve_ours,
    "ours bf16": serve_bfloat16,
    "plain smp": serve_plain,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python")
    parser.add_argument("--backbone", default="resnet34")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--gpu", type=Path, metavar="FOLDER")
    parser.add_argument("--serve", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        name, backbone, side, batch = args.serve
        SERVERS[name](backbone, int(side), int(batch))
        return
    print(machine())
    if args.gpu:
        from device_step import measure_device

        measure_device(args.gpu)
        return
    contest(args)


if __name__ == "__main__":
    main()
