"""`imatfashion tune` on a run that was trained, and its file in predictions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from sklearn.metrics import jaccard_score
from typer.testing import CliRunner

from imatfashion.cli import app
from imatfashion.config.schema import (
    Config,
    DataConfig,
    GpuConfig,
    LoggerConfig,
    ModelConfig,
    Phase,
    PredictConfig,
    ScheduleConfig,
    StageConfig,
)
from imatfashion.data.annotations import Annotations
from imatfashion.data.render import paint_maps
from imatfashion.evaluate.score import score_files
from imatfashion.evaluate.tune.command import all_outcomes, exact_score
from imatfashion.evaluate.tune.crossval import Gain, Tuned
from imatfashion.evaluate.tune.miou import expect, sample
from imatfashion.evaluate.tune.outcomes import Outcomes
from imatfashion.evaluate.tune.run import best_checkpoint, read_tuning_run
from imatfashion.evaluate.tune.setting import Setting
from imatfashion.evaluate.tune.tuner import Tuner
from imatfashion.evaluate.tune.write import limits_of, write_tuning
from imatfashion.masks.view import View
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.models.spec import build_network
from imatfashion.predict.for_iou import gains
from imatfashion.predict.looks import LookOptions
from imatfashion.predict.pngs import background_value, png_name
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.run import run_prediction
from tests.predict.conftest import write_checkpoint


@pytest.fixture(scope="module")
def run(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class run of a few seconds that counts all twenty photos as validation: enough for five folds."""
    from imatfashion.training.fit import fit

    folder = tmp_path_factory.mktemp("runs") / "classes"
    config = Config(
        stage=StageConfig("classes"),
        data=DataConfig(root=str(drawn), workers=0),
        model=ModelConfig(backbone="test_resnet", weights="none", decoder_width=32),
        schedule=ScheduleConfig([Phase(12, False, 5e-3)]),
        gpu=GpuConfig("cpu"),
        logger=LoggerConfig(tensorboard=False, panels=0),
        resolution=64,
        batch_size=4,
        run_dir=str(folder),
        progress=False,
    )
    fit(config)
    names = sorted(path.name for path in (drawn / "train").iterdir())
    (folder / "split.json").write_text(json.dumps({"val": names, "near_duplicates": []}))
    return folder


