"""The sections of a configuration.

None means that a value is detected: the workflow fills it in from the data, and the resolved config is saved beside
every result.
"""

from forecaster.config.config import FINE_TUNED, RECIPES, Config, Preset
from forecaster.config.data import DataConfig, Duplicates
from forecaster.config.model import (
    AutoArimaConfig,
    AutoConfig,
    AutoEtsConfig,
    AutoThetaConfig,
    CrostonConfig,
    DriftConfig,
    NaiveConfig,
    NetworkModel,
    PretrainedConfig,
    SeasonalNaiveConfig,
    StatisticalConfig,
    StatisticalModel,
    TsbConfig,
)
from forecaster.config.network import (
    ScaleKind,
)
from forecaster.config.training import Device, EnsembleConfig, TrainingConfig, Weigh

__all__ = [
    "FINE_TUNED",
    "RECIPES",
    "AutoArimaConfig",
    "AutoConfig",
    "AutoEtsConfig",
    "AutoThetaConfig",
    "Config",
    "CrostonConfig",
    "DataConfig",
    "Device",
    "DriftConfig",
    "Duplicates",
    "EnsembleConfig",
    "NaiveConfig",
    "NetworkModel",
    "Preset",
    "PretrainedConfig",
    "ScaleKind",
    "SeasonalNaiveConfig",
    "StatisticalConfig",
    "StatisticalModel",
    "TrainingConfig",
    "TsbConfig",
    "Weigh",
]
