"""The sections of a configuration.

A value of None means "detect": the workflow fills it from the data, and the resolved config is saved beside every
result.
"""

import math
import re
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from forecaster.job import JobConfig
from forecaster.section import Section

Duplicates = Literal["error", "first", "last", "mean", "sum"]
ScaleKind = Literal["last", "mean", "none", "standard", "mean_abs", "instance", "seasonal", "cycle"]
Recipe = Literal["segrnn", "deepar"]
Preset = Literal["fast", "default", "best"] | Recipe
RECIPES: tuple[Recipe, ...] = get_args(Recipe)


_MODELS = (
    "gru, lstm, rnn, mingru, minlstm, slstm, a recipe (segrnn, deepar), naive, seasonal_naive, drift,"
    " auto_ets, auto_theta, auto_arima, or auto: what forecasts held-out folds best"
)
_HEADS = "quantile, point, student_t, or for counts negative_binomial"


class DataConfig(Section):
    """Which table, and which of its columns is what."""

    path: str | None = Field(None, description="CSV, Parquet, folder or glob; `-` is standard input; or a SQL URL")
    query: str | None = Field(None, description="SQL query that gives the table, where the path is a SQL URL")
    time: str | None = Field(None, description="column of timestamps; `none` where the table has none")
    target: tuple[str, ...] | None = Field(None, description="columns to forecast")
    id: str | None = Field(None, description="column that names the series of a long table")
    freq: str | None = Field(None, description="pandas alias (D, h, 15min, W, MS, QE), `B`, `trading` or `integer`")
    season: int | None = Field(None, ge=1, description="steps in a season, 1 for none")
    horizon: int | None = Field(None, ge=1, le=100_000, description="steps to forecast")
    duplicates: Duplicates = Field("error", description="what to do with differing rows for one timestamp")
    past: tuple[str, ...] = Field((), description="columns that help to forecast, observed as the target is")
    known: tuple[str, ...] = Field((), description="columns that are known for the steps to forecast, too")
    static: tuple[str, ...] = Field((), description="columns that do not change within a series")
    categories: dict[str, tuple[str, ...]] | None = Field(
        None, description="values that columns of text are told apart by"
    )
    calendar: bool | None = Field(None, description="features of the calendar: hour, weekday, season of the year")
    holidays: str | None = Field(None, description="country whose holidays matter, such as DE or DE-BY")
    minimum: float | None = Field(None, description="forecasts are never below it")
    maximum: float | None = Field(None, description="forecasts are never above it")
    integer: bool = Field(False, description="forecasts are whole numbers")

    @field_validator("target", "past", "known", "static", mode="before")
    @classmethod
    def _names_with_commas(cls, value: object) -> object:
        return [name.strip() for name in value.split(",")] if isinstance(value, str) else value

    @field_validator("maximum")
    @classmethod
    def _leaves_room_above_the_minimum(cls, value: float | None, info: ValidationInfo) -> float | None:
        minimum = info.data.get("minimum")
        if value is not None and minimum is not None and value < minimum:
            raise ValueError(f"no target is at most this and at least data.minimum {minimum:g}")
        return value

    @field_validator("integer")
    @classmethod
    def _has_a_whole_number_within_the_bounds(cls, value: bool, info: ValidationInfo) -> bool:
        low, high = info.data.get("minimum"), info.data.get("maximum")
        if value and low is not None and high is not None and math.ceil(low) > math.floor(high):
            raise ValueError(f"there is no whole number from data.minimum {low:g} to data.maximum {high:g}")
        return value

    @field_validator("past", "known", "static", mode="before")
    @classmethod
    def _none_is_empty(cls, value: object) -> object:
        return () if value is None else value


class NetworkModel(Section):
    """What all recurrent networks share."""

    context: int | None = Field(None, ge=1, description="past steps that the network reads")
    hidden: int = Field(64, ge=1, description="hidden units a layer")
    layers: int = Field(1, ge=1, description="recurrent layers, one on top of the other")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of units left out in training, between and after layers")
    bidirectional: bool = Field(False, description="read the context both ways")
    residual: bool = Field(False, description="add to a layer's output what it read, where both are equally wide")
    normalise: bool = Field(False, description="normalise what each layer but the lowest reads")
    dilation: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        None, description="for each layer, how many segments back the state comes from that it goes on from"
    )

    @field_validator("dilation")
    @classmethod
    def _one_for_each_layer(cls, value: tuple[int, ...] | None, info: ValidationInfo) -> tuple[int, ...] | None:
        layers = info.data.get("layers", 0)
        if value is not None and layers and len(value) != layers:
            raise ValueError(f"one number for each layer is needed, {layers} in all")
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
    """Minimal GRU: gates that see the input alone, all steps solved at once."""

    kind: Literal["mingru"] = Field("mingru", description=_MODELS)


class MinLstmConfig(NetworkModel):
    """Minimal LSTM: gates that see the input alone, all steps solved at once."""

    kind: Literal["minlstm"] = Field("minlstm", description=_MODELS)


