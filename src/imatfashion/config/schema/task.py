"""What is trained: task, network and learning rates."""

from __future__ import annotations

from dataclasses import dataclass, field


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
    loss_stride: int = 1
    """classes: training's loss is of every n-th row and column, which takes less time."""
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
class ModelConfig:
    """The network."""

    architecture: str = "unet"
    """Decoder over the backbone, a segmentation-models-pytorch name: unet, fpn, unetplusplus, …"""
    backbone: str = "resnet34"
    """Any timm backbone with feature maps; a leading `tu-` means the same."""
    weights: str = "imagenet"
    """`imagenet` (timm's hub), `none`, a local FILE.safetensors under timm's names, or the FILE.ckpt of a run of either
    stage, whose backbone is taken."""
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
