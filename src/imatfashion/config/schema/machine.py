"""Where a run runs: devices, limits, dashboards, and what is done when something goes wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class GpuConfig:
    """The device and what follows from it; `null` is derived from the device, the stage and the resolution."""

    name: str = "auto"
    """`auto`, `cpu`, or the memory of the card: `8gb` … `141gb`."""
    memory_gb: float | None = None
    """Memory of one device, GB; `null` asks the device."""
    devices: int = 1
    """Devices of a machine; more than one need `run_dir`, and are started by torchrun, SLURM or this command alone."""
    nodes: int = 1
    """Machines, each running torchrun or a SLURM task per device."""
    per_device_batch: int | None = None
    """Photos a device holds at once."""
    precision: str | None = None
    """`32-true`, `16-mixed` or `bf16-mixed`."""
    channels_last: bool | None = None
    """Memory format of the network."""
    compile: bool | None = None
    """Compile the inner network."""
    sync_batchnorm: bool = False
    """Batch-norms see the photos of all devices; GPUs only."""


@dataclass
class PlatformConfig:
    """Limits of the place where this runs; `null` is no limit."""

    name: str = "local"
    """Name of the preset."""
    max_hours: float | None = None
    """Stop with a checkpoint before this many hours."""
    memory_gb: float | None = None
    """Memory of the machine, GB: loader processes are limited to fit; a run that nears it stops with a checkpoint."""
    max_files: int | None = None
    """Files a run may write: it is refused, or stops with a checkpoint, before it passes them."""
    output_gb: float | None = None
    """Disk that a run may fill, GB: it is refused, or stops with a checkpoint, before it passes it."""
    fork: bool = True
    """Whether loader processes may be started."""
    offline: bool = False
    """No network: weights and loggers must not ask for it."""


@dataclass
class LoggerConfig:
    """Dashboards; metrics.csv is always written."""

    tensorboard: bool = True
    """Write TensorBoard files into the run directory."""
    wandb: bool = False
    """Write a Weights & Biases run: offline unless the user is logged in."""
    project: str = "imatfashion"
    """wandb: project."""
    panels: int = 6
    """Photos on the picture panel of each epoch; 0 for none."""


@dataclass
class TrainerConfig:
    """What a run does when something goes wrong, and the search for its rate."""

    lr_find: bool = False
    """Train with rising rates for up to a hundred steps, draw the loss over the rate and suggest
    `schedule.rate_factor`; no run is trained."""
    on_nan: str = "stop"
    """A loss or gradient that is not finite: `stop` (with the last good state and the batch saved) or `skip` (leave out
    the step, save the first such batch, stop after 20 in a row)."""
    on_memory: str = "stop"
    """Out of memory: `stop` (and say which per-device batch fits) or `shrink` (go on from the last checkpoint with a
    smaller one and more accumulation; not the same run bit for bit)."""
