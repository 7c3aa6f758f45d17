"""Everything that decides a result, beside the data: all sections together, and what holds between them."""

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

# scales without a location, under which 0 stays 0, and those still to be chosen
_SCALES_OF_COUNTS = ("mean_abs", "auto", None)


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
    def horizon(self) -> int:
        """The number of steps to forecast, of a resolved config."""
        return self.data.resolved_horizon

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