@pytest.fixture(scope="module")
def attributes(run: Path, drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An attribute classifier with random weights, of the same labels."""
    labels = json.loads((drawn / "label_descriptions.json").read_text())["attributes"]
    classes = load_checkpoint(run / "checkpoints" / "best.ckpt")[0]
    spec = replace(
        classes,
        stage="attributes",
        attribute_ids=tuple(item["id"] for item in labels),
        attribute_names=tuple(item["name"] for item in labels),
        allowed_pairs=tuple(tuple(range(index % 4)) for index in range(len(classes.class_ids))),
        embedding=16,
    )
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("attributes") / "checkpoints" / "best.ckpt"
    return write_checkpoint(path, spec, build_network(spec)).parent.parent


def tune(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["tune", *map(str, arguments), "--device", "cpu"])
    assert done.exit_code == code, done.output
    return done.output


Predict = Callable[..., dict[str, Any]]


@pytest.fixture
def predicted(run: Path, attributes: Path, drawn: Path, tmp_path: Path) -> Predict:
    """Predicts the tuned photos and scores the submission as `imatfashion score` does."""

    def predict(**changes: Any) -> dict[str, Any]:
        config = PredictConfig(
            classes_ckpt=str(run / "checkpoints" / "best.ckpt"),
            attributes_ckpt=str(attributes / "checkpoints" / "best.ckpt"),
            images=str(drawn / "train"),
            output=str(tmp_path / "submission.csv"),
            device="cpu",
            progress=False,
        )
        report = score_files(drawn / "train.csv", run_prediction(replace(config, **changes))).to_json()
        return {name: report[name] for name in ("per_photo", "pooled")}

    return predict


@pytest.mark.parametrize("objective", ["per_photo", "competition"])
def test_the_submission_scores_what_was_promised(
    objective: str, run: Path, attributes: Path, predicted: Predict, tmp_path: Path
) -> None:
    path = tmp_path / "tuning.json"
    told = tune(run, "--attributes", attributes, "--objective", objective, "--output", path)
    found = json.loads(path.read_text())
    assert found["objective"] == objective
    assert predicted() == found["tuned_photos"]["plain"]
    assert predicted(tuning=str(path)) == found["tuned_photos"]["tuned"]
    assert ("made for the competition's score alone" in told) == (objective == "competition")
    assert f"tuning: {path}" in told


@pytest.mark.parametrize("seed", range(3))
def test_any_setting_is_predicted_as_it_was_counted(
    seed: int, run: Path, attributes: Path, predicted: Predict, tmp_path: Path
) -> None:
    given = read_tuning_run(run)
    predictor = Predictor.load(given.checkpoint, best_checkpoint(attributes), "cpu")
    counted = all_outcomes(predictor, given)
    classes, names = given.table.classes, given.table.attributes
    parts = predictor.class_stage.component_classes
    tuner = Tuner(counted, "competition", num_classes=len(classes), component_classes=parts, described=True)
    give_way = 2 * seed  # none, and others
    outcomes = counted[give_way]
    rng = np.random.default_rng(seed)
    # Low limits, so that something is left; nothing at all of some classes, and some attributes never.
    options = outcomes.options
    low = [options.number(*rng.integers(0, (2, 5, 4)).tolist()) for _ in range(len(classes))]
    masks = np.where(rng.random(len(classes)) < 0.2, options.nothing, np.array(low, dtype=np.int64))
    # Whatever the network has learned here: the class that it knows best has its share in every score.
    masks[_best_class(outcomes, given.table)] = options.number(0, 0, 0)
    setting = Setting(masks, rng.choice([0.05, 0.45, 0.5, 0.55, np.inf], len(names)), give_way)
    nothing = Gain(0, 0, 0, 0, True)
    tuned = Tuned(setting, {}, ("attributes",), nothing, None)
    path = tmp_path / "tuning.json"
    about = {"objective": "competition", "photos": len(given.photos), "folds": 5}
    write_tuning(path, limits_of(tuner, tuned, classes, names), tuned, {}, about)
    wanted = exact_score(outcomes, setting, given.table).to_json()
    assert predicted(tuning=str(path)) == {name: wanted[name] for name in ("per_photo", "pooled")}
    assert (outcomes.submitted.sum() != counted[0].submitted.sum()) == (give_way > 0)
    assert wanted["pooled"]["without_attributes"] > 0


def _best_class(outcomes: Outcomes, table: Annotations) -> int:
    """The class that scores most alone, at the lowest limits."""

    def alone(index: int) -> float:
        masks = np.full(len(table.classes), outcomes.options.nothing)
        masks[index] = outcomes.options.number(0, 0, 0)
        setting = Setting(masks, np.full(len(table.attributes), np.inf))
        pooled: float = exact_score(outcomes, setting, table).to_json()["pooled"]["without_attributes"]
        return pooled

    return max(range(len(table.classes)), key=alone)


def test_views_of_one_article_share_a_fold(run: Path, tmp_path: Path) -> None:
    """`data.group_by` is a regex on names here: all photos that end in the same digit show one article."""
    grouped = tmp_path / "grouped"
    shutil.copytree(run, grouped)
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["data"]["group_by"] = r"(\d)\.jpg$"
    (grouped / "config.yaml").write_text(yaml.safe_dump(config))
    found, alone = read_tuning_run(grouped), read_tuning_run(run)
    digits = [found.table.name(photo)[-5] for photo in found.photos]
    assert len(set(alone.groups)) > len(set(digits)) == len(set(found.groups)) > 1
    assert len(set(zip(digits, found.groups, strict=True))) == len(set(digits))


def test_the_same_seed_writes_the_same_file(run: Path, tmp_path: Path) -> None:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path in paths:
        tune(run, "--output", path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    found = json.loads(paths[0].read_text())
    assert found["left_out"] == []
    assert "threshold" not in found
    tune(run)
    assert (run / "tuning.json").read_bytes() == paths[0].read_bytes()


def test_prepared_data_and_fewer_photos(run: Path, drawn: Path, tmp_path: Path) -> None:
    from imatfashion.data.prepare import prepare

    prepare(drawn, tmp_path / "prepared", resolution=64, workers=0)
    path = tmp_path / "tuning.json"
    tune(run, "--data", tmp_path / "prepared", "--photos", 12, "--folds", 3, "--output", path)
    assert json.loads(path.read_text())["photos"] == 12


def test_another_checkpoint_is_told_of(
    run: Path, predicted: Predict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tuning.json"
    tune(run, "--output", path)
    predicted(tuning=str(path))
    assert "tuned for another" not in capsys.readouterr().err
    path.write_text(json.dumps(json.loads(path.read_text()) | {"classes_ckpt": "0" * 64}))
    predicted(tuning=str(path), output=str(tmp_path / "other.csv"))
    assert "was tuned for another classes_ckpt than the one given" in capsys.readouterr().err


def test_several_looks_of_several_runs(
    run: Path, predicted: Predict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file scores as promised where prediction looks as it was tuned to, and says so where it does not."""
    from tests.predict.conftest import save_checkpoint

    spec = load_checkpoint(run / "checkpoints" / "best.ckpt")[0]
    other = tmp_path / "other"
    shutil.copytree(run, other)
    path = tmp_path / "tuning.json"
    checkpoints = [str(run / "checkpoints" / "best.ckpt"), str(save_checkpoint(other / "checkpoints/best.ckpt", spec))]
    as_predicted = ("--tta", "flip", "--tta-scales", "0.75,1", "--dense-crf", "--guided-filter")
    tune(run, "--also", other, *as_predicted, "--output", path)
    found = json.loads(path.read_text())
    assert len(found["classes_ckpt"]) == 2
    looks = {"tta": "flip", "tta_scales": [0.75, 1.0], "dense_crf": True, "guided_filter": True}
    assert _masks(predicted(tuning=str(path), classes_ckpt=checkpoints, **looks)) == _masks(
        found["tuned_photos"]["tuned"]
    )
    assert "tuned" not in capsys.readouterr().err
    predicted(tuning=str(path), output=str(tmp_path / "once.csv"))
    told = capsys.readouterr().err
    assert "tuned for another classes_ckpt" in told
    assert "tta=none: its limits may not fit" in told
    assert "tta_scales=[1.0]: its limits may not fit" in told
    assert "dense_crf=False: its limits may not fit" in told
    assert "guided_filter=False: its limits may not fit" in told
    predicted(tuning=str(path), aspect="own", output=str(tmp_path / "own.csv"))
    assert "aspect=own: its limits may not fit" in capsys.readouterr().err


def _masks(scores: dict[str, Any]) -> dict[str, float]:
    return {name: found["without_attributes"] for name, found in scores.items()}


def test_other_runs_must_not_know_the_photos(run: Path, attributes: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(run, other)
    split = json.loads((run / "split.json").read_text())
    for content in ({"val": split["val"][2:]}, {"val": [], "train": split["val"][:2]}):
        (other / "split.json").write_text(json.dumps({"near_duplicates": []} | content))
        assert "was trained on 2 of the" in tune(run, "--also", other, code=2)
    seeing = tmp_path / "attributes"
    shutil.copytree(attributes, seeing)
    (seeing / "split.json").write_text(json.dumps({"near_duplicates": [], "val": split["val"][2:]}))
    assert f"--attributes {seeing} was trained on 2 of the" in " ".join(
        tune(run, "--attributes", seeing, code=2).split()
    )
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["stage"]["name"] = "attributes"
    (other / "config.yaml").write_text(yaml.safe_dump(config))
    assert "is a run of stage=attributes; give one of stage=classes" in tune(run, "--also", other, code=2)
    assert "--tta mirror is not a choice" in tune(run, "--tta", "mirror", code=2)
    for scales in ("a", "9", ""):
        assert "must be numbers between 0.25 and 4" in tune(run, "--tta-scales", scales, code=2)


def test_a_photo_that_cannot_be_read_is_background_to_labels(run: Path, drawn: Path, tmp_path: Path) -> None:
    given = read_tuning_run(run)
    predictor = Predictor.load(given.checkpoint, device="cpu")
    whole = sample(predictor, given.table, given.photos)
    shutil.copytree(drawn, tmp_path / "data")
    for place in (2, 9):
        photo = tmp_path / "data" / "train" / given.table.name(given.photos[place])
        photo.write_bytes(photo.read_bytes()[:300])
    broken = sample(predictor, read_tuning_run(run, data=tmp_path / "data").table, given.photos)
    assert broken.truth.equal(whole.truth)
    alike = (broken.probabilities == whole.probabilities).flatten(1).all(dim=1)
    assert (~alike).nonzero().flatten().tolist() == [2, 9]
    assert (broken.probabilities[[2, 9], :, -1] == 1).all()


def test_labels_of_two_layers(run: Path, tmp_path: Path) -> None:
    """A class of one label map is never labelled in the other, whose averages leave it a trace of probability."""
    from tests.predict.conftest import save_checkpoint

    other = tmp_path / "two"
    shutil.copytree(run, other)
    spec = load_checkpoint(run / "checkpoints" / "best.ckpt")[0]
    layers = tuple(index % 2 for index in range(len(spec.class_ids)))
    save_checkpoint(other / "checkpoints" / "best.ckpt", replace(spec, layer_of_class=layers))
    told = tune(other, "--objective", "miou", "--tta", "flip", "--guided-filter")
    assert f"tuning: {other / 'labels.json'}" in told
    given = read_tuning_run(other)
    options = LookOptions(flip=True, guided_filter=True)
    predictor = Predictor.load(given.checkpoint, device="cpu", options=options)
    sampled = sample(predictor, given.table, given.photos)
    expected = expect(sampled, np.arange(len(given.photos)))
    labels = torch.stack([gains(photo.float(), expected).argmax(dim=1) for photo in sampled.probabilities])
    for layer in range(2):
        strangers = [index for index, own in enumerate(layers) if own != layer]
        assert not np.isin(labels[:, layer].numpy(), strangers).any()
    assert len(labels.unique()) > 2


@pytest.mark.parametrize("looks", [{}, {"tta": "flip", "guided_filter": True}])
def test_labels_for_the_mean_iou(looks: dict[str, Any], run: Path, drawn: Path, tmp_path: Path) -> None:
    """What it says of label maps is what predictions have, to sklearn."""
    path = tmp_path / "labels.json"
    given = ("--tta", "flip", "--guided-filter") if looks else ()
    told = tune(run, *given, "--objective", "miou", "--output", path)
    tuned = json.loads(path.read_text())
    table = read_tuning_run(run).table

    def judge(**changes: Any) -> float:
        config = PredictConfig(
            classes_ckpt=str(run / "checkpoints" / "best.ckpt"),
            images=str(drawn / "train"),
            output=str(tmp_path / f"maps-{len(list(tmp_path.iterdir()))}"),
            format="png",
            grid=128,
            device="cpu",
            progress=False,
        )
        maps = run_prediction(replace(config, **looks, **changes))
        truth, found = [], []
        for photo in range(len(table)):
            size = table.size(photo)
            labels, _, _ = paint_maps(table, photo, View.squash(*size, 128, 128), size, table.layer_of_class(1))
            truth.append(np.array([*table.classes.ids, -1])[labels[0]])
            picture = np.array(Image.open(maps / png_name(table.name(photo)))).astype(int)
            found.append(np.where(picture == background_value(table.classes), -1, picture))
        there = sorted(set(np.unique(truth)) - {-1})
        return float(jaccard_score(np.ravel(truth), np.ravel(found), labels=there, average="macro"))

    assert tuned["held_out"]["before"] == pytest.approx(judge(), abs=2e-4)
    low, high = tuned["held_out"]["interval"]
    assert low <= tuned["held_out"]["gain"] <= high
    kept = bool(tuned["expected_iou"])
    assert kept == (tuned["held_out"]["gain"] > 0)
    assert ("the file leaves predictions as they are" in told) != kept
    # The file has what all photos say, while each fold was judged by what the others do.
    with_them = judge(tuning=str(path))
    assert with_them == pytest.approx(tuned["held_out"]["after"] if kept else tuned["held_out"]["before"], abs=0.02)
    assert (with_them != judge()) == kept


def test_what_cannot_be_tuned(run: Path, attributes: Path, drawn: Path, tmp_path: Path) -> None:
    assert "take one of per_photo, pooled, competition, miou" in tune(run, "--objective", "best", code=2)
    told = tune(run, "--objective", "miou", "--attributes", attributes, code=2)
    assert "--objective miou is about label maps, which have no attributes: leave --attributes out" in told
    assert "too few to tune on in 5 folds" in tune(run, "--photos", 8, code=2)
    assert "holds no run (no config.yaml)" in tune(tmp_path, code=2)
    assert "there is no checkpoint" in tune(run, "--attributes", tmp_path, code=2)
    assert "is not there: start the command where" in tune(run, "--data", tmp_path / "nowhere", code=2)
    taken = tmp_path / "notes.json"
    taken.write_text("{}")
    assert "is not a tuning file; give another --output" in tune(run, "--output", taken, code=2)

    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    (copy / "split.json").unlink()
    assert "has no split.json" in tune(copy, code=2)
    (copy / "split.json").write_text(json.dumps({"val": ["elsewhere.jpg"] * 2 + ["other.jpg"]}))
    assert "2 of 2 validation photos" in tune(copy, code=2)
    (copy / "config.yaml").write_text("stage: {name: attributes}\ndata: {root: x}\n")
    assert "is a run of stage=attributes" in tune(copy, code=2)
    (copy / "config.yaml").write_text("[1")
    assert "cannot be read as YAML" in tune(copy, code=2)


def test_other_label_files(run: Path, drawn: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(drawn, data)
    labels = json.loads((data / "label_descriptions.json").read_text())
    labels["categories"].append({"id": 900, "name": "sail", "supercategory": "", "level": 2})
    (data / "label_descriptions.json").write_text(json.dumps(labels))
    assert "with the same label file" in tune(run, "--data", data, code=2)
