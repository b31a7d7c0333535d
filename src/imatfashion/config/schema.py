"""The schema of a training run: one dataclass a group, the meaning under each field.

Plain Python types only: the config is converted to these classes once, at the entry point.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from imatfashion.config.checks import check_config, check_predict_config


@dataclass
class StageConfig:
    """What is trained."""

    name: str = "classes"
    """`classes` (per-pixel class segmenter) or `attributes` (per-garment attribute classifier)."""
    dice_weight: float = 1.0
    """classes: weight of the region loss beside cross-entropy, which weighs 1."""
    region_loss: str = "dice"
    """classes: `dice`, `lovasz` (Lovász-Softmax, a surrogate of IoU) or `none`."""
    focal_gamma: float = 0.0
    """classes: a pixel's cross-entropy times (1 − p)^this, p the probability of its class; 0 weighs all alike."""
    label_smoothing: float = 0.0
    """classes: share of each pixel's target that is spread over all classes."""
    class_balance: float = 0.0
    """classes: cross-entropy of a pixel is weighed by its class's frequency to the power of −this; 1 is the inverse."""
    attribute_loss: str = "bce"
    """attributes: `bce`, `focal`, or `asymmetric` (focal for what a garment does not have, which is most)."""
    attribute_gamma: float | None = None
    """attributes: the focus of focal and asymmetric loss; `null` is 2 and 4."""
    attribute_margin: float = 0.05
    """attributes: asymmetric loss forgives probabilities up to this for what a garment does not have."""
    pooling: str = "garment"
    """attributes: `garment` pools features under each garment's mask, `image` over the whole photo (the notebooks')."""
    class_given: bool = True
    """attributes: the head knows the garment's class."""
    all_pairs: bool = False
    """attributes: also allow (class, attribute) pairs that the training data never has."""


@dataclass
class DataConfig:
    """Where the photos and their annotations are, and how they are split."""

    format: str = "auto"
    """`auto`, `imaterialist2019`, `imaterialist2020`, `coco` (Fashionpedia too), `pngs`, `submission` or `prepared`."""
    root: str = "???"
    """Folder of the data set."""
    annotations: str | None = None
    """Annotation file (or folder of index PNGs) below `root`; the format's usual name when not given."""
    photos: str | None = None
    """Folder of photos below `root`; the format's usual name when not given."""
    labels: str | None = None
    """Label file below `root`; the format's usual name when not given."""
    classes_from: str = "truth"
    """Whose garments are trained on: `truth`, or a table that predict.py wrote (`DIR.table`)."""
    val_fraction: float = 0.2
    """Share of the photos kept for validation, when neither `folds` nor `split_file` is given."""
    folds: int = 0
    """Number of folds; 0 for a single split."""
    fold: int = 0
    """Which fold is the validation split, 0 … folds − 1."""
    split_file: str | None = None
    """A text file of validation photo names, one a line, or a `split.json` that a run wrote."""
    group_by: str | None = None
    """Keep photos of one group on one side: a column of the annotation CSV, or a regex on the name (first group)."""
    near_duplicates: bool = True
    """Find near-identical photos and keep them on one side."""
    on_bad: str = "skip"
    """`skip` refuses bad records and lists them in refused.csv; `error` stops at the first."""
    unlabelled_attributes: str = "ignore"
    """A garment without attributes whose class can have them: `ignore` (unknown) or `negative` (has none)."""
    limit: int | None = None
    """Use at most this many photos of each split (for a trial)."""
    workers: int = -1
    """Loader processes; −1 derives them from the processors."""


@dataclass
class ModelConfig:
    """The network."""

    architecture: str = "unet"
    """Decoder over the backbone, a segmentation-models-pytorch name: unet, fpn, unetplusplus, …"""
    backbone: str = "resnet34"
    """Any timm backbone with feature maps; a leading `tu-` means the same."""
    weights: str = "imagenet"
    """`imagenet` (timm's hub), `none`, or a local FILE.safetensors under timm's names."""
    decoder_width: int = 256
    """Channels of the first decoder block; each later block has half."""
    decoder_floor: int = 32
    """Channels that no decoder block goes below: a last block much narrower than the classes learns slowly."""
    embedding: int = 256
    """attributes: channels of the garment embedding."""
    dropout: float = 0.1
    """attributes: dropout before the last layer."""
    freeze_norm: str = "none"
    """Batch-norms that keep their statistics, for small per-device batches: `none`, `encoder` or `all`."""


@dataclass
class AugmentConfig:
    """Random changes of the training samples."""

    flip: bool = True
    """Mirror left and right with probability ½."""
    scale: float = 0.1
    """Largest relative change of the crop's size: the crop covers 1 / (1 ± scale) of the view."""
    scale_min: float | None = None
    """With `scale_max`, in place of `scale`: the photo is shown at a random size from this …"""
    scale_max: float | None = None
    """… to this, at a random place; 0.5 and 2.0 are large-scale jitter."""
    shift: float = 0.05
    """Largest shift of the crop, as a share of its side."""
    rotate: float = 10.0
    """Largest rotation, degrees."""
    brightness: float = 0.2
    """Largest relative change of brightness."""
    contrast: float = 0.2
    """Largest relative change of contrast."""
    saturation: float = 0.0
    """Largest relative change of saturation."""
    hue: float = 0.0
    """Largest change of hue, as a share of the colour circle."""
    grey: float = 0.0
    """Probability that the colours are taken away."""
    blur: float = 0.0
    """Probability of a blur."""
    copy_paste: float = 0.0
    """Probability that garments of another training photo are pasted over the sample."""
    paste_most: int = 3
    """Most garments pasted over a sample, not counting the parts that lie on them."""
    probability: float = 0.75
    """Probability of each change other than the flip, grey, blur and copy-paste, which have their own."""


