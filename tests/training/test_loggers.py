"""Dashboards, read back from what they wrote; no account, no network, no prompt."""

from __future__ import annotations

import csv
import gc
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import wandb
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto.wandb_internal_pb2 import Record

from imatfashion.config.schema import Config, LoggerConfig, Phase, PlatformConfig, ScheduleConfig
from imatfashion.data.collate import Batch
from imatfashion.data.photo_source import FilePhotos
from imatfashion.models.checkpoint import load_network
from imatfashion.tasks.classes import ClassSegmenter
from imatfashion.training.callbacks import LastCheckpoint
from imatfashion.training.fit import fit
from imatfashion.training.loggers import _wandb_mode
from imatfashion.training.prepare import prepare
from imatfashion.training.progress import Throughput
from imatfashion.training.trainer import _pictures
from imatfashion.training.usage import memory_gb

Make = Callable[..., Config]
SLOW = ("train/images_per_second", "train/loader_wait", "train/memory_gb")


class Killed(BaseException):
    """Stands for a SIGKILL."""


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user without an account, on a machine without a network."""
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / "home" / name))


def scalars(run_dir: Path) -> dict[str, list[tuple[int, float]]]:
    """What metrics.csv says: (step, value) of each figure."""
    found: dict[str, list[tuple[int, float]]] = {}
    with (run_dir / "metrics.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            step = int(row.pop("step"))
            for name, value in row.items():
                if value:
                    found.setdefault(name, []).append((step, float(value)))
    return found


def events(run_dir: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(run_dir / "tensorboard"), size_guidance={"images": 0, "scalars": 0})
    return accumulator.Reload()


def without_speed(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in SLOW}


def tensorboard_scalars(run_dir: Path) -> dict[str, list[tuple[int, float]]]:
    read = events(run_dir)
    return {name: [(event.step, event.value) for event in read.Scalars(name)] for name in read.Tags()["scalars"]}


def test_tensorboard_has_the_figures_of_metrics_csv_and_the_panel(tiny: Make) -> None:
    run_dir = fit(tiny(logger=LoggerConfig(tensorboard=True, panels=2))).run_dir
    expected, found = scalars(run_dir), tensorboard_scalars(run_dir)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        # It keeps float32.
        np.testing.assert_allclose(np.array(found[name]), np.array(values), rtol=1e-6)
    panels = events(run_dir).Images("val/panel")
    assert [panel.step for panel in panels] == [4, 8]
    picture = cv2.imdecode(np.frombuffer(panels[-1].encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    kept = cv2.imread(str(run_dir / "panels" / "epoch_001.jpg"))
    assert picture.shape == kept.shape
    # The file is a JPEG of the same picture.
    assert np.abs(picture.astype(int) - kept).mean() < 8


def test_memory_is_the_most_held_so_far(tiny: Make) -> None:
    before: list[float] = []

    class Holds(ClassSegmenter):
        held: torch.Tensor | None = None

        def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
            super().on_train_batch_start(batch, batch_idx)
            self.held = None
            if self.global_step == 0:
                # What tests before this one left in circles would be freed at any moment.
                gc.collect()
                before.append(memory_gb())
                self.held = torch.ones(100_000_000)

    logged = [value for _, value in scalars(fit(tiny(), task=Holds).run_dir)["train/memory_gb"]]
    assert len(logged) == 2
    # 0.4 GB, held in the first step alone.
    assert logged[0] - before[0] > 0.3
    assert logged[1] >= logged[0]


def test_figures_past_the_resumed_checkpoint_are_dropped(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = LoggerConfig(tensorboard=True, panels=0)
    whole = fit(tiny(logger=logger, run_dir=str(tmp_path / "whole"))).run_dir
    original = LastCheckpoint.on_train_start

    def every_second_step(self: LastCheckpoint, *rest: Any) -> None:
        self.every_steps = 2
        original(self, *rest)

    def kill(self: Throughput, trainer: pl.Trainer, *rest: Any) -> None:
        if trainer.global_step == 7:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(LastCheckpoint, "on_train_start", every_second_step)
        patch.setattr(Throughput, "on_train_batch_start", kill)
        with pytest.raises(Killed):
            fit(tiny(logger=logger))
    run_dir = tmp_path / "run"
    assert max(step for step, _ in scalars(run_dir)["train/loss"]) == 6
    fit(tiny(logger=logger, resume=str(run_dir)))
    assert without_speed(scalars(run_dir)) == without_speed(scalars(whole))
    assert without_speed(tensorboard_scalars(run_dir)) == without_speed(tensorboard_scalars(whole))


def records(path: Path) -> Iterator[Record]:
    """Records of a .wandb file: LevelDB's log format (blocks of 32 KiB) after a header of 7 bytes."""
    data = path.read_bytes()
    assert data[:4] == b":W&B"
    position, parts = 7, b""
    while position + 7 <= len(data):
        left = 32768 - position % 32768
        if left < 7:
            position += left
            continue
        length, kind = int.from_bytes(data[position + 4 : position + 6], "little"), data[position + 6]
        parts += data[position + 7 : position + 7 + length]
        position += 7 + length
        # Kinds: 1 whole, 2 first, 3 middle, 4 last.
        if kind in (1, 4):
            yield Record.FromString(parts)
            parts = b""


