"""The opened table: lookups, what is known, which classes have instances, pickling."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from imatfashion.data.annotations import Annotations
from imatfashion.errors import FashionError

COAT, SHIRT, POCKET = range(3)


def box(top: int, left: int, bottom: int, right: int, height: int = 20, width: int = 20) -> np.ndarray:
    mask = np.zeros((height, width), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def test_photos_are_found_by_any_name(make_table):
    names = ["z.jpg", "a/b.jpg", "Ä é 衣.jpg", "0.jpg", "a.jpg"]
    table = make_table({name: (4 + i, 6, []) for i, name in enumerate(names)})
    assert [table.name(i) for i in range(len(table))] == names
    assert [table.find(name) for name in names] == list(range(len(names)))
    assert [table.size(i) for i in range(2)] == [(4, 6), (5, 6)]
    for name in ("", "zz", "a", "b.jpg", "0.jp", "衣"):
        assert table.find(name) is None


def test_find_in_an_empty_table(make_table):
    assert make_table({}).find("a.jpg") is None


def test_open_attributes_are_unknown_only_where_the_class_can_have_some(make_table):
    garments = [(COAT, [2], box(0, 0, 5, 5)), (COAT, None, box(5, 5, 9, 9)), (SHIRT, None, box(0, 0, 2, 2))]
    table = make_table({"a.jpg": (20, 20, [*garments, (COAT, [], box(9, 9, 12, 12))])})
    assert table.garment_known.tolist() == [True, False, True, True]
    assert table.garment_area.tolist() == [25, 16, 4, 9]
    allowed = table.allowed_pairs()
    assert allowed.shape == (3, 4)
    assert np.argwhere(allowed).tolist() == [[COAT, 2]]


def test_classes_with_several_garments_in_a_photo(make_table):
    photos = {f"{i}.jpg": (20, 20, [(COAT, None, box(0, 0, 5, 5))]) for i in range(20)}
    photos["0.jpg"][2].append((COAT, None, box(6, 6, 9, 9)))
    photos["1.jpg"][2].extend((POCKET, None, box(i, 0, i + 1, 1)) for i in range(3))
    assert make_table(photos, "a.table").multiple_classes() == (COAT, POCKET)
    photos["20.jpg"] = (20, 20, [(COAT, None, box(0, 0, 5, 5))])  # now 1 of 21 photos, below 5 %
    assert make_table(photos, "b.table").multiple_classes() == (POCKET,)


def test_parts_that_lie_on_garments_are_told_by_their_overlaps(make_table):
    coat, pocket, shirt = box(0, 0, 15, 15), box(5, 5, 9, 9), box(14, 0, 20, 10)
    table = make_table({"a.jpg": (20, 20, [(COAT, None, coat), (POCKET, None, pocket), (SHIRT, None, shirt)])})
    assert table.layer_of_class(2) == (0, 0, 1)
    assert table.layer_of_class(1) == (0, 0, 0)


def test_a_garment_of_its_own_class_covers_nothing(make_table):
    table = make_table({"a.jpg": (20, 20, [(COAT, None, box(0, 0, 15, 15)), (COAT, None, box(2, 2, 4, 4))])})
    assert table.layer_of_class(2) == (0, 0, 0)


def test_the_real_photos_parts(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from imatfashion.data.build import open_table
    from imatfashion.data.sources import DataFiles

    monkeypatch.setenv("IMATFASHION_CACHE", str(tmp_path))
    table = open_table(shared / "data" / "fashionpedia_sample", DataFiles(annotations="sample.json"))
    layers = dict(zip(table.class_names, table.layer_of_class(2), strict=True))
    present = {table.class_names[c] for c in table.garment_class}
    assert {name for name in present if layers[name]} == {"sleeve", "neckline", "collar"}


def test_it_pickles_as_its_path(make_table):
    table = make_table({"a.jpg": (20, 20, [(COAT, None, np.random.default_rng(0).random((20, 20)) < 0.5)] * 50)})
    text = pickle.dumps(table)
    assert len(text) < 500
    back = pickle.loads(text)
    np.testing.assert_array_equal(back.runs(3).starts, table.runs(3).starts)


def test_arrays_are_mapped_not_read(make_table):
    table = make_table({"a.jpg": (20, 20, [(COAT, None, box(0, 0, 5, 5))])})
    assert isinstance(table.garment_class.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        table.garment_class[0] = 1


def test_labels_survive(make_table):
    table = make_table({"a.jpg": (2, 2, [])}, kind="prediction")
    assert table.class_names == ("coat", "shirt", "pocket")
    assert table.attribute_names == ("a", "b", "c", "d")
    assert table.meta["kind"] == "prediction"
    assert table.photo_dir is None
    assert table.refused == 0


def test_no_table_a_damaged_one_and_another_version_are_sentences(make_table, tmp_path: Path):
    with pytest.raises(FashionError, match="no annotation table"):
        Annotations(tmp_path)
    path = make_table({"a.jpg": (2, 2, [])}).path
    (path / "name_order.npy").write_bytes(b"junk")
    with pytest.raises(FashionError, match=r"damaged \(name_order"):
        Annotations(path)
    shutil.copytree(path, tmp_path / "other")
    meta = tmp_path / "other" / "meta.json"
    meta.write_text(meta.read_text().replace('"version": 1', '"version": 0'))
    with pytest.raises(FashionError, match="another format version"):
        Annotations(tmp_path / "other")