@dataclass
class Phase:
    """A stretch of the schedule."""

    epochs: float = 1.0
    """Length, epochs."""
    frozen: bool = False
    """The encoder's rate is 0."""
    max_rate: float = 1e-3
    """Peak learning rate of the decoder (one cycle a phase)."""


@dataclass
class ScheduleConfig:
    """Learning rates over the run: phases of one cycle each."""

    phases: list[Phase] = field(default_factory=lambda: [Phase(1.0, True, 1e-3), Phase(4.0, False, 1e-3)])
    """The phases, in order."""
    rate_factor: float = 1.0
    """Every phase's peak is multiplied by this: one number to search for."""
    encoder_ratio: float = 0.1
    """The encoder's rate as a share of the decoder's."""
    warmup: float = 0.25
    """Share of a phase in which the rate rises."""
    start_div: float = 25.0
    """The first rate of a phase is its peak divided by this."""
    final_div: float = 1e4
    """The last rate of a phase is its peak divided by this."""
    weight_decay: float = 0.01
    """AdamW's decoupled weight decay."""
    clip: float = 1.0
    """Largest gradient norm; 0 for no limit."""
    ema_decay: float = 0.0
    """Keep an average of the weights that forgets by this share a step, such as 0.999, to validate, save as best.ckpt
    and predict with; 0 for none."""


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
    """Train with rising rates for some hundred steps, draw the loss over the rate and suggest `schedule.rate_factor`;
    no run is trained."""
    on_nan: str = "stop"
    """A loss or gradient that is not finite: `stop` (with the last good state and the batch saved) or `skip` (leave out
    the step, save the first such batch, stop after 20 in a row)."""
    on_memory: str = "stop"
    """Out of memory: `stop` (and say which per-device batch fits) or `shrink` (go on from the last checkpoint with a
    smaller one and more accumulation; not the same run bit for bit)."""


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

    def validate(self, *, several: bool = False) -> None:
        """Refuse contradictions, see `imatfashion.config.checks`."""
        check_config(self, several=several)


@dataclass
class PredictConfig:
    """A prediction."""

    classes_ckpt: Any = "???"
    """Checkpoint of the class segmenter; or a list of them, whose probabilities are averaged; or a sweep directory of
    folds, see `folds`."""
    attributes_ckpt: Any = None
    """Checkpoint of the attribute classifier, or a list of them; without it no attribute is written."""
    folds: str = "own"
    """With a sweep directory: `own` (each fold's model predicts its own validation photos) or `ensemble` (all of them
    together predict every photo)."""
    tta: str = "none"
    """What is averaged beside the photo itself: `none`, or `flip` (the mirrored photo, in both stages)."""
    tta_scales: list[float] = field(default_factory=lambda: [1.0])
    """Sizes that the class segmenter looks at, as shares of its own; their probabilities are averaged."""
    aspect: str = "square"
    """What the class segmenter sees: `square` (as it was trained) or `own` (the photo's aspect, as many pixels)."""
    images: str = "???"
    """A folder, a glob, a text file of paths, or one photo."""
    output: str = "submission.csv"
    """The file to write; DIR.table for a prediction table, a folder for format=png."""
    format: str | None = None
    """`submission`, `coco`, `png` or `table`; from the ending of `output` when not given."""
    size: str = "grid"
    """`grid` (512 × 512, the competition's) or `photo` (each photo's own size)."""
    grid: int = 512
    """Side of the submission grid, pixels."""
    tuning: str | None = None
    """Post-processing by class and attribute, a JSON file; docs/PREDICTION.md has its form."""
    components: str = "auto"
    """One row a connected component: `auto` (classes that have several rows in a photo in training), `yes` or `no`."""
    min_area: int = 0
    """Drop garments of fewer pixels on the output grid."""
    threshold: float = 0.5
    """Probability from which an attribute is written."""
    overlap: str = "within_class"
    """`within_class` (garments of a class do not overlap), `none` (no garments overlap), or `parts` (with layers=1,
    parts belong to the garment that they lie on, too)."""
    overlays: str | None = None
    """Folder for a picture of each photo with its garments drawn over it."""
    shard: str | None = None
    """`i/n`: predict the i-th of n parts (0-based) and leave the merge to the last one."""
    batch_size: int = 8
    """Photos the network sees at once."""
    workers: int = -1
    """Threads that read photos and encode rows; −1 derives them from the processors."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda`."""
    precision: str | None = None
    """`32-true`, `16-mixed` or `bf16-mixed`; `null` is the mixed one that a GPU is best at, and `32-true` on a
    processor. Processors with bfloat16 units (AVX-512 BF16, AMX) predict faster with `bf16-mixed`."""
    progress: bool = True
    """Show a progress bar."""

    def validate(self, *, several: bool = False) -> None:
        """Refuse contradictions, see `imatfashion.config.checks`."""
        check_predict_config(self)
