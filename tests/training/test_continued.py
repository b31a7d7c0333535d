"""Runs that go on after the world around them has changed: other weights gone, photos come and gone."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from imatfashion.config.schema import Config
from imatfashion.errors import FashionError
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.models.checkpoint_file import read_checkpoint
from imatfashion.training.build import make_data, make_spec, make_task, start_from
from imatfashion.training.device import device_settings
from imatfashion.training.fit import fit

Make = Callable[..., Config]


def test_a_run_from_other_weights_goes_on_without_them(tiny: Make, tmp_path: Path) -> None:
    first = fit(tiny(run_dir=str(tmp_path / "first"), max_steps=1))
    options = {"init_from": str(first.best_checkpoint), "run_dir": str(tmp_path / "second")}
    fit(tiny(max_steps=2, **options))
    shutil.rmtree(first.run_dir)
    resumed = tiny(max_steps=3, resume=str(tmp_path / "second"), **options)
    resumed.validate()
    assert json.loads((fit(resumed).run_dir / "summary.json").read_text())["steps"] == 3


def test_a_run_keeps_its_split_when_photos_come(tiny: Make, drawn: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(drawn, data)
    with (data / "train.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    late = sorted({row[0] for row in rows})[:4]

    def write(kept: list[list[str]]) -> None:
        with (data / "train.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *kept])

    def config(**fields: object) -> Config:
        made = tiny(**fields)
        return replace(made, data=replace(made.data, root=str(data), split_file=None))

    for name in late:
        (data / "train" / name).rename(tmp_path / name)
    write([row for row in rows if row[0] not in late])
    run_dir = fit(config(max_steps=1)).run_dir
    before = json.loads((run_dir / "split.json").read_text())
    for name in late:
        (tmp_path / name).rename(data / "train" / name)
    write(rows)

    resumed = config(resume=str(run_dir), max_steps=2)
    split = make_data(resumed, device_settings(resumed))
    split.setup()
    names = [sorted(map(split.truth.name, side.tolist())) for side in (split.train_indices, split.val_indices)]
    assert names == [sorted(before["train"]), sorted(before["val"])]
    assert not set(late) & {*names[0], *names[1]}
    fit(resumed)
    assert json.loads((run_dir / "split.json").read_text()) == before


def test_weights_of_other_attributes_are_refused(tiny: Make, tmp_path: Path) -> None:
    checkpoint = fit(tiny("attributes", max_steps=1)).best_checkpoint
    config = tiny("attributes", run_dir=str(tmp_path / "other"))
    settings = device_settings(config)
    data = make_data(config, settings)
    data.setup()
    spec = make_spec(config, data)
    # Of the decoder an attribute classifier has nothing.
    start_from(make_task(config, replace(spec, decoder_width=spec.decoder_width * 2), settings), checkpoint)
    assert load_checkpoint(checkpoint)[0].attribute_ids == spec.attribute_ids
    others = tuple(attribute + 1000 for attribute in spec.attribute_ids)
    with pytest.raises(FashionError, match=r"has attribute_ids .* this run .*they must be equal"):
        start_from(make_task(config, replace(spec, attribute_ids=others), settings), checkpoint)


@pytest.mark.parametrize(
    ("stage", "labels", "what"), [("classes", "categories", "class_ids"), ("attributes", "attributes", "attribute_ids")]
)
def test_a_run_does_not_go_on_with_other_labels(
    tiny: Make, drawn: Path, tmp_path: Path, stage: str, labels: str, what: str
) -> None:
    data = tmp_path / "data"
    shutil.copytree(drawn, data)
    run_dir = fit(tiny(stage, data={"root": str(data)}, max_steps=1)).run_dir
    file = data / "label_descriptions.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content[labels].append(content[labels][-1] | {"id": 900, "name": "sail"})
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(
        FashionError, match=rf"^the run began with {what} .*, and the data has .* now: bring the data back"
    ):
        fit(tiny(stage, data={"root": str(data)}, max_steps=2, resume=str(run_dir)))


def test_a_stopped_run_counts_its_time_on(tiny: Make) -> None:
    run_dir = fit(tiny(max_steps=1)).run_dir
    (run_dir / "summary.json").unlink()  # a run that is stopped leaves none
    last = run_dir / "checkpoints" / "last.ckpt"
    content = read_checkpoint(last)
    assert 0 < content["callbacks"]["LastCheckpoint"]["seconds"] < 600
    content["callbacks"]["LastCheckpoint"] |= {"started": 86_400.0, "seconds": 5_000.0}
    torch.save(content, last)
    fit(tiny(max_steps=2, resume=str(run_dir)))
    found = json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))
    assert found["started"].startswith("1970-01-0")
    assert 5_000 < found["seconds"] < 5_600
