from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from imatfashion.errors import FashionError
from imatfashion.models.checkpoint import load_checkpoint, load_network, load_state
from imatfashion.models.spec import ModelSpec, build_network

MakeSpec = Callable[..., ModelSpec]


def _save(path: Path, spec: ModelSpec, *, infix: str = "", **more: Any) -> torch.nn.Module:
    torch.manual_seed(3)
    network = build_network(spec)
    state = {f"network.{infix}{key}": value for key, value in network.state_dict().items()}
    content = {"state_dict": state, "hyper_parameters": {"spec": spec.to_json()}, "global_step": 7, "epoch": 1, **more}
    torch.save(content, path)
    return network.eval()


@pytest.mark.parametrize("stage", ["classes", "attributes"])
@pytest.mark.parametrize("infix", ["", "_orig_mod."])
def test_a_checkpoint_alone_is_the_network(tmp_path: Path, make_spec: MakeSpec, stage: str, infix: str) -> None:
    saved = _save(tmp_path / "x.ckpt", make_spec(stage=stage), infix=infix)
    spec, network = load_network(tmp_path / "x.ckpt", stage=stage)
    assert spec == make_spec(stage=stage)
    assert not network.training
    assert network.state_dict().keys() == saved.state_dict().keys()
    assert all(torch.equal(value, saved.state_dict()[key]) for key, value in network.state_dict().items())


def test_other_tensors_are_left_out(tmp_path: Path, make_spec: MakeSpec) -> None:
    spec = make_spec()
    saved = _save(tmp_path / "x.ckpt", spec)
    content = torch.load(tmp_path / "x.ckpt", weights_only=True)
    content["state_dict"]["metric.confusion"] = torch.zeros(2)
    torch.save(content, tmp_path / "x.ckpt")
    assert load_checkpoint(tmp_path / "x.ckpt")[1].keys() == saved.state_dict().keys()


class Payload:
    """Pickled as a call of `Path.touch`: code, were it run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_code_is_refused_and_not_run(tmp_path: Path, make_spec: MakeSpec) -> None:
    _save(tmp_path / "x.ckpt", make_spec(), extra=Payload(tmp_path / "ran"))
    sentence = r"x.ckpt is refused: it is damaged, or holds code or objects, which are never run"
    with pytest.raises(FashionError, match=sentence):
        load_checkpoint(tmp_path / "x.ckpt")
    assert not (tmp_path / "ran").exists()


def test_files_that_are_none_of_ours(tmp_path: Path, make_spec: MakeSpec) -> None:
    path = tmp_path / "x.ckpt"
    with pytest.raises(FashionError, match=r"there is no checkpoint .*x.ckpt; a run's checkpoints are RUN_DIR"):
        load_checkpoint(path)
    with pytest.raises(FashionError, match="is a directory, not a checkpoint"):
        load_checkpoint(tmp_path)
    for content in (b"", b"hello", b"\x80\x02garbage"):
        path.write_bytes(content)
        with pytest.raises(FashionError, match=r"x.ckpt is not a torch file, or was cut short"):
            load_checkpoint(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.txt", "a")
    with pytest.raises(FashionError, match=r"x.ckpt cannot be read as a checkpoint"):
        load_checkpoint(path)
    torch.save(torch.zeros(3), path)
    with pytest.raises(FashionError, match="not a checkpoint of imatfashion"):
        load_checkpoint(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_file_cut_short(tmp_path: Path, make_spec: MakeSpec, share: float) -> None:
    path = tmp_path / "x.ckpt"
    _save(path, make_spec())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(FashionError, match="was cut short"):
        load_checkpoint(path)


def test_damaged_bytes_never_crash_differently(tmp_path: Path, make_spec: MakeSpec) -> None:
    path = tmp_path / "x.ckpt"
    _save(path, make_spec())
    content = bytearray(path.read_bytes())
    for place in range(0, 600, 7):  # the head of the archive, and the pickle in it
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        # Bytes that nobody reads may change; any other error than ours would end the test.
        with contextlib.suppress(FashionError):
            load_checkpoint(path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"hyper_parameters": {}}, "it has no model description"),
        ({"hyper_parameters": None}, "it has no model description"),
        ({"hyper_parameters": {"spec": 3}}, "it has no model description"),
        ({"hyper_parameters": {"spec": "{"}}, "x.ckpt: the model description is not JSON"),
        ({"hyper_parameters": {"spec": '{"version": 99}'}}, "x.ckpt: the checkpoint has format version 99"),
        ({"state_dict": 3}, "it has no model description"),
        ({"state_dict": {"other.weight": torch.zeros(1)}}, "no weights of its network"),
        ({"state_dict": {1: 2}}, "no weights of its network"),
    ],
)
def test_foreign_content(tmp_path: Path, make_spec: MakeSpec, change: dict[str, Any], sentence: str) -> None:
    _save(tmp_path / "x.ckpt", make_spec(), **change)
    with pytest.raises(FashionError, match=sentence):
        load_checkpoint(tmp_path / "x.ckpt")


def test_the_other_stage(tmp_path: Path, make_spec: MakeSpec) -> None:
    _save(tmp_path / "x.ckpt", make_spec())
    with pytest.raises(FashionError, match="checkpoint of stage=classes, here one of stage=attributes is needed"):
        load_checkpoint(tmp_path / "x.ckpt", stage="attributes")


def test_weights_that_do_not_fit_are_named_and_nothing_is_loaded(make_spec: MakeSpec) -> None:
    network = build_network(make_spec())
    before = {key: value.clone() for key, value in network.state_dict().items()}
    state = {key: torch.ones_like(value) for key, value in before.items()}
    key = "network.segmentation_head.0.bias"
    state["stranger"] = state.pop(key)
    state["network.segmentation_head.0.weight"] = torch.zeros(1)
    with pytest.raises(FashionError) as caught:
        load_state(network, state, "x.ckpt")
    assert str(caught.value) == (
        "the weights in x.ckpt do not fit the network: 1 missing (network.segmentation_head.0.bias); "
        "1 left over (stranger); 1 of another shape (network.segmentation_head.0.weight)"
    )
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
