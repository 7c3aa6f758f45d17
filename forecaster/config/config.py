"""The whole configuration: all sections, and the conditions between them."""

from typing import Any, Literal, get_args

from pydantic import Field, model_validator

from forecaster.config.data import DataConfig
from forecaster.config.evaluation import ConformalConfig, EvaluationConfig
from forecaster.config.job import JobConfig
from forecaster.config.model import GruConfig, ModelConfig, NetworkModel
from forecaster.config.network import DecodeConfig, EmbedConfig, HeadConfig, QuantileConfig, ScaleConfig
from forecaster.config.section import Section
from forecaster.config.training import EnsembleConfig, TrainingConfig

Recipe = Literal["segrnn", "deepar"]
Preset = Literal["fast", "default", "best"] | Recipe
RECIPES: tuple[Recipe, ...] = get_args(Recipe)

# Scales without a location, under which 0 stays 0, and values that are replaced later.
_SCALES_OF_COUNTS = ("mean_abs", "auto", None)


class Config(Section):
    """Everything apart from the data that determines a result."""

    preset: Preset = Field("default", description="defaults for every setting that nothing else sets")

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
        """The name in tables, metrics and folders: the recipe, cell or baseline; a mixture joins them by `+`."""
        is_recipe = self.preset in RECIPES and isinstance(self.model, NetworkModel)
        own = self.preset if is_recipe else self.model.kind
        return "+".join(dict.fromkeys(variant.get("model", {}).get("kind", own) for variant in self.variants))

    @property
    def horizon(self) -> int:
        """The number of steps to forecast, of a resolved config."""
        return self.data.resolved_horizon

    @property
    def variants(self) -> tuple[dict[str, Any], ...]:
        """The changes that each variant of the ensemble makes to the config; one empty change without an ensemble.

        Variants that set only what networks have are left out for any other model.
        """
        variants = self.ensemble.variants
        if not isinstance(self.model, NetworkModel):
            variants = tuple(variant for variant in variants if "kind" in variant.get("model", {}))
        return variants or ({},)

    @model_validator(mode="after")
    def _truncation_reads_one_way(self) -> "Config":
        if self.training.truncate and getattr(self.model, "bidirectional", False):
            raise ValueError(
                "training.truncate cannot be used with a bidirectional network, whose state also depends on later steps"
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
                raise ValueError(f"decode.kind recursive cannot be combined with {name}")
        return self

    @model_validator(mode="after")
    def _counts_keep_their_zero(self) -> "Config":
        is_explicit = "kind" in self.scale.model_fields_set  # Resolving chooses a kind that is not set.
        if self.head.kind == "negative_binomial" and is_explicit and self.scale.kind not in _SCALES_OF_COUNTS:
            raise ValueError(
                f"head.kind negative_binomial needs scale.kind mean_abs, under which 0 stays 0, got {self.scale.kind!r}"
            )
        return self
