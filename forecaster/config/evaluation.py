"""The sections `evaluation` and `conformal`: backtests, and the calibration of intervals."""

from typing import Literal

from pydantic import Field, field_validator

from forecaster.config.section import Section


class EvaluationConfig(Section):
    """The cutoffs of `forecast backtest` and `compare`, and the data that each may use."""

    folds: int | None = Field(
        None, ge=1, le=10_000, description="cutoffs per series, counted from its end; null for 5, or as many as fit"
    )
    stride: int | None = Field(None, ge=1, le=10_000_000, description="steps between two cutoffs; null for the horizon")
    refit: int = Field(
        0,
        ge=0,
        le=10_000,
        description="number of folds after which the model is fitted again; 0 to fit it once, before the first cutoff",
    )
    window: int | None = Field(
        None, ge=2, le=1_000_000_000, description="steps before each cutoff that the model may use; null for all"
    )


class ConformalConfig(Section):
    """The calibration of intervals, so that they cover their nominal share of the actuals."""

    kind: Literal["split", "off"] = Field(
        "split", description="split to calibrate intervals on held-out steps; off to keep the model's own"
    )

    @property
    def is_on(self) -> bool:
        return self.kind != "off"

    @field_validator("kind", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: object) -> object:
        return "off" if value is False else value  # YAML reads an unquoted off as a boolean.
