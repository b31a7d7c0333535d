"""Run directories as training writes them, with figures that could be real."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

CLASSES = ("shirt, blouse", "pants", "dress", "shoe", "bag <b>&amp; wallet", "tie")
ATTRIBUTES = (("mini", "length"), ("maxi", "length"), ("striped & dotted", "pattern"), ("fur", "textile"))
STEPS_PER_EPOCH, EPOCHS = 20, 5

CONFIG: dict[str, Any] = {
    "stage": {"name": "classes"},
    "data": {"root": "data/fashion", "classes_from": "truth"},
    "model": {"architecture": "unet", "backbone": "resnet34"},
    "schedule": {"phases": [{"epochs": 1.0, "frozen": True}, {"epochs": 4.0, "frozen": False}]},
    "resolution": 224,
    "layers": 1,
    "batch_size": 16,
}


@pytest.fixture
def write_run(tmp_path: Path) -> Callable[..., Path]:
    """Writes a run directory, `killed` before its last files."""

    def write(stage: str = "classes", *, killed: bool = False, name: str = "run") -> Path:
        run = tmp_path / name
        (run / "checkpoints").mkdir(parents=True)
        (run / "checkpoints" / "last.ckpt").write_bytes(b"0" * 1000)
        config = CONFIG | {"stage": {"name": stage}}
        # JSON is YAML.
        (run / "config.yaml").write_text(json.dumps(config, indent=1), encoding="utf-8")
        write_metrics(run / "metrics.csv", stage, epochs=2 if killed else EPOCHS)
        (run / "split.json").write_text(json.dumps({"val": ["a.jpg"]}), encoding="utf-8")
        write_pictures(run)
        if not killed:
            (run / "checkpoints" / "best.ckpt").write_bytes(b"0" * 1000)
            write_json(run / "summary.json", summary(stage, config))
            write_json(run / "evaluation.json", classes() if stage == "classes" else attributes())
        return run

    return write


def write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


def write_metrics(path: Path, stage: str, epochs: int) -> None:
    figures = {
        "classes": ("miou", "pixel_accuracy", "foreground_accuracy", "background_recall"),
        "attributes": ("map", "macro_f1", "prevalence"),
    }[stage]
    columns = [
        "step",
        "epoch",
        "train/loss",
        "lr/encoder",
        "lr/decoder",
        "val/loss",
        *(f"val/{name}" for name in figures),
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for step in range(epochs * STEPS_PER_EPOCH):
            done, epoch = (step + 1) / STEPS_PER_EPOCH, step // STEPS_PER_EPOCH
            if step % 4 == 3:
                rate = 1e-3 * np.sin(np.pi * done / EPOCHS)
                rates = {"lr/encoder": 0 if epoch == 0 else rate / 10, "lr/decoder": rate}
                writer.writerow({"step": step, "epoch": epoch, "train/loss": 4 * np.exp(-done / 2), **rates})
            if done % 1 == 0:
                values = {f"val/{name}": 0.6 - 0.1 * rank - 0.5 * np.exp(-done) for rank, name in enumerate(figures)}
                writer.writerow({"step": step, "epoch": epoch, "val/loss": 0.3 + 4 * np.exp(-done / 2), **values})


def write_pictures(run: Path) -> None:
    random = np.random.default_rng(0)
    for name in ("examples/best_0", "examples/worst_0", "panels/epoch_000", "panels/epoch_001", "panels/epoch_004"):
        (run / name).parent.mkdir(exist_ok=True)
        written, data = cv2.imencode(".jpg", random.integers(0, 255, (24, 60, 3), dtype=np.uint8))
        assert written
        (run / f"{name}.jpg").write_bytes(data.tobytes())


def summary(stage: str, config: dict[str, Any]) -> dict[str, Any]:
    return {
        "stage": stage,
        "command": "train.py data.root=data/fashion",
        "started": "2026-01-02T10:00:00",
        "finished": "2026-01-02T11:30:05",
        "seconds": 5405.2,
        "peak_memory_gb": 3.217,
        "device": "CPU, 2 threads",
        "precision": "32-true",
        "settings": {"micro_batch": 8, "accumulate": 2, "devices": 1},
        "images_per_second": 12.5,
        "steps": STEPS_PER_EPOCH * EPOCHS,
        "epochs": EPOCHS,
        "photos": {"train": 320, "val": 80},
        "garments": 2100,
        "refused": 3,
        "versions": {"python": "3.11", "torch": "2.9"},
        "git": "0123abcd",
        "monitor": "val/miou" if stage == "classes" else "val/map",
        "best": 0.6 - 0.5 * float(np.exp(-5)),
        "config": config,
    }


def confusion() -> np.ndarray:
    """int64 (7, 7); the tie is in no photo, and shirts are often taken for dresses."""
    matrix = np.diag([5000, 4000, 1500, 800, 300, 0, 90000]).astype(np.int64)
    matrix[0, 2], matrix[2, 0], matrix[0, 6], matrix[6, 1], matrix[3, 6] = 900, 400, 300, 700, 500
    return matrix


def classes() -> dict[str, Any]:
    matrix = confusion()
    truth, predicted, hits = matrix.sum(1), matrix.sum(0), np.diag(matrix)
    rows = [
        {
            "name": name,
            "iou": None if not truth[index] else hits[index] / (truth[index] + predicted[index] - hits[index]),
            "photos": 10 * (len(CLASSES) - index) if truth[index] else 0,
            "truth_pixels": int(truth[index]),
            "predicted_pixels": int(predicted[index]),
        }
        for index, name in enumerate(CLASSES)
    ]
    metrics = {"miou": 0.597, "pixel_accuracy": 0.9, "foreground_accuracy": 0.8, "background_recall": 0.99}
    return {
        "stage": "classes",
        "photos": 80,
        "metrics": metrics,
        "class_names": list(CLASSES),
        "per_class": rows,
        "confusion": matrix.tolist(),
        "examples": [example("best", 0.91), example("worst", 0.08)],
    }


def attributes() -> dict[str, Any]:
    figures = [(0.8, 0.7, 0.66, 0.75, 0.25, 50), (0.4, None, None, 0.0, 0.02, 4), (0.9, 0.8, 0.8, 0.8, 0.1, 20)]
    figures.append((None, None, None, None, 0.0, 0))
    keys = ("ap", "f1", "precision", "recall", "prevalence", "positives")
    rows = [
        {"name": name, "group": group, "index": index, **dict(zip(keys, values, strict=True)), "threshold": 0.5}
        for index, ((name, group), values) in enumerate(zip(ATTRIBUTES, figures, strict=True))
    ]
    lists = {"classes": ["dress"], "truth": [["mini", "fur"]], "predicted": [["mini"]]}
    return {
        "stage": "attributes",
        "photos": 80,
        "garments": 200,
        "metrics": {"map": 0.7, "macro_f1": 0.5, "prevalence": 0.1233},
        "per_attribute": rows,
        "examples": [example("best", 1.0) | lists, example("worst", 0.0) | lists],
    }


def example(kind: str, score: float) -> dict[str, Any]:
    return {"photo": f"{kind} <1>.jpg", "kind": kind, "score": score, "picture": f"examples/{kind}_0.jpg"}