class SlstmConfig(NetworkModel):
    """LSTM with exponential gates."""

    kind: Literal["slstm"] = Field("slstm", description=_MODELS)


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
    """What models share that `statsforecast` chooses and fits for each series by itself."""

    history: int | None = Field(
        None, ge=1, description="last steps that are read; null for 500, or three seasons where these are longer"
    )


class AutoEtsConfig(StatisticalModel):
    """Exponential smoothing, its error, trend and season chosen by AICc."""

    kind: Literal["auto_ets"] = Field("auto_ets", description=_MODELS)


class AutoThetaConfig(StatisticalModel):
    """The best of four Theta models."""

    kind: Literal["auto_theta"] = Field("auto_theta", description=_MODELS)


class AutoArimaConfig(StatisticalModel):
    """ARIMA with seasons, its orders chosen stepwise by AICc."""

    kind: Literal["auto_arima"] = Field("auto_arima", description=_MODELS)


class AutoConfig(Section):
    """What forecasts held-out folds best; resolving a config puts the model that was chosen in its place."""

    kind: Literal["auto"] = Field("auto", description=_MODELS)


NetworkConfig = RnnConfig | LstmConfig | GruConfig | MinGruConfig | MinLstmConfig | SlstmConfig
StatisticalConfig = AutoEtsConfig | AutoThetaConfig | AutoArimaConfig
LocalConfig = NaiveConfig | SeasonalNaiveConfig | DriftConfig | StatisticalConfig
ModelConfig = Annotated[NetworkConfig | LocalConfig | AutoConfig, Field(discriminator="kind")]


class ScaleConfig(Section):
    """How each window is brought to one size before the network sees it, and back after."""

    kind: ScaleKind | Literal["auto"] = Field(
        "last", description=f"{', '.join(get_args(ScaleKind))}, or auto: the best of them on the validation tail"
    )
    log: bool = Field(False, description="scale the logarithm; for positive data alone")

    @model_validator(mode="after")
    def _logarithms_have_a_location(self) -> "ScaleConfig":
        if self.log and self.kind == "mean_abs":
            raise ValueError("scale.log turns a unit into a location, and kind mean_abs has none to subtract")
        return self


class EmbedConfig(Section):
    """How many steps the recurrence takes at once, and how it knows the series."""

    width: int | None = Field(None, ge=1, description="steps in a segment; 1 reads step by step")
    identity: int = Field(0, ge=0, description="width of a learnt vector a series; 0 for none")


class DecodeConfig(Section):
    """How what was read of the context becomes the steps of the horizon."""

    kind: Literal["direct", "parallel", "recursive"] = Field(
        "parallel", description="each step by its own weights, each segment by one step of the recurrence, or fed back"
    )
    skip: tuple[int, ...] | None = Field(None, description="lags whose values are copied ahead as far as trusted")
    lags: tuple[int, ...] | None = Field(None, description="lags whose values a recursive network also reads")
    paths: int = Field(200, ge=20, description="futures that a recursive network draws")

    @field_validator("skip", "lags", mode="after")
    @classmethod
    def _steps_back(cls, lags: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if lags and min(lags) < 1:
            raise ValueError("a lag is at least 1 step")
        return lags


Weigh = Literal["evenly", "relative"]


class PointConfig(Section):
    """One value a step; quantiles from what it misses on held-out windows."""

    kind: Literal["point"] = Field("point", description=_HEADS)
    loss: Literal["mse", "mae", "huber"] = Field("mae", description="aims at the mean, the median, or between them")
    delta: float = Field(1.0, gt=0, description="scaled units from where the Huber loss grows in proportion")


class QuantileConfig(Section):
    """Quantiles by the pinball loss."""

    kind: Literal["quantile"] = Field("quantile", description=_HEADS)


class StudentTConfig(Section):
    """Student's t distribution: a bell with heavy tails."""

    kind: Literal["student_t"] = Field("student_t", description=_HEADS)


class NegativeBinomialConfig(Section):
    """The negative binomial distribution of counts."""

    kind: Literal["negative_binomial"] = Field("negative_binomial", description=_HEADS)


HeadConfig = Annotated[
    PointConfig | QuantileConfig | StudentTConfig | NegativeBinomialConfig, Field(discriminator="kind")
]

# scales without a location, under which 0 stays 0, and those still to be chosen
_SCALES_OF_COUNTS = ("mean_abs", "auto", None)


class TrainingConfig(Section):
    """How the network learns."""

    steps: int = Field(1000, ge=1, description="optimizer steps at most")
    batch: int = Field(256, ge=1, description="windows a step")
    learning_rate: float = Field(0.002, gt=0, description="peak of the one-cycle schedule")
    weight_decay: float = Field(0.0001, ge=0, description="pull of the weights towards 0, against overfitting")
    clip: float | None = Field(1.0, gt=0, description="longest gradient norm; null for none")
    truncate: int | None = Field(None, ge=1, description="recurrence steps that gradients go back; null for all")
    validate_every: int = Field(50, ge=1, description="steps between two looks at the validation tail")
    patience: int = Field(20, ge=1, description="looks without a better one before training stops")
    schedule: Literal["one_cycle", "cosine", "constant"] = Field("one_cycle", description="course of the learning rate")
    draw: Literal["windows", "series"] = Field("series", description="evenly over all windows, or over the series")
    weigh: Weigh = Field("evenly", description="windows count the same, or by their scale relative to their size")
    budget: float | None = Field(None, gt=0, description="seconds that training may take in all, or 30s, 5m, 1h")
    refit: bool = Field(True, description="train again on everything once the network is judged")
    refit_steps: int | None = Field(None, ge=1, description="steps of that; null for as many as were found best")
    seed: int = Field(0, ge=0, lt=2**63, description="of all random numbers")
    threads: int = Field(1, ge=1, description="processor threads a network; a second one suffers from busy neighbours")

    @field_validator("budget", mode="before")
    @classmethod
    def _durations(cls, value: object) -> object:
        match = re.fullmatch(r"([\d.]+) ?([smh])", value) if isinstance(value, str) else None
        return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]] if match else value


