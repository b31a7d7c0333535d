"""Time and cost of the whole recipe on each GPU preset, **planned, not measured**: operations over a stated rate.

usage: python benchmarks/planned.py [--utilisation 0.07]

Operations of one photo's forward pass are counted by torch on the very networks of the experiments; a training step
costs three of them (forward, and twice that backward), a validation photo one. The rest is assumed: `CARDS`, and that
every card reaches the share of its rate that an H100 reached at 224 (docs/PERFORMANCE.md).
"""

from __future__ import annotations

import argparse

import torch
from torch.utils.flop_counter import FlopCounterMode

from imatfashion.models.spec import ModelSpec, build_network

TRAIN, VAL = 36_156, 9_039
"""Photos of the competition, four fifths to train on."""
STAGES = {
    "classes at 224": ("classes", 224, 12),
    "classes at 512": ("classes", 512, 5),
    "attributes": ("attributes", 224, 8),
}
"""Stage, resolution and epochs of `experiment=classes_224`, `classes_512` and `attributes`."""
CARDS = [
    ("8gb", "RTX 3070", 41, None),
    ("12gb", "RTX 3060", 26, None),
    ("16gb", "T4", 65, 0.5),
    ("24gb", "A10G", 70, 1.0),
    ("24gb", "L4", 121, 0.8),
    ("48gb", "L40S", 362, 1.9),
    ("80gb", "A100", 312, 2.5),
    ("80gb", "H100 SXM", 989, 4.0),
    ("141gb", "H200", 989, 4.5),
]
"""Preset, card, dense 16-bit TFLOP/s of its data sheet, and an assumed price in $ an hour; None for a card one owns."""


def forward_flops(stage: str, resolution: int) -> int:
    """Operations of one photo with eight garments; a multiply-add is two."""
    classes = tuple(range(46))
    attributes = tuple(range(92)) if stage == "attributes" else ()
    network = build_network(
        ModelSpec(
            stage=stage,
            backbone="resnet34",
            resolution=resolution,
            mean=(0.5,) * 3,
            std=(0.5,) * 3,
            class_ids=classes,
            class_names=tuple(map(str, classes)),
            attribute_ids=attributes,
            attribute_names=tuple(map(str, attributes)),
            layer_of_class=(0,) * len(classes),
            allowed_pairs=(attributes,) * len(classes),
        )
    ).eval()
    image = torch.zeros(1, 3, resolution, resolution)
    garment = torch.zeros(8, dtype=torch.int64)
    regions = (torch.zeros(1, 1, resolution, resolution, dtype=torch.int16), garment, garment)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image, *(regions if stage == "attributes" else ()))
    return counter.get_total_flops()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utilisation", type=float, default=0.07, help="share of the data sheet's rate")
    share = parser.parse_args().utilisation
    forward = {name: forward_flops(stage, resolution) for name, (stage, resolution, _) in STAGES.items()}
    for name, flops in forward.items():
        print(f"{name}: {flops / 1e9:.1f} GFLOP a photo forward, {STAGES[name][2]} epochs")
    print("| preset | card | TFLOP/s | photos/s, 224 / 512 | minutes: " + " + ".join(STAGES) + " | hours | $/h | $ |")
    for preset, card, peak, price in CARDS:
        rate = share * peak * 1e12
        hours = [STAGES[name][2] * (3 * TRAIN + VAL) * flops / rate / 3600 for name, flops in forward.items()]
        speed = " / ".join(f"{rate / 3 / forward[name]:.0f}" for name in ("classes at 224", "classes at 512"))
        split = " + ".join(f"{60 * hour:.0f}" for hour in hours)
        cost = "– | –" if price is None else f"{price:.2f} | {price * sum(hours):.1f}"
        print(f"| `{preset}` | {card} | {peak} | {speed} | {split} | {sum(hours):.1f} | {cost} |")


if __name__ == "__main__":
    main()
