"""The sections `evaluation` and `conformal`: how forecasts are judged, and their intervals made honest."""

from typing import Literal

from pydantic import Field, field_validator

from forecaster.config.section import Section


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
