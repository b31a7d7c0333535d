"""The fused optimizer, where gradients can still be clipped."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from pytorch_lightning.plugins.precision import MixedPrecision, Precision

from imatfashion.tasks.base import _can_be_fused, choose_kernels


@pytest.mark.parametrize(
    ("precision", "plugin"),
    [
        ("32-true", Precision()),
        ("bf16-mixed", MixedPrecision("bf16-mixed", "cpu")),
        ("16-mixed", MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu"))),
    ],
    ids=["32-true", "bf16-mixed", "16-mixed"],
)
def test_fused_on_a_gpu_exactly_where_lightning_clips_it(precision: str, plugin: Precision) -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    weight.grad = torch.full((3,), 10.0)
    # torch has the fused kernel on processors too, so that Lightning's word can be had without a GPU.
    optimizer = torch.optim.AdamW([weight], fused=True)
    refused = "" if precision == "32-true" else "does not allow for gradient clipping"
    with pytest.raises(RuntimeError, match=refused) if refused else nullcontext():
        plugin.clip_gradients(optimizer, 1.0)
    assert _can_be_fused(torch.device("cuda"), precision) == (not refused)
    assert not _can_be_fused(torch.device("cpu"), precision)


@pytest.mark.parametrize("fused", [True, False])
def test_a_loaded_state_steps_by_the_kernels_of_this_run(fused: bool) -> None:
    def optimizer(kernel: bool) -> torch.optim.AdamW:
        weight = torch.nn.Parameter(torch.ones(3))
        weight.grad = torch.full((3,), 10.0)
        return torch.optim.AdamW([weight], fused=kernel)

    before, after = optimizer(not fused), optimizer(fused)
    before.step()
    after.load_state_dict(before.state_dict())
    assert after.param_groups[0]["fused"] is not fused
    choose_kernels(after, fused=fused)
    assert after.param_groups[0]["fused"] == (fused or None)
    after.step()
    (state,) = after.state.values()
    assert state["step"] == 2