@dataclass
class Offline:
    """What a .wandb file says of its run."""

    id: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None

    def figures(self, name: str) -> list[tuple[int, float]]:
        return [(row["trainer/global_step"], row[name]) for row in self.rows if name in row]


def read_wandb(run_dir: Path) -> list[Offline]:
    """The offline runs of a run directory, the oldest first."""
    # Ends its service, which may still be writing.
    wandb.teardown()
    runs = []
    for path in sorted((run_dir / "wandb").glob("offline-run-*/*.wandb")):
        run = Offline()
        for record in records(path):
            if record.HasField("run"):
                run.id = record.run.run_id
                run.config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
            run.config |= {item.key: json.loads(item.value_json) for item in record.config.update}
            if items := record.history.item:
                run.rows.append({item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items})
            if record.HasField("exit"):
                run.exit_code = record.exit.exit_code
        runs.append(run)
    return runs


def test_wandb_without_an_account(tiny: Make, tmp_path: Path, no_account: None) -> None:
    logger = LoggerConfig(tensorboard=False, wandb=True, panels=2)
    first = fit(tiny(logger=logger, max_steps=4)).run_dir
    fit(tiny(logger=logger, resume=str(first)))
    second = fit(tiny(logger=logger, max_steps=1, run_dir=str(tmp_path / "second"))).run_dir
    begun, resumed = read_wandb(first)
    (other,) = read_wandb(second)
    # The identity survives a resumption; two runs of one process are two.
    assert begun.id == resumed.id == (first / "wandb_id.txt").read_text()
    assert other.id != begun.id
    assert [run.exit_code for run in (begun, resumed, other)] == [0, 0, 0]
    assert begun.config["model"]["backbone"] == "test_resnet"
    for name, values in scalars(first).items():
        np.testing.assert_allclose(begun.figures(name) + resumed.figures(name), values, rtol=1e-6, err_msg=name)
    shown = "val/panel/filenames"
    pictures = [row[shown][0] for run in (begun, resumed) for row in run.rows if shown in row]
    assert len(pictures) == 2
    assert all(list((first / "wandb").glob(f"offline-run-*/files/{picture}")) for picture in pictures)


@pytest.mark.parametrize(("stage", "layers"), [("classes", 1), ("classes", 2), ("attributes", 1)])
def test_wandb_draws_the_masks_itself(tiny: Make, tmp_path: Path, no_account: None, stage: str, layers: int) -> None:
    options: dict[str, Any] = {"layers": layers, "epochs": 1, "schedule": ScheduleConfig([Phase(1, False, 1e-3)])}
    result = fit(tiny(stage, logger=LoggerConfig(tensorboard=False, wandb=True, panels=2), **options))
    dataset = prepare(tiny(stage, run_dir=str(tmp_path / "other"), **options)).data.val_dataset()
    (run,) = read_wandb(result.run_dir)
    (row,) = [row for row in run.rows if "val/masks/filenames" in row]
    (files,) = (result.run_dir / "wandb").glob("offline-run-*/files")
    spec, network = load_network(result.run_dir / "checkpoints/last.ckpt")
    # Two photos, spread over the four of the validation split.
    for index, photo, masks in zip((0, 3), row["val/masks/filenames"], row["val/masks/all_masks"], strict=True):
        pictures = {name: cv2.imread(str(files / mask["path"]), cv2.IMREAD_GRAYSCALE) for name, mask in masks.items()}
        sample = dataset[index]
        image = cv2.cvtColor(cv2.imread(str(files / photo)), cv2.COLOR_BGR2RGB)
        np.testing.assert_array_equal(image, sample["image"].permute(1, 2, 0))
        expected = {("truth" if stage == "classes" else "garments"): sample["labels"].numpy()}
        if stage == "classes":
            mean, std = (torch.tensor(value).view(3, 1, 1) for value in (spec.mean, spec.std))
            normal = (torch.tensor(image).permute(2, 0, 1) / 255 - mean) / std
            expected["prediction"] = network(normal[None])[0].argmax(1).numpy()
        assert set(pictures) == {f"{name}{part}" for name in expected for part in ("", "_parts")[:layers]}
        for name, labels in expected.items():
            np.testing.assert_array_equal(
                np.stack([pictures[f"{name}{part}"] for part in ("", "_parts")[:layers]]), labels
            )
    labels = run.config["_wandb"]["mask/class_labels"]
    assert len(labels) == len(expected) * layers
    named = {str(index): name for index, name in enumerate(spec.class_names)}
    for label in labels.values():
        assert label["value"] == named | {str(len(named)): "background", "255": "not judged"}


