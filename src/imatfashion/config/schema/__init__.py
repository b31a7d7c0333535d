"""The schema of a training run and of a prediction: one dataclass a group, the meaning under each field.

Plain Python types only: the config is converted to these classes once, at the entry point.
"""

from imatfashion.config.schema.data import AugmentConfig, DataConfig
from imatfashion.config.schema.machine import GpuConfig, LoggerConfig, PlatformConfig, TrainerConfig
from imatfashion.config.schema.predict import PredictConfig
from imatfashion.config.schema.task import ModelConfig, Phase, ScheduleConfig, StageConfig
from imatfashion.config.schema.train import Config

__all__ = [
    "AugmentConfig",
    "Config",
    "DataConfig",
    "GpuConfig",
    "LoggerConfig",
    "ModelConfig",
    "Phase",
    "PlatformConfig",
    "PredictConfig",
    "ScheduleConfig",
    "StageConfig",
    "TrainerConfig",
]
