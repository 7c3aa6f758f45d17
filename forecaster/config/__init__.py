"""The sections of a configuration.

None means that a value is detected: the workflow fills it in from the data, and the resolved config is saved beside
every result.
"""

from forecaster.config.data import DataConfig, Duplicates
from forecaster.config.evaluation import ConformalConfig, EvaluationConfig
from forecaster.config.job import JobConfig
from forecaster.config.model import (
    AutoArimaConfig,
    AutoConfig,
    AutoEtsConfig,
    AutoThetaConfig,
    DriftConfig,
    GruConfig,
    LocalConfig,
    LstmConfig,
    MinGruConfig,
    MinLstmConfig,
    ModelConfig,
    NaiveConfig,
    NetworkModel,
    RnnConfig,
    SeasonalNaiveConfig,
    SlstmConfig,
    StatisticalConfig,
    StatisticalModel,
)
from forecaster.config.network import (
    DecodeConfig,
    EmbedConfig,
    HeadConfig,
    NegativeBinomialConfig,
    PointConfig,
    QuantileConfig,
    ScaleConfig,
    ScaleKind,
    StudentTConfig,
)
from forecaster.config.training import Device, EnsembleConfig, TrainingConfig, Weigh
from forecaster.config.whole import RECIPES, Config, Preset, Recipe

__all__ = [
    "RECIPES",
    "AutoArimaConfig",
    "AutoConfig",
    "AutoEtsConfig",
    "AutoThetaConfig",
    "Config",
    "ConformalConfig",
    "DataConfig",
    "DecodeConfig",
    "Device",
    "DriftConfig",
    "Duplicates",
    "EmbedConfig",
    "EnsembleConfig",
    "EvaluationConfig",
    "GruConfig",
    "HeadConfig",
    "JobConfig",
    "LocalConfig",
    "LstmConfig",
    "MinGruConfig",
    "MinLstmConfig",
    "ModelConfig",
    "NaiveConfig",
    "NegativeBinomialConfig",
    "NetworkModel",
    "PointConfig",
    "Preset",
    "QuantileConfig",
    "Recipe",
    "RnnConfig",
    "ScaleConfig",
    "ScaleKind",
    "SeasonalNaiveConfig",
    "SlstmConfig",
    "StatisticalConfig",
    "StatisticalModel",
    "StudentTConfig",
    "TrainingConfig",
    "Weigh",
]