@pytest.mark.parametrize("stage", ["classes", "attributes"])
def test_the_panel_and_the_masks_share_photos_and_prediction(
    tiny: Make, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    run = prepare(tiny(stage, logger=LoggerConfig(tensorboard=False, wandb=True, panels=2)))
    run.run_dir.mkdir()
    decoded, predicted, shown = [], [], []
    load = FilePhotos.load
    monkeypatch.setattr(FilePhotos, "load", lambda self, photo: decoded.append(photo) or load(self, photo))
    run.task.register_forward_pre_hook(lambda task, given: predicted.append(given))
    trainer = SimpleNamespace(
        sanity_checking=False,
        is_global_zero=True,
        datamodule=run.data,
        current_epoch=1,
        global_step=8,
        loggers=[SimpleNamespace(log_image=lambda name, *rest, **more: shown.append(name))],
    )
    for callback in _pictures(run):
        callback.on_validation_end(trainer, run.task)  # type: ignore[arg-type]
    assert shown == ["val/panel", "val/masks"]
    assert len(decoded) == len(set(decoded)) == 2
    assert len(predicted) == 1


def test_masks_keep_to_the_files_that_are_allowed(tiny: Make, tmp_path: Path, no_account: None) -> None:
    # Of 31 files that are left a quarter may be masks: those of two photos (6 files) in one epoch.
    limits = PlatformConfig(max_files=77)
    result = fit(tiny(epochs=3, platform=limits, logger=LoggerConfig(tensorboard=False, wandb=True, panels=2)))
    (run,) = read_wandb(result.run_dir)
    assert [row["trainer/global_step"] for row in run.rows if "val/masks/filenames" in row] == [12]
    assert len(list(result.run_dir.rglob("masks_*.png"))) == 6


def test_a_failed_run_is_closed_as_failed(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_account: None
) -> None:
    def fail(self: Throughput, trainer: pl.Trainer, *rest: Any) -> None:
        raise Killed

    monkeypatch.setattr(Throughput, "on_train_batch_start", fail)
    with pytest.raises(Killed):
        fit(tiny(logger=LoggerConfig(tensorboard=False, wandb=True, panels=0)))
    assert wandb.run is None
    assert [run.exit_code for run in read_wandb(tmp_path / "run")] == [1]


@pytest.mark.parametrize(
    ("variables", "offline", "mode"),
    [
        ({}, False, "offline"),
        ({"WANDB_API_KEY": "x" * 40}, False, "online"),
        ({"WANDB_API_KEY": "x" * 40}, True, "offline"),
        ({"WANDB_MODE": "disabled"}, True, "disabled"),
        ({"WANDB_MODE": "online"}, True, "offline"),
        ({"WANDB_MODE": "online"}, False, "online"),
    ],
)
def test_wandb_uses_the_network_for_those_who_logged_in(
    monkeypatch: pytest.MonkeyPatch, no_account: None, variables: dict[str, str], offline: bool, mode: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert _wandb_mode(offline) == mode


def test_wandb_login_is_found_in_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_account: None) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1\n  login user\n  password " + "x" * 40 + "\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert _wandb_mode(False) == "online"
    (tmp_path / "netrc").write_text("not a netrc file")
    assert _wandb_mode(False) == "offline"
