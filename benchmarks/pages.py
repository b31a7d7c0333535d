"""Training steps on a processor with the pages of freed tensors kept, as a run keeps them, and with them given back.

usage: python benchmarks/pages.py [--rounds 5] [--steps 3] [--side 320] [--batch 8] [--region lovasz]

The step of experiment=cpu_320 (FPN on tf_efficientnet_lite0, cross-entropy and Lovász, six classes a photo) on a batch
that lies in memory, with all cores. Both are processes that keep their network and make --steps steps in turn; glibc
alone can be told to keep pages, elsewhere both are the same.
"""

from __future__ import annotations

import argparse
import sys
from statistics import median

from measuring import Contender, in_turn, machine, memory_of, ratios

SHOWN = 6


def serve(kind: str, side: int, batch: int, region: str) -> None:
    import torch
    from resident import CLASSES, Resident, made_batch, make_task, serve_steps

    from imatfashion.training.pages import keep_pages

    if kind == "kept":
        keep_pages()
    made = made_batch(batch, side)
    # Lovász sorts the pixels of each class that a photo has; noise of all 46 would be no photo.
    made["labels"] = torch.where(made["labels"] < SHOWN, made["labels"], CLASSES)
    task = make_task(side, "tf_efficientnet_lite0", architecture="fpn", width=128, region_loss=region)
    serve_steps(task, Resident(made, torch.device("cpu")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--side", type=int, default=320)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--region", choices=("dice", "lovasz", "none"), default="lovasz")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.serve, args.side, args.batch, args.region)
        return
    print(machine())
    contest(args)


def contest(args: argparse.Namespace) -> None:
    """Both in turn, and the ratio of each round."""
    size = ["--side", str(args.side), "--batch", str(args.batch), "--region", args.region]
    contenders = {
        kind: Contender([sys.executable, __file__, *size, "--serve", kind]) for kind in ("kept", "given back")
    }
    found = in_turn(contenders, args.steps, args.rounds)
    images = args.steps * args.batch
    for kind, contender in contenders.items():
        memory = memory_of(contender.process.pid)
        contender.close()
        wall, cpu = (median(times[clock] for times in found[kind]) for clock in ("wall", "cpu"))
        peak = f", peak {memory[2]:.0f} MiB resident" if memory else ""
        print(f"{kind:>10}: {images / wall:.2f} images/s, {1e3 * cpu / images:.0f} ms CPU an image{peak}")
    for clock in ("wall", "cpu"):
        kept, freed = ([times[clock] for times in rounds] for rounds in found.values())
        print(f"kept against given back, {clock}: {ratios(freed, kept)}")


if __name__ == "__main__":
    main()
