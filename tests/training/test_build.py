"""The network's spec: what it takes from the data, and from which part of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imatfashion.config.schema import Config
from imatfashion.training.build import make_data, make_spec
from imatfashion.training.device import device_settings


def test_pairs_and_components_are_those_of_the_training_photos(tiny: Callable[..., Config]):
    config = tiny("attributes")
    data = make_data(config, device_settings(config))
    data.setup()
    table = data.truth
    spec = make_spec(config, data)

    pairs: set[tuple[int, int]] = set()
    everywhere: set[tuple[int, int]] = set()
    counts = np.zeros((len(table), len(table.classes)), dtype=np.int64)
    for garment in range(len(table.garment_class)):
        photo, class_index = int(table.garment_photo[garment]), int(table.garment_class[garment])
        found = {(class_index, int(a)) for a in np.flatnonzero(table.garment_attributes[garment])}
        everywhere |= found
        if photo in data.train_indices:
            pairs |= found
            counts[photo, class_index] += 1
    assert pairs != everywhere, "the drawn validation photos have no pair of their own: nothing is tested"
    assert {(c, a) for c, row in enumerate(spec.allowed_pairs) for a in row} == pairs
    several, present = (counts > 1).sum(axis=0), (counts > 0).sum(axis=0)
    assert spec.component_classes == tuple(np.flatnonzero((several > 0) & (several >= 0.05 * present)).tolist())


def test_all_pairs_where_the_config_asks_for_them(tiny: Callable[..., Config]):
    config = tiny("attributes")
    config.stage.all_pairs = True
    data = make_data(config, device_settings(config))
    data.setup()
    assert all(len(row) == len(data.truth.attributes) for row in make_spec(config, data).allowed_pairs)
