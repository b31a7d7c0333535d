"""fastai's training step on one batch that stays; run by step.py in an environment that has fastai, and not ours.

usage: python fastai_step.py BACKBONE SIDE BATCH CLASSES
For each line of stdin, a number of steps, it makes them and prints {"wall": seconds, "cpu": seconds}. The network,
loss and optimizer are what unet_learner makes (DynamicUnet over torchvision's backbone, cross-entropy, Adam with
decoupled decay), the steps those of Learner.fit; photos are not augmented and lie in memory already.
"""

from __future__ import annotations

import json
import sys
import time

import torch
from fastai.vision import models
from fastai.vision.all import Adam, CrossEntropyLossFlat, DataLoaders, Learner, create_unet_model


def main() -> None:
    backbone, side, batch, classes = sys.argv[1], *map(int, sys.argv[2:])
    torch.manual_seed(0)
    image = torch.rand(batch, 3, side, side)
    labels = torch.randint(0, classes, (batch, side // 16, side // 16)).repeat_interleave(16, 1)
    labels = labels.repeat_interleave(16, 2)
    model = create_unet_model(getattr(models, backbone), classes, (side, side), pretrained=False)
    learner = Learner(
        DataLoaders([(image, labels)], []),
        model,
        loss_func=CrossEntropyLossFlat(axis=1),
        opt_func=Adam,
        wd=1e-2,
    )
    print(f"fastai's U-Net: {sum(parameter.numel() for parameter in model.parameters()):,} weights", file=sys.stderr)
    for line in sys.stdin:
        learner.dls.loaders[0] = [(image, labels)] * int(line)
        with learner.no_bar(), learner.no_logging():
            wall, cpu = time.perf_counter(), time.process_time()
            learner.fit(1, 1e-4)
        print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}), flush=True)


if __name__ == "__main__":
    main()
