"""The sections `scale`, `embed`, `decode` and `head`: what surrounds the recurrence."""

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator

from forecaster.config.section import Section

ScaleKind = Literal["last", "mean", "none", "standard", "mean_abs", "instance", "seasonal", "cycle"]

_HEADS = "quantile, point, student_t, or for counts negative_binomial"


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
