"""The sections `training` and `ensemble`: how networks learn."""

from typing import Any, Literal

from pydantic import Field, field_validator

from forecaster.config.section import Section
from forecaster.durations import parse_duration

Weigh = Literal["evenly", "relative"]
Device = Literal["auto", "cpu", "cuda"]


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
    device: Device = Field(
        "auto", description="where networks learn: auto takes a CUDA GPU if there is one, else the cpu"
    )
    threads: int = Field(1, ge=1, description="processor threads a network; a second one suffers from busy neighbours")

    @field_validator("budget", mode="before")
    @classmethod
    def _durations(cls, value: object) -> object:
        return parse_duration(value) if isinstance(value, str) and value[-1:].isalpha() else value


class EnsembleConfig(Section):
    """Several models, combined by the median of their quantiles."""

    seeds: int = Field(1, ge=1, description="networks of each variant, each with a seed of its own")
    variants: tuple[dict[str, dict[str, Any]], ...] = Field(
        (), description="sections that replace parts of the config, one a variant"
    )
    workers: int | None = Field(
        None,
        ge=1,
        description="networks trained side by side, of an ensemble or several folds; null for one a core, on a GPU 1",
    )
