from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch

from imatfashion.errors import FashionError
from imatfashion.models.attribute_head import AttributeNetwork
from imatfashion.models.segmenter import Segmenter
from imatfashion.models.spec import VERSION, ModelSpec, build_network

MakeSpec = Callable[..., ModelSpec]


def test_json_there_and_back(make_spec: MakeSpec) -> None:
    spec = make_spec(class_names=("Hemd »weiß«", 'a"b', "裤子"), dropout=0.0)
    text = spec.to_json()
    assert ModelSpec.from_json(text) == spec
    assert ModelSpec.from_json(text).to_json() == text
    assert "\n" not in text


def test_a_whole_number_is_a_float_where_one_is_meant(make_spec: MakeSpec) -> None:
    values = json.loads(make_spec().to_json())
    values["dropout"] = 0
    assert isinstance(ModelSpec.from_json(json.dumps(values)).dropout, float)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '{"a": 1}', '{"version": "1"}', "[" * 100_000])
def test_garbage_is_one_sentence(text: str) -> None:
    with pytest.raises(FashionError, match="model description"):
        ModelSpec.from_json(text)


def test_another_format_version(make_spec: MakeSpec) -> None:
    values = json.loads(make_spec().to_json()) | {"version": VERSION + 1, "new_field": 3}
    with pytest.raises(FashionError, match=f"format version {VERSION + 1}, this program reads version {VERSION}"):
        ModelSpec.from_json(json.dumps(values))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"colour": 1}, "missing nothing, unknown colour"),
        ({"stage": "boxes"}, "stage='boxes'"),
        ({"stage": 1}, "stage='1' in the model description is not of type"),
        ({"resolution": "224"}, "resolution='224'"),
        ({"resolution": True}, "resolution='True'"),
        ({"resolution": 0}, "resolution=0 must be above 0"),
        ({"class_ids": [0, 4, "9"]}, "class_ids='9'"),
        ({"class_ids": 3}, "class_ids='3'"),
        ({"class_ids": [0, 4, 4]}, "class_ids has an id twice"),
        ({"class_names": ["a"]}, "class_names has 1 entries, not 3"),
        ({"layer_of_class": [0, 0, 2]}, "layer_of_class"),
        ({"allowed_pairs": [[0], [2], []]}, "allowed_pairs has an index that is no attribute"),
        ({"allowed_pairs": [[0]]}, "allowed_pairs has 1 entries, not 3"),
        ({"component_classes": [-1]}, "component_classes"),
        ({"lies_on": [[], [3], []]}, "lies_on has an index that is no class"),
        ({"lies_on": [[]]}, "lies_on has 1 entries, not 3"),
        ({"typical_shares": [0.1]}, "typical_shares has 1 entries, not 3"),
        ({"typical_shares": [0.1, 0.2, 1.5]}, "must lie between 0 and 1"),
        ({"std": [0.0, 1.0, 1.0]}, "normalise nothing"),
        ({"mean": [0.0]}, "mean has 1 entries, not 3"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"aspect": 5.0}, "aspect=5.0 must lie between 0.25 and 4"),
        ({"aspect": 2.0, "resize": "pad"}, "aspect=2.0 must lie between 0.25 and 4, and be 1 with resize=pad"),
    ],
)
def test_what_makes_no_sense_is_refused(make_spec: MakeSpec, change: dict[str, Any], sentence: str) -> None:
    values = json.loads(make_spec().to_json()) | change
    with pytest.raises(FashionError, match=sentence):
        ModelSpec.from_json(json.dumps(values))


LATER = ("lies_on", "aspect", "crop", "typical_shares")
NEEDED = [field.name for field in dataclasses.fields(ModelSpec) if field.name not in ("version", *LATER)]


@pytest.mark.parametrize("name", NEEDED)
def test_every_field_is_needed(make_spec: MakeSpec, name: str) -> None:
    values = json.loads(make_spec().to_json())
    del values[name]
    with pytest.raises(FashionError, match=f"missing {name}, unknown nothing"):
        ModelSpec.from_json(json.dumps(values))


def test_a_field_that_older_checkpoints_lack(make_spec: MakeSpec) -> None:
    values = json.loads(make_spec().to_json())
    for name in LATER:
        del values[name]
    spec = ModelSpec.from_json(json.dumps(values))
    assert (spec.lies_on, spec.aspect, spec.crop, spec.typical_shares) == ((), 1.0, "photo", ())


def test_networks_are_what_the_spec_says(make_spec: MakeSpec) -> None:
    segmenter = build_network(make_spec())
    assert isinstance(segmenter, Segmenter)
    assert segmenter(torch.randn(2, 3, 32, 32)).shape == (2, 2, 4, 32, 32)
    head = build_network(make_spec(stage="attributes", pooling="image", class_given=False))
    assert isinstance(head, AttributeNetwork)
    assert head.pooling == "image"
    assert head.class_embedding is None
    assert head.allowed_pairs.tolist() == [[True, True], [False, True], [False, False]]


def test_an_attribute_classifier_needs_attributes(make_spec: MakeSpec) -> None:
    with pytest.raises(FashionError, match="an attribute classifier without attributes"):
        make_spec(stage="attributes", attribute_ids=(), attribute_names=(), allowed_pairs=((), (), ()))


def test_a_spec_is_read_without_torch() -> None:
    code = "import sys, imatfashion.models.spec; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
