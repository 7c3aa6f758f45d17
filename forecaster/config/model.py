"""The section `model`: a recurrent network, a model that is fitted to each series by itself, or `auto`."""

import functools
import operator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from forecaster.config.section import Section
from forecaster.model_table import MODELS

_CELLS, _RECIPES, _OTHERS = (
    ", ".join(model.name for model in MODELS if model.kind in kinds)
    for kinds in (("cell",), ("recipe",), ("pretrained", "baseline", "statistical"))
)
_MODELS = f"{_CELLS}, a recipe ({_RECIPES}), {_OTHERS}, or auto for the model that forecasts held-out folds best"


class NetworkModel(Section):
    """The settings that all recurrent networks share. A cell's further settings are arguments of its layer."""

    if TYPE_CHECKING:
        kind: str

    context: int | None = Field(None, ge=1, le=100_000, description="past steps that the network reads")
    hidden: int = Field(64, ge=1, le=65_536, description="hidden units per layer")
    layers: int = Field(1, ge=1, le=100, description="recurrent layers in the stack")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of units dropped in training, between and after layers")
    bidirectional: bool = Field(False, description="read the context in both directions")
    residual: bool = Field(False, description="add a layer's input to its output, if both have the same width")
    normalise: bool = Field(False, description="normalise the input of every layer but the first")
    dilation: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        None, description="for each layer, the number of segments between a state and its predecessor"
    )

    @property
    def cell_settings(self) -> dict[str, Any]:
        """The settings that only this cell has, by the names of its layer's arguments."""
        return {
            name: getattr(self, name)
            for name in type(self).model_fields.keys() - NetworkModel.model_fields.keys() - {"kind"}
        }

    @field_validator("dilation")
    @classmethod
    def _one_for_each_layer(cls, value: tuple[int, ...] | None, info: ValidationInfo) -> tuple[int, ...] | None:
        layers = info.data.get("layers", 0)
        if value is not None and layers and len(value) != layers:
            raise ValueError(f"needs one number for each of the {layers} layers")
        return value


class RnnConfig(NetworkModel):
    """Elman's recurrent network."""

    kind: Literal["rnn"] = Field("rnn", description=_MODELS)
    activation: Literal["tanh", "relu"] = "tanh"


class LstmConfig(NetworkModel):
    """Long short-term memory."""

    kind: Literal["lstm"] = Field("lstm", description=_MODELS)


class GruConfig(NetworkModel):
    """Gated recurrent unit."""

    kind: Literal["gru"] = Field("gru", description=_MODELS)


class MinGruConfig(NetworkModel):
    """Minimal GRU, whose gates depend on the input alone, so that all steps are computed at once."""

    kind: Literal["mingru"] = Field("mingru", description=_MODELS)


class MinLstmConfig(NetworkModel):
    """Minimal LSTM, whose gates depend on the input alone, so that all steps are computed at once."""

    kind: Literal["minlstm"] = Field("minlstm", description=_MODELS)


class SlstmConfig(NetworkModel):
    """LSTM with exponential gates."""

    kind: Literal["slstm"] = Field("slstm", description=_MODELS)


class PretrainedConfig(Section):
    """The network of the package, which was trained on other series."""

    kind: Literal["pretrained"] = Field("pretrained", description=_MODELS)
    weights: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="hash of the weights in the package; null for the newest"
    )


class NaiveConfig(Section):
    """The last value, repeated."""

    kind: Literal["naive"] = Field("naive", description=_MODELS)


class SeasonalNaiveConfig(Section):
    """The last season, repeated."""

    kind: Literal["seasonal_naive"] = Field("seasonal_naive", description=_MODELS)


class DriftConfig(Section):
    """The line from the first value to the last, continued."""

    kind: Literal["drift"] = Field("drift", description=_MODELS)


class StatisticalModel(Section):
    """The settings of models that `statsforecast` selects and fits for each series by itself."""

    history: int | None = Field(
        None,
        ge=1,
        description="last steps that the model reads; null for 500, or for three seasons if these are longer",
    )


class AutoEtsConfig(StatisticalModel):
    """Exponential smoothing; AICc selects error, trend and season."""

    kind: Literal["auto_ets"] = Field("auto_ets", description=_MODELS)


class AutoThetaConfig(StatisticalModel):
    """The best of four Theta models."""

    kind: Literal["auto_theta"] = Field("auto_theta", description=_MODELS)


class AutoArimaConfig(StatisticalModel):
    """Seasonal ARIMA; a stepwise search by AICc selects the orders."""

    kind: Literal["auto_arima"] = Field("auto_arima", description=_MODELS)


class CrostonConfig(Section):
    """Croston's method for intermittent demand; its smoothing parameters fit the history best."""

    kind: Literal["croston"] = Field("croston", description=_MODELS)


class TsbConfig(Section):
    """The method of Teunter, Syntetos and Babai for intermittent demand that may end."""

    kind: Literal["tsb"] = Field("tsb", description=_MODELS)
    size: float = Field(0.1, gt=0, le=1, description="smoothing parameter of the size of demands")
    probability: float = Field(0.1, gt=0, le=1, description="smoothing parameter of the probability of a demand")


class AutoConfig(Section):
    """The model that forecasts held-out folds best; resolving a config replaces `auto` by it."""

    kind: Literal["auto"] = Field("auto", description=_MODELS)


StatisticalConfig = AutoEtsConfig | AutoThetaConfig | AutoArimaConfig
IntermittentConfig = CrostonConfig | TsbConfig
LocalConfig = (
    PretrainedConfig | NaiveConfig | SeasonalNaiveConfig | DriftConfig | StatisticalConfig | IntermittentConfig
)
if TYPE_CHECKING:
    ModelConfig = NetworkModel | LocalConfig | AutoConfig
else:  # Every subclass of NetworkModel is a cell, so that a new one joins by being defined.
    _networks = functools.reduce(operator.or_, NetworkModel.__subclasses__())
    ModelConfig = Annotated[_networks | LocalConfig | AutoConfig, Field(discriminator="kind")]