class EnsembleConfig(Section):
    """Several models, combined by the median of their quantiles."""

    seeds: int = Field(1, ge=1, description="networks of each variant, each with a seed of its own")
    variants: tuple[dict[str, dict[str, Any]], ...] = Field(
        (), description="sections that replace parts of the config, one a variant"
    )
    workers: int | None = Field(
        None, ge=1, description="networks trained side by side; null for as many as there are cores for"
    )


class EvaluationConfig(Section):
    """Which cutoffs `forecast backtest` and `compare` forecast from, and what each may see."""

    folds: int | None = Field(
        None, ge=1, description="cutoffs a series, counted from its end; null for 5, or as many as fit"
    )
    stride: int | None = Field(None, ge=1, description="steps between two cutoffs; null for the horizon")
    refit: int = Field(0, ge=0, description="folds that share a fit; 0: all, fitted on what precedes the first cutoff")
    window: int | None = Field(None, ge=2, description="latest steps before a cutoff that may be seen; null for all")


class ConformalConfig(Section):
    """How intervals are brought to hold as much as they say."""

    kind: Literal["split", "off"] = Field(
        "split", description="split: by how much they held of steps that taught nothing; off: as the model gives them"
    )

    @property
    def is_on(self) -> bool:
        return self.kind != "off"

    @field_validator("kind", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: object) -> object:
        return "off" if value is False else value  # YAML takes it for a boolean


class Config(Section):
    """Everything that decides a result, beside the data."""

    preset: Preset = Field("default", description="the recipe that fills what nothing else sets")

    data: DataConfig = DataConfig()
    model: ModelConfig = GruConfig()
    scale: ScaleConfig = ScaleConfig()
    embed: EmbedConfig = EmbedConfig()
    head: HeadConfig = QuantileConfig()
    decode: DecodeConfig = DecodeConfig()
    training: TrainingConfig = TrainingConfig()
    ensemble: EnsembleConfig = EnsembleConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    conformal: ConformalConfig = ConformalConfig()
    job: JobConfig | None = None

    @property
    def name(self) -> str:
        """What tables, metrics and folders call the model: its recipe, else its cell or baseline; each of a mixture."""
        is_recipe = self.preset in RECIPES and isinstance(self.model, NetworkModel)
        own = self.preset if is_recipe else self.model.kind
        return "+".join(dict.fromkeys(variant.get("model", {}).get("kind", own) for variant in self.variants))

    @property
    def variants(self) -> tuple[dict[str, Any], ...]:
        """What the ensemble's members change of the config, one that changes nothing where there is no ensemble.

        Those that only set what a network has do not go with any other model.
        """
        variants = self.ensemble.variants
        if not isinstance(self.model, NetworkModel):
            variants = tuple(variant for variant in variants if "kind" in variant.get("model", {}))
        return variants or ({},)

    @model_validator(mode="after")
    def _truncation_reads_one_way(self) -> "Config":
        if self.training.truncate and getattr(self.model, "bidirectional", False):
            raise ValueError(
                "training.truncate cannot cut a bidirectional network: its state also comes from the future"
            )
        return self

    @model_validator(mode="after")
    def _recursion_can_go_on(self) -> "Config":
        if self.decode.kind != "recursive":
            return self
        misfits = {
            "model.bidirectional": getattr(self.model, "bidirectional", False),
            "model.dilation": getattr(self.model, "dilation", None),
            "training.truncate": self.training.truncate,
            "head.kind point": self.head.kind == "point",
            f"scale.kind {self.scale.kind}": self.scale.kind in ("seasonal", "cycle"),
        }
        for name, is_set in misfits.items():
            if is_set:
                raise ValueError(f"decode.kind recursive does not go with {name}")
        return self

    @model_validator(mode="after")
    def _counts_keep_their_zero(self) -> "Config":
        is_chosen = "kind" in self.scale.model_fields_set  # what is not, resolving will choose
        if self.head.kind == "negative_binomial" and is_chosen and self.scale.kind not in _SCALES_OF_COUNTS:
            raise ValueError(
                "head.kind negative_binomial needs scale.kind mean_abs, which leaves 0 where it is, "
                f"got {self.scale.kind!r}"
            )
        return self
