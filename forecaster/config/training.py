"""The sections `training` and `ensemble`: the training of networks."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from forecaster.config.section import Section
from forecaster.durations import parse_duration

Weigh = Literal["evenly", "relative"]
Device = Literal["auto", "cpu", "cuda"]


class TrainingConfig(Section):
    """The training of a network."""

    start: Literal["pretrained"] | None = Field(
        None,
        description="pretrained to fine-tune model.kind pretrained; null to use it as it is, and for all other models",
    )
    steps: int = Field(1000, ge=1, description="maximum number of optimizer steps")
    batch: int = Field(256, ge=1, description="windows per step")
    learning_rate: float = Field(0.002, gt=0, description="peak of the one-cycle schedule")
    weight_decay: float = Field(0.0001, ge=0, description="decay of the weights towards 0, against overfitting")
    clip: float | None = Field(1.0, gt=0, description="maximum norm of the gradient; null for no clipping")
    truncate: int | None = Field(
        None, ge=1, description="recurrence steps of backpropagation through time; null for all"
    )
    validate_every: int = Field(50, ge=1, description="steps between two evaluations on the validation tail")
    patience: int = Field(20, ge=1, description="evaluations without an improvement before training stops")
    schedule: Literal["one_cycle", "cosine", "constant"] = Field(
        "one_cycle", description="schedule of the learning rate"
    )
    draw: Literal["windows", "series"] = Field(
        "series", description="sample windows uniformly, or series uniformly and then a window"
    )
    weigh: Weigh = Field("evenly", description="weight windows equally, or by their scale relative to their level")
    budget: float | None = Field(
        None, gt=0, description="time limit for the whole training, in seconds or as 30s, 5m, 1h; null for none"
    )
    refit: bool = Field(True, description="train again on all data after the evaluation")
    refit_steps: int | None = Field(
        None, ge=1, description="steps of the refit; null for the best number of steps of the fit"
    )
    seed: int = Field(0, ge=0, lt=2**63, description="seed of all random numbers")
    device: Device = Field(
        "auto", description="where networks are trained; auto uses a CUDA GPU if there is one, otherwise the cpu"
    )
    threads: int = Field(1, ge=1, le=4096, description="processor threads per network; results depend on it")

    @field_validator("budget", mode="before")
    @classmethod
    def _durations(cls, value: object) -> object:
        return parse_duration(value) if isinstance(value, str) and value[-1:].isalpha() else value


_MAX_MEMBERS = 256


class EnsembleConfig(Section):
    """Several models whose quantiles are combined by the median."""

    seeds: int = Field(1, ge=1, le=_MAX_MEMBERS, description="networks of each variant, each with a different seed")
    variants: tuple[dict[str, dict[str, Any]], ...] = Field(
        (), description="sections that replace parts of the config, one entry per variant"
    )
    choose: int | None = Field(
        None,
        ge=1,
        le=_MAX_MEMBERS,
        description="largest number of models to retain: those that forecast the validation tail best; null for all",
    )
    name: str | None = Field(
        None, min_length=1, max_length=100, description="name of the ensemble; null to join the names of its models"
    )
    workers: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="networks of an ensemble, or folds, trained side by side; null for one per core, or 1 on a GPU",
    )

    @property
    def size(self) -> int:
        """The number of models, those of variants that are ensembles themselves included."""
        nested = (EnsembleConfig.model_validate(variant.get("ensemble", {})).size for variant in self.variants)
        return self.seeds * max(sum(nested), 1)

    @model_validator(mode="after")
    def _few_enough(self) -> "EnsembleConfig":
        if self.size > _MAX_MEMBERS:
            raise ValueError(f"seeds and variants make {self.size:,} models, more than {_MAX_MEMBERS}")
        return self
