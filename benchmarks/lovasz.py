"""The class segmenter's loss with Lovász-Softmax, forward and backward, against segmentation-models-pytorch's.

usage: python benchmarks/lovasz.py [--rows 512] [--cols 256] [--batch 8] [--classes 25] [--shown 6] [--rounds 5]
           [--stride 2]

A batch of logits as a trained network has them: --shown classes of each photo in blocks, the right one mostly the
likeliest. Both sides add cross-entropy; the peer's Lovász loss is its LovaszLoss, a mean over photos of the classes
that are there, the background among them. Ours of every --stride-th row and column, too (`stage.loss_stride`), through
the gradient of all logits. All cores, wall and processor time.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from statistics import median

import torch
import torch.nn.functional as F
from measuring import machine, ratios, seconds
from segmentation_models_pytorch.losses import LovaszLoss
from torch import Tensor

from imatfashion.models.losses import segmentation_loss
from imatfashion.training.pages import keep_pages

BLOCK = 32


def made(args: argparse.Namespace) -> tuple[Tensor, Tensor]:
    """Logits (B, C + 1, H, W), channels last, and labels (B, H, W), background last."""
    generator = torch.Generator().manual_seed(0)
    blocks = (args.batch, args.rows // BLOCK, args.cols // BLOCK)
    labels = torch.randint(0, 2 * args.shown, blocks, generator=generator)
    labels = torch.where(labels < args.shown, labels, args.classes)
    labels = labels.repeat_interleave(BLOCK, 1).repeat_interleave(BLOCK, 2)
    logits = 2 * torch.randn(args.batch, args.classes + 1, *labels.shape[1:], generator=generator)
    logits.scatter_add_(1, labels[:, None], torch.full_like(labels[:, None], 6, dtype=torch.float32))
    return logits.contiguous(memory_format=torch.channels_last), labels


def ours(logits: Tensor, labels: Tensor, stride: int = 1) -> Tensor:
    return segmentation_loss(logits[:, None], labels[:, None], region_loss="lovasz", stride=stride)["loss"]


def peer(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits, labels) + LovaszLoss("multiclass", per_image=True)(logits, labels)


def timed(loss: Callable[[Tensor, Tensor], Tensor], logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Seconds by the clock and of the processor, forward and backward."""
    given = logits.detach().requires_grad_()
    return seconds(lambda: loss(given, labels).backward())[:2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sizes = {"rows": 512, "cols": 256, "batch": 8, "classes": 25, "shown": 6, "rounds": 5, "stride": 2}
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    print(machine())
    keep_pages()
    batch = made(args)
    sides = (ours, peer, partial(ours, stride=args.stride))
    rounds = [[timed(loss, *batch) for loss in sides] for _ in range(args.rounds + 1)][1:]
    for place, clock in enumerate(("wall", "cpu")):
        mine, theirs, strided = zip(*([times[place] for times in each] for each in rounds), strict=True)
        print(f"{clock}: {1e3 * median(mine):.0f} ms")
        print(f"  segmentation-models-pytorch {1e3 * median(theirs):.0f} ms: {ratios(theirs, mine)}")
        print(f"  loss_stride={args.stride} {1e3 * median(strided):.0f} ms: all pixels take {ratios(mine, strided)}")


if __name__ == "__main__":
    main()
