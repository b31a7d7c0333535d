"""What both stages share: optimizer, rates, seeding, transfer and normalisation.

A subclass says `monitor`, and overrides the two steps; nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Self

import pytorch_lightning as pl
import torch
from timm.layers.norm_act import convert_sync_batchnorm
from torch import Tensor, nn

from imatfashion.config.schema import ScheduleConfig
from imatfashion.data.collate import Batch
from imatfashion.models.normalise import Normalise
from imatfashion.models.spec import ModelSpec, build_network
from imatfashion.tasks.schedule import Schedule


class FashionTask(pl.LightningModule):
    """A LightningModule around a plain network.

    Args:
        spec: what the network is, as the JSON string that `ModelSpec.to_json` writes; the only hyper-parameter kept
            in a checkpoint, which alone suffices to predict.
        schedule: rates over the run; not needed to load a checkpoint.
        weights: `none`, `imagenet` or a file, the backbone's first weights.
        network: a network of your own with the same inputs and outputs, instead of the spec's.
        seed: seed of what is random inside the network (dropout).
        channels_last: memory format of the network and the images.
        compile_network: compile the inner network.
        freeze_norm: `none`, `encoder` or `all`: batch-norms that stay in evaluation mode, their statistics fixed.
        sync_batchnorm: batch-norms see the photos of all processes.
    """

    monitor: ClassVar[str]
    mode: ClassVar[str] = "max"

    def __init__(
        self,
        spec: str,
        *,
        schedule: ScheduleConfig | None = None,
        weights: str = "none",
        network: nn.Module | None = None,
        seed: int = 0,
        channels_last: bool = False,
        compile_network: bool = False,
        freeze_norm: str = "none",
        sync_batchnorm: bool = False,
    ) -> None:
        super().__init__()
        self.save_hyperparameters({"spec": spec})
        self.spec = ModelSpec.from_json(spec)
        self.schedule_config = schedule or ScheduleConfig()
        self.seed = seed
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.network = network if network is not None else build_network(self.spec, weights)
        if sync_batchnorm:
            # timm's: torch's own drops the activation that timm's norms carry.
            self.network = convert_sync_batchnorm(self.network)  # type: ignore[no-untyped-call]
        self.network.to(memory_format=self.memory_format)
        self.freeze_norm = freeze_norm
        self.train()
        if compile_network:
            # In place: the state dict keeps its plain names.
            self.network.compile()
        self._normalise = Normalise(self.spec)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of everything but the frozen batch-norms."""
        super().train(mode)
        for module in frozen_norms(self.network, self.freeze_norm):
            module.eval()
        return self

    def normalize(self, image_BCHW: Tensor) -> Tensor:
        """Images uint8 (B, 3, H, W) → float32, normalised, on this device."""
        normalised: Tensor = self._normalise(image_BCHW)
        return normalised.contiguous(memory_format=self.memory_format)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW over four groups: encoder and rest, with and without decay; all there from the first step."""
        encoder = {id(parameter) for parameter in self.network.encoder_parameters()}  # type: ignore[operator]
        groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
        for parameter in self.network.parameters():
            # Norm scales and biases are not decayed, as is customary (timm's rule: one-dimensional).
            groups.setdefault((id(parameter) in encoder, parameter.ndim > 1), []).append(parameter)
        decay = self.schedule_config.weight_decay
        return torch.optim.AdamW(
            [
                {"params": parameters, "encoder": is_encoder, "weight_decay": decay if decayed else 0.0, "lr": 0.0}
                for (is_encoder, decayed), parameters in sorted(groups.items())
            ],
            # Not False, which keeps torch from taking all parameters at once on a GPU.
            fused=self._fused or None,
        )

    @property
    def _fused(self) -> bool:
        return _can_be_fused(self.device, str(getattr(self._trainer, "precision", None)))

    def on_train_start(self) -> None:
        """Choose the optimizer's kernels anew: a state that was loaded brings those of the run that saved it."""
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, torch.optim.Optimizer)
        choose_kernels(optimizer, fused=self._fused)

    def on_fit_start(self) -> None:
        """Build the schedule, now that the length of an epoch is known."""
        self.schedule = Schedule.build(self.schedule_config, self.trainer.datamodule.steps_per_epoch)  # type: ignore[attr-defined]

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Set the rates of this step, and seed it: both depend on the step alone, so that resuming repeats them."""
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, torch.optim.Optimizer)
        for group in optimizer.param_groups:
            group["lr"] = self.schedule.rate(self.global_step, encoder=group["encoder"])
        # The largest seed that torch takes is 2 ** 64 - 1.
        torch.manual_seed(((self.seed * 1_000_003 + self.current_epoch) * 1_000_003 + batch_idx) % 2**64)
        # Logged at the start, since the step's checkpoint, which has its figures, is written before the module's turn.
        for name, encoder in (("encoder", True), ("decoder", False)):
            self.log(f"lr/{name}", self.schedule.rate(self.global_step, encoder=encoder), on_step=True)

    def log_losses(self, losses: dict[str, Tensor], prefix: str, size: int) -> None:
        """Log losses under `train/…` or `val/…`."""
        values = {f"{prefix}/{name}": value.detach() for name, value in losses.items()}
        self.log_dict(values, on_step=prefix == "train", on_epoch=prefix == "val", batch_size=size, sync_dist=True)


def choose_kernels(optimizer: torch.optim.Optimizer, *, fused: bool) -> None:
    """Set how an AdamW steps, whatever a loaded state says, and put its counts of steps where that wants them.

    Args:
        optimizer: what steps.
        fused: one kernel for all; otherwise torch chooses.
    """
    for group in optimizer.param_groups:
        group["fused"], group["foreach"] = fused or None, None
    for parameter, state in optimizer.state.items():
        if "step" in state:
            state["step"] = state["step"].to(parameter.device if fused else "cpu")


def _can_be_fused(device: torch.device, precision: str) -> bool:
    """Whether the optimizer's fused kernel is of use and allowed.

    Lightning clips no gradients for a fused optimizer under mixed precision: it takes it for one that unscales them
    itself, with bfloat16 too, where nothing is scaled.
    """
    return device.type == "cuda" and not precision.endswith("-mixed")


def frozen_norms(network: nn.Module, which: str) -> Iterator[nn.Module]:
    """The batch-norms that keep their statistics.

    Args:
        network: has `encoder_parameters()`.
        which: `none`, `encoder` (those whose scale is one of the encoder's parameters) or `all`.
    """
    if which == "none":
        return
    encoder = {id(parameter) for parameter in network.encoder_parameters()}  # type: ignore[operator]
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.SyncBatchNorm) and (
            which == "all" or (which == "encoder" and id(module.weight) in encoder)
        ):
            yield module
