"""All of a training run."""

from __future__ import annotations

from dataclasses import dataclass, field

from imatfashion.config.checks import check_config
from imatfashion.config.schema.data import AugmentConfig, DataConfig
from imatfashion.config.schema.machine import GpuConfig, LoggerConfig, PlatformConfig, TrainerConfig
from imatfashion.config.schema.task import ModelConfig, ScheduleConfig, StageConfig
from imatfashion.config.size import sample_size


@dataclass
class Config:
    """A training run."""

    stage: StageConfig = field(default_factory=StageConfig)
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    gpu: GpuConfig = field(default_factory=GpuConfig)
    platform: PlatformConfig = field(default_factory=PlatformConfig)
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    resolution: int = 224
    """Side of the square that the network sees, pixels."""
    resize: str = "squash"
    """`squash` (aspect lost, the submission grid's way) or `pad` (aspect kept, padding ignored)."""
    aspect: float = 1.0
    """Height of what the network sees divided by its width, with about resolution² pixels; 2 with crop=garments suits
    standing people. Other ones than 1 need resize=squash."""
    crop: str = "photo"
    """What the network sees: the whole `photo`, or the part of it that its `garments` are in (predict.py then looks
    twice: at the photo, and closer at what it found)."""
    layers: int = 1
    """Label maps: 1 (one label a pixel) or 2 (garments, and the parts that lie on them)."""
    batch_size: int = 16
    """Effective batch: photos an optimizer step sees, over devices and accumulation."""
    seed: int = 0
    """Seed of the split, the initial weights, the order and the augmentation."""
    run_dir: str | None = None
    """Where the run is written; runs/STAGE-RESOLUTION-TIME when not given."""
    resume: str | None = None
    """A run directory to go on with, its own config kept."""
    init_from: str | None = None
    """A checkpoint whose weights the run starts from."""
    max_steps: int | None = None
    """Stop after this many optimizer steps (for a trial)."""
    checkpoint_minutes: float = 5.0
    """Minutes between two checkpoints inside an epoch: what a killed run loses at most."""
    progress: bool = True
    """Show a progress bar at a terminal, a line an epoch elsewhere."""
    check: bool = False
    """A dry run: a few batches through everything, the memory and time that the run would take, and pictures of what
    it would be trained on; no run is trained."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of what the network sees, pixels."""
        return sample_size(self.resolution, self.aspect)

    def validate(self, *, several: bool = False) -> None:
        """Refuse contradictions, see `imatfashion.config.checks`."""
        check_config(self, several=several)
