"""Parts are given back to the garments that they lie on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imatfashion.config.schema import PredictConfig
from imatfashion.data.build import open_table
from imatfashion.data.overlaps import host_classes
from imatfashion.errors import FashionError
from imatfashion.evaluate.oracle import oracle
from imatfashion.masks.runs import decode_runs
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.predict.garments import FoundGarment, garments_from_labels
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.run import run_prediction
from imatfashion.predict.settings import Settings
from imatfashion.predict.whole import give_back

COAT, SHIRT, POCKET, BAG = range(4)
NOTHING = 4
LIES_ON = ((), (), (COAT, SHIRT), ())


def cut(labels: np.ndarray, components: tuple[int, ...] = ()) -> list[FoundGarment]:
    return garments_from_labels(labels[None].astype(np.uint8), NOTHING, None, component_classes=components)


def masks(garments: list[FoundGarment], shape: tuple[int, ...]) -> dict[int, np.ndarray]:
    return {garment.class_index: decode_runs(garment.runs, shape[0], shape[1]) for garment in garments}


def test_a_pocket_is_its_own_and_its_coats() -> None:
    labels = np.full((12, 10), NOTHING)
    labels[2:10, 2:8] = COAT
    labels[8:11, 4:6] = POCKET  # over the hem, one row of it hangs below
    found = cut(labels)
    whole = give_back(found, labels.shape, LIES_ON)
    assert [garment.class_index for garment in whole] == [COAT, POCKET]
    np.testing.assert_array_equal(masks(whole, labels.shape)[COAT], (labels == COAT) | (labels == POCKET))
    np.testing.assert_array_equal(masks(whole, labels.shape)[POCKET], labels == POCKET)
    assert whole[0].area == whole[0].runs.area == found[0].area + found[1].area
    assert [garment.score for garment in whole] == [garment.score for garment in found]


def test_each_piece_goes_to_the_garment_that_surrounds_it_most() -> None:
    labels = np.full((20, 12), NOTHING)
    labels[1:10, 1:11], labels[10:19, 1:11] = COAT, SHIRT
    labels[7:11, 2:4] = POCKET  # three rows on the coat, one on the shirt
    labels[14:16, 6:8] = POCKET  # on the shirt alone
    for components in ((), (POCKET,)):
        whole = masks(give_back(cut(labels, components), labels.shape, LIES_ON), labels.shape)
        assert whole[COAT][7:11, 2:4].all()
        assert whole[SHIRT][14:16, 6:8].all()
        assert not (whole[COAT] & whole[SHIRT]).any()


def test_a_pocket_is_never_a_bags_and_never_far_ones() -> None:
    labels = np.full((10, 20), NOTHING)
    labels[2:8, 2:8], labels[2:8, 10:16] = COAT, BAG
    labels[4:6, 12:14] = POCKET
    found = cut(labels)
    assert give_back(found, labels.shape, LIES_ON) == found


@pytest.mark.parametrize("seed", range(5))
def test_pixels_only_ever_come_from_parts(seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, NOTHING + 1, (15, 11))
    before, after = (
        masks(garments, labels.shape) for garments in (cut(labels), give_back(cut(labels), (15, 11), LIES_ON))
    )
    for index in (POCKET, BAG):
        np.testing.assert_array_equal(after[index], before[index])
    given = np.zeros(labels.shape, dtype=int)
    for index in (COAT, SHIRT):
        assert (after[index] >= before[index]).all()
        given += after[index] & ~before[index]
    assert given.max() <= 1
    assert not given[labels != POCKET].any()


def test_hosts_are_read_off_the_table(drawn: Path) -> None:
    table = open_table(drawn)
    names = table.classes.names
    hosts = {
        names[index]: {names[host] for host in of_class}
        for index, of_class in enumerate(host_classes(table, np.arange(len(table))))
        if of_class
    }
    assert {"sleeve", "pocket"} <= set(hosts)
    assert set(hosts) <= {"sleeve", "pocket", "collar", "belt"}
    assert {"coat", "jacket"} <= hosts["sleeve"]
    assert not {name for found in hosts.values() for name in found} & {"bag, wallet", "shoe", "glasses", "hat"}


def test_the_oracle_of_one_layer_rises(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = open_table(drawn)
    hosts = host_classes(table, np.arange(len(table)))
    plain, two = (oracle(table, layers=layers).per_photo.without_attributes for layers in (1, 2))

    def whole(labels: np.ndarray, *args: object, **options: object) -> list[FoundGarment]:
        return give_back(garments_from_labels(labels, *args, **options), labels.shape[1:], hosts)  # type: ignore[arg-type]

    monkeypatch.setattr("imatfashion.evaluate.oracle.garments_from_labels", whole)
    given = oracle(table).per_photo.without_attributes
    # On 60 photos: 0.729 for one layer, 0.808 with parts given back, 0.849 for two.
    assert plain + 0.4 * (two - plain) < given


@pytest.fixture
def one_layer(tmp_path: Path, classes_ckpt: Path, save: Callable[..., Path]) -> Path:
    spec = load_checkpoint(classes_ckpt)[0]
    return save(tmp_path / "one.ckpt", replace(spec, layer_of_class=(0, 0, 0, 0), lies_on=((), (), (0, 1), ())))


def test_predicted_garments_have_their_parts(one_layer: Path, photos: Path) -> None:
    predictor = Predictor.load(one_layer, device="cpu")
    plain, whole = (predictor(photos / "e.jpg", Settings(64, overlap=overlap)) for overlap in ("within_class", "parts"))
    assert plain.names == whole.names
    assert plain.masks.sum(axis=0).max() == 1
    assert whole.masks.sum(axis=0).max() == 2
    part = plain.names.index("pocket")
    assert ((whole.masks.sum(axis=0) == 2) <= plain.masks[part]).all()


def test_where_parts_make_no_sense(
    config: Callable[..., PredictConfig], tmp_path: Path, save: Callable[..., Path], one_layer: Path
) -> None:
    with pytest.raises(FashionError, match="overlap=parts is for one label map"):
        run_prediction(config(overlap="parts"))
    older = save(tmp_path / "older.ckpt", replace(load_checkpoint(one_layer)[0], lies_on=()))
    with pytest.raises(FashionError, match="one of these is older"):
        run_prediction(config(overlap="parts", classes_ckpt=[str(one_layer), str(older)]))
    with pytest.raises(FashionError, match="leave out min_area, tuning and overlap=parts"):
        run_prediction(config("out.table", overlap="parts"))
