"""The sections `scale`, `embed`, `decode` and `head`: the parts of a network around its recurrence."""

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator

from forecaster.config.section import Section

ScaleKind = Literal["last", "mean", "none", "standard", "mean_abs", "instance", "seasonal", "cycle"]

_HEADS = "quantile, point, student_t, or for counts negative_binomial"


class ScaleConfig(Section):
    """The normalisation of each window before the network reads it, and its inverse."""

    kind: ScaleKind | Literal["auto"] = Field(
        "last", description=f"{', '.join(get_args(ScaleKind))}, or auto for the best of them on the validation tail"
    )
    log: bool = Field(False, description="scale the logarithm; for positive data only")

    @model_validator(mode="after")
    def _logarithms_have_a_location(self) -> "ScaleConfig":
        if self.log and self.kind == "mean_abs":
            raise ValueError("scale.log needs a scale that subtracts a location, and kind mean_abs subtracts none")
        return self


class EmbedConfig(Section):
    """The input of the recurrence: the steps in a segment, and the identity of the series."""

    width: int | None = Field(None, ge=1, le=100_000, description="steps in a segment; 1 to read step by step")
    identity: int = Field(0, ge=0, le=65_536, description="size of a learned vector per series; 0 for none")


class DecodeConfig(Section):
    """The decoder, which turns the state after the context into the steps of the horizon."""

    kind: Literal["direct", "parallel", "recursive"] = Field(
        "parallel",
        description="direct: weights per step; parallel: a recurrence step per segment; recursive: forecasts fed back",
    )
    skip: tuple[int, ...] | None = Field(
        None, description="seasonal lags whose past values are copied into the horizon, weighted by a learned gate"
    )
    lags: tuple[int, ...] | None = Field(None, description="lags whose past values a recursive network also reads")
    paths: int = Field(200, ge=20, le=10_000, description="futures that a recursive network samples")

    @field_validator("skip", "lags", mode="after")
    @classmethod
    def _steps_back(cls, lags: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if lags and min(lags) < 1:
            raise ValueError("a lag is at least 1 step")
        return lags


class PointConfig(Section):
    """One value per step; its quantiles are those of the residuals on held-out windows."""

    kind: Literal["point"] = Field("point", description=_HEADS)
    loss: Literal["mse", "mae", "huber"] = Field(
        "mae", description="mse for the mean, mae for the median, huber for a compromise"
    )
    delta: float = Field(1.0, gt=0, description="error in scaled units above which the Huber loss is linear")


class QuantileConfig(Section):
    """Quantiles trained with the pinball loss."""

    kind: Literal["quantile"] = Field("quantile", description=_HEADS)


class StudentTConfig(Section):
    """Student's t distribution, which has heavy tails."""

    kind: Literal["student_t"] = Field("student_t", description=_HEADS)


class NegativeBinomialConfig(Section):
    """The negative binomial distribution of counts."""

    kind: Literal["negative_binomial"] = Field("negative_binomial", description=_HEADS)


HeadConfig = Annotated[
    PointConfig | QuantileConfig | StudentTConfig | NegativeBinomialConfig, Field(discriminator="kind")
]
