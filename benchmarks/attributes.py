"""Stage 2's average precision beside what the class alone says of a garment.

usage: python benchmarks/attributes.py RUN_DIR … [--garments TABLE]

For each run of stage=attributes, macro average precision on its validation garments (of data.classes_from, or of one
TABLE for all runs, which were trained on garments of different origin; matched with the truth):
  model        its own
  class alone  each garment gets the training photos' frequencies of its class: what is known without looking
  perfect      the true attributes of every garment that was found
once with the missed garments in recall's denominator, as in the run's own figure, and once of the found garments alone,
over the attributes that some of them have.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from imatfashion.config.resume import load_config
from imatfashion.config.schema import Config
from imatfashion.data.annotations import Annotations
from imatfashion.metrics.attributes import AttributeMetric
from imatfashion.models.checkpoint import load_network
from imatfashion.training.build import make_data
from imatfashion.training.device import device_settings


def frequencies(table: Annotations, photos: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Share of each class's garments in these photos that have each attribute, (C, A), one without any added."""
    having = np.zeros((len(table.classes), len(table.attributes)))
    known = np.ones((len(table.classes), 1))
    for photo in photos:
        for garment in table.garments(int(photo)):
            if table.garment_known[garment]:
                having[table.garment_class[garment]] += table.garment_attributes[garment]
                known[table.garment_class[garment]] += 1
    return having / known


def judge(run_dir: Path, garments: Path | None) -> str:
    config: Config = load_config(run_dir, Config)
    config.data.workers = 0
    config.data.classes_from = str(garments or config.data.classes_from)
    data = make_data(config, device_settings(config))
    data.setup()
    spec, network = load_network(run_dir / "checkpoints" / "best.ckpt", stage="attributes")
    network.eval()
    by_class = torch.from_numpy(frequencies(data.truth, np.asarray(data.train_indices)))
    ways = ("model", "class alone", "perfect")
    everything, found_only = ({way: AttributeMetric(len(spec.attribute_ids)) for way in ways} for _ in range(2))
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) * 255 for values in (spec.mean, spec.std))
    for batch in data.val_dataloader():
        with torch.inference_mode():
            image = (batch["image"].float() - mean) / std
            logits = network(image, batch["regions"], batch["garment_photo"], batch["garment_class"])
        truth = batch["garment_attributes"]
        scores = dict(zip(ways, (logits.sigmoid(), by_class[batch["garment_class"]], truth.float()), strict=True))
        for way in ways:
            for metric in (everything[way], found_only[way]):
                metric.update(scores[way], truth, batch["garment_known"])
            everything[way].update_missed(batch["missed_attributes"])
    return f"{run_dir}\n  missed garments count: {line(everything)}\n  found garments alone:  {line(found_only)}"


def line(metrics: dict[str, AttributeMetric]) -> str:
    figures = {way: metric.compute() for way, metric in metrics.items()}
    model, alone, perfect = (figure["map"] for figure in figures.values())
    return (
        f"model {model:.4f}, class alone {alone:.4f}, gain {model - alone:+.4f}, perfect {perfect:.4f}, "
        f"prevalence {figures['model']['prevalence']:.4f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    parser.add_argument("--garments", type=Path, metavar="TABLE")
    args = parser.parse_args()
    for run_dir in args.runs:
        print(judge(run_dir, args.garments))


if __name__ == "__main__":
    main()
