"""What a tuning file does to a prediction."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imatfashion.data.labels import Labels
from imatfashion.errors import FashionError
from imatfashion.predict.for_iou import ExpectedIoU
from imatfashion.predict.postprocess import PostProcess
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.settings import Settings
from imatfashion.predict.tuning_file import read_tuning, tuned_for_others

CLASSES = Labels((0, 3, 10, 23), ("shirt", "coat", "pocket", "shoe"), ("",) * 4)
ATTRIBUTES = Labels((2, 5, 40), ("striped", "dotted", "long"), ("",) * 3)
IDS = ("0", "3", "10", "23")
ALL = np.ones(3, dtype=np.bool_)


def read(path: Path, content: object, *, min_area: int = 0, shown: bool = False) -> PostProcess:
    path.write_text(json.dumps(content), encoding="utf-8")
    plain = PostProcess.plain(CLASSES, ATTRIBUTES, min_area=min_area)
    return read_tuning(path, plain, CLASSES, ATTRIBUTES, shown=shown)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tuning.json"


def test_what_is_not_mentioned_stays(path: Path) -> None:
    post = read(path, {"min_score": {"3": 0.6}, "threshold": {"5": 0.3}}, min_area=50)
    assert post == PostProcess((50,) * 4, (0, 0.6, 0, 0), (0.5, 0.3, 0.5))
    assert read(path, {"give_way": 0.3}, min_area=50) == replace(
        read(path, {"min_area": {}}, min_area=50), give_way=0.3
    )


def test_what_is_expected_goes_to_the_classes_by_their_ids(path: Path) -> None:
    figures = {
        "expected_iou": dict(zip(IDS, (0.1, 0.2, 0.3, 0.4), strict=True)),
        "expected_union": dict.fromkeys(IDS, 1),
    }
    assert read(path, figures).expected == ExpectedIoU((0.1, 0.2, 0.3, 0.4), (1, 1, 1, 1))
    assert read(path, {"expected_iou": {}, "expected_union": {}}).expected is None


def test_areas_are_pixels_of_the_output_or_of_the_grid_they_were_tuned_on(path: Path) -> None:
    output = read(path, {"min_area": {"3": 100}}, min_area=50)
    assert [output.keeps(1, area, 1.0, 64 * 64) for area in (99, 100)] == [False, True]
    assert [output.keeps(1, area, 1.0, 640 * 640) for area in (99, 100)] == [False, True]
    grid = read(path, {"min_area": {"3": 100}, "grid": 64}, min_area=50)
    assert [grid.keeps(1, area, 1.0, 64 * 64) for area in (99, 100)] == [False, True]
    assert [grid.keeps(1, area, 1.0, 640 * 640) for area in (9_999, 10_000)] == [False, True]
    assert [grid.keeps(0, area, 1.0, 640 * 640) for area in (49, 50)] == [False, True]
    # A tuned class has its own limit alone.
    assert read(path, {"min_area": {"3": 10}, "grid": 64}, min_area=50).keeps(1, 10, 1.0, 64 * 64)


def test_what_is_left_out_never_comes(path: Path) -> None:
    post = read(path, {"left_out": [10], "attributes_left_out": [40]})
    assert [post.keeps(index, 10**9, 1.0, 10**9) for index in range(4)] == [True, True, False, True]
    assert post.attributes(np.ones(3, dtype=np.float32), ALL) == (0, 1)
    silent = read(path, {"write_attributes": False, "threshold": {"2": 0.1}})
    assert silent.attributes(np.ones(3, dtype=np.float32), ALL) == ()
    assert read(path, {"write_attributes": True}) == PostProcess.plain(CLASSES, ATTRIBUTES)


def test_tuned_components_count_where_nothing_else_is_asked(
    path: Path, classes_ckpt: Path, photos: Path, tmp_path: Path
) -> None:
    post = read(path, {"components": {"0": True, "23": False}})
    assert post.component_classes((3,)) == {0}
    assert post.component_classes((1, 3)) == {0, 1}
    predictor = Predictor.load(classes_ckpt, device="cpu")

    def count(components: str, post: PostProcess | None) -> list[int]:
        garments = predictor(photos / "e.jpg", Settings(64, components, post=post)).result.garments
        indices = [garment.class_index for garment in garments]
        return [indices.count(index) for index in range(4)]

    apart, together, automatic = count("yes", None), count("no", None), count("auto", None)
    assert automatic == [*together[:3], apart[3]]  # shoes are pairs
    assert count("auto", post) == [apart[0], *together[1:]] != automatic
    assert count("yes", post) == apart
    assert count("no", post) == together


def test_what_was_tuned_for_the_competition_is_not_shown(path: Path) -> None:
    content = {"objective": "competition", "left_out": [0]}
    assert not read(path, content).keeps(0, 10**6, 1.0, 10**6)
    with pytest.raises(FashionError, match="made for the competition's score alone"):
        read(path, content, shown=True)
    read(path, {"objective": "per_photo", "min_area": {}}, shown=True)


def test_other_checkpoints_are_told_of(path: Path) -> None:
    read(path, {"min_area": {}, "classes_ckpt": "aa", "attributes_ckpt": None})
    assert list(tuned_for_others(path, {"classes_ckpt": ["aa"], "attributes_ckpt": ["bb"]})) == []
    (told,) = tuned_for_others(path, {"classes_ckpt": ["aa", "cc"], "attributes_ckpt": []})
    assert "tuned for another classes_ckpt" in told
    read(path, {"min_area": {}})
    assert list(tuned_for_others(path, {"classes_ckpt": ["aa"]})) == []
    read(path, {"min_area": {}, "classes_ckpt": ["aa", "bb"], "tta": "flip", "tta_scales": [0.75, 1.0]})
    used = {"classes_ckpt": ["bb", "aa"], "attributes_ckpt": [], "tta": "flip", "tta_scales": [0.75, 1.0]}
    assert list(tuned_for_others(path, used)) == []
    (told,) = tuned_for_others(path, used | {"classes_ckpt": ["aa"]})
    assert "tuned for another classes_ckpt" in told
    (told,) = tuned_for_others(path, used | {"tta": "none"})
    assert "was tuned with tta=flip, and this prediction has tta=none" in told


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([], "none of"),
        ({"grid": 512}, "none of"),
        ({"min_area": [1]}, "no numbers by id under min_area"),
        ({"expected_iou": {"0": 0.5, "3": 0.5}, "expected_union": {"3": 0.1}}, "of the class ids 0, 10, 23; both"),
        ({"expected_iou": dict.fromkeys("0", 0.5)}, "lacks expected_iou or expected_union of the class ids"),
        (
            {"expected_iou": dict.fromkeys(IDS, 1.5), "expected_union": dict.fromkeys(IDS, 0.1)},
            "expected_iou beyond 0",
        ),
        (
            {"expected_iou": dict.fromkeys(IDS, 0.5), "expected_union": dict.fromkeys(IDS, 0)},
            "expected_union beyond 1e-12",
        ),
        ({"expected_iou": dict.fromkeys(IDS, "x")}, "no numbers by id under expected_iou"),
        ({"components": {"0": "maybe"}}, "no numbers by id under components"),
        ({"components": {"1": True}}, "names under components the id 1, which the model lacks"),
        ({"left_out": ["shirt"]}, "no list of ids under left_out"),
        ({"left_out": 3}, "no list of ids under left_out"),
        ({"attributes_left_out": [3]}, "names under attributes_left_out the id 3"),
        ({"min_area": {"0": 1}, "grid": "512"}, "grid=512"),
        ({"min_area": {"0": 1}, "grid": 0}, "grid=0"),
        ({"give_way": 2}, "give_way=2; it must lie between 0 and 1"),
        ({"give_way": True}, "give_way=True"),
    ],
)
def test_faults(path: Path, content: object, sentence: str) -> None:
    with pytest.raises(FashionError, match=sentence):
        read(path, content)
