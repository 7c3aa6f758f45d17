"""The whole configuration: all sections, and the conditions between them."""

from typing import Any, Literal, get_args

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from forecaster.config.data import DataConfig
from forecaster.config.evaluation import ConformalConfig, EvaluationConfig
from forecaster.config.job import JobConfig
from forecaster.config.model import GruConfig, ModelConfig, NetworkModel, PretrainedConfig
from forecaster.config.network import DecodeConfig, EmbedConfig, HeadConfig, QuantileConfig, ScaleConfig
from forecaster.config.section import Section
from forecaster.config.training import EnsembleConfig, TrainingConfig

Recipe = Literal["segrnn", "deepar"]
Preset = Literal["fast", "default", "best"] | Recipe
RECIPES: tuple[Recipe, ...] = get_args(Recipe)

FINE_TUNED = "fine_tuned"  # the name of the pretrained network after a training

_SECTIONS_OF_NETWORKS = {"model", "scale", "embed", "head", "decode"}
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
        names = dict.fromkeys(self._name_of(variant) for variant in self.variants)
        return self.ensemble.name if self.ensemble.name and len(names) > 1 else "+".join(names)

    @property
    def is_fine_tuned(self) -> bool:
        """True if the model is the pretrained network, trained further."""
        return isinstance(self.model, PretrainedConfig) and self.training.start is not None

    @property
    def is_trained(self) -> bool:
        """True if the model is a network that a training changes."""
        return isinstance(self.model, NetworkModel) or self.is_fine_tuned

    @property
    def horizon(self) -> int:
        """The number of steps to forecast, of a resolved config."""
        return self.data.resolved_horizon

    @property
    def variants(self) -> tuple[dict[str, Any], ...]:
        """The changes that each variant of the ensemble makes to the config; one empty change without an ensemble.

        Variants that set only what networks of a cell have are left out for any other model.
        """
        return tuple(variant for variant in self.ensemble.variants if self._can_have(variant)) or ({},)

    def _can_have(self, variant: dict[str, Any]) -> bool:
        if isinstance(self.model, NetworkModel) or "kind" in variant.get("model", {}):
            return True
        return self.is_fine_tuned and not _SECTIONS_OF_NETWORKS & set(variant)

    def _name_of(self, variant: dict[str, Any]) -> str:
        is_recipe = self.preset in RECIPES and isinstance(self.model, NetworkModel)
        own = self.preset if is_recipe else self.model.kind
        name: str = variant.get("model", {}).get("kind", own)
        start = variant.get("training", {}).get("start", self.training.start)
        return FINE_TUNED if name == "pretrained" and start else name

    @model_validator(mode="after")
    def _only_pretrained_models_start_pretrained(self) -> "Config":
        if self.training.start and not self.is_fine_tuned:
            raise PydanticCustomError(
                "foreign_start",
                "training.start {start} needs model.kind pretrained, got {kind}",
                {
                    "start": self.training.start,
                    "kind": self.model.kind,
                    "hint": "type `forecast train DATA --model pretrained --set training.start=pretrained`",
                },
            )
        return self

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
