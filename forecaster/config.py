"""The sections of a configuration, and how flags, environment and files become one.

Precedence: flag > `--set a.b=c` > environment `FORECAST_A__B` > file > detected from the data > default. A value of
None means "detect": the workflow fills it from the data, and the resolved config is saved beside every result.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from forecaster.errors import ConfigError, InputError, near_miss

ENVIRONMENT_PREFIX = "FORECAST_"

Duplicates = Literal["error", "first", "last", "mean", "sum"]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataConfig(Section):
    """Which table, and which of its columns is what."""

    path: str | None = Field(None, description="CSV, Parquet, folder or glob; `-` is standard input")
    time: str | None = Field(None, description="column of timestamps; `none` where the table has none")
    target: tuple[str, ...] | None = Field(None, description="columns to forecast")
    id: str | None = Field(None, description="column that names the series of a long table")
    freq: str | None = Field(None, description="pandas alias (D, h, 15min, W, MS, QE), `B`, `trading` or `integer`")
    season: int | None = Field(None, ge=1, description="steps in a season, 1 for none")
    horizon: int | None = Field(None, ge=1, le=100_000, description="steps to forecast")
    duplicates: Duplicates = Field("error", description="what to do with differing rows for one timestamp")

    @field_validator("target", mode="before")
    @classmethod
    def _names_with_commas(cls, value: object) -> object:
        return value.split(",") if isinstance(value, str) else value


class NetworkModel(Section):
    """What all recurrent networks share."""

    context: int | None = Field(None, ge=1, description="past steps that the network reads")
    hidden: int = Field(64, ge=1, description="hidden units a layer")
    layers: int = Field(1, ge=1, description="recurrent layers, one on top of the other")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of units left out in training, between and after layers")
    bidirectional: bool = Field(False, description="read the context both ways")


class RnnConfig(NetworkModel):
    """Elman's recurrent network."""

    kind: Literal["rnn"] = "rnn"
    activation: Literal["tanh", "relu"] = "tanh"


class LstmConfig(NetworkModel):
    """Long short-term memory."""

    kind: Literal["lstm"] = "lstm"


class GruConfig(NetworkModel):
    """Gated recurrent unit."""

    kind: Literal["gru"] = "gru"


class NaiveConfig(Section):
    """The last value, repeated."""

    kind: Literal["naive"] = "naive"


class SeasonalNaiveConfig(Section):
    """The last season, repeated."""

    kind: Literal["seasonal_naive"] = "seasonal_naive"


NetworkConfig = RnnConfig | LstmConfig | GruConfig
ModelConfig = Annotated[NetworkConfig | NaiveConfig | SeasonalNaiveConfig, Field(discriminator="kind")]


class ScaleConfig(Section):
    """How each window is brought to one size before the network sees it, and back after."""

    kind: Literal["last", "mean", "none"] = Field(
        "last", description="subtract the last value or the mean, then divide by the standard deviation"
    )


class EmbedConfig(Section):
    """How many steps the recurrence takes at once."""

    width: int | None = Field(None, ge=1, description="steps in a segment; 1 reads step by step")


class TrainingConfig(Section):
    """How the network learns."""

    steps: int = Field(1000, ge=1, description="optimizer steps at most")
    batch: int = Field(256, ge=1, description="windows a step")
    learning_rate: float = Field(0.002, gt=0, description="peak of the one-cycle schedule")
    weight_decay: float = Field(0.0001, ge=0)
    clip: float | None = Field(1.0, gt=0, description="longest gradient norm; null for none")
    truncate: int | None = Field(None, ge=1, description="recurrence steps that gradients go back; null for all")
    validate_every: int = Field(50, ge=1, description="steps between two looks at the validation tail")
    patience: int = Field(8, ge=1, description="looks without a better one before training stops")
    refit: bool = Field(True, description="train again on everything once the network is judged")
    seed: int = Field(0, ge=0, lt=2**63)
    threads: int = Field(1, ge=1, description="processor threads; a second one suffers from busy neighbours")


class Config(Section):
    """Everything that decides a result, beside the data."""

    data: DataConfig = DataConfig()
    model: ModelConfig = GruConfig()
    scale: ScaleConfig = ScaleConfig()
    embed: EmbedConfig = EmbedConfig()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="after")
    def _truncation_reads_one_way(self) -> "Config":
        if self.training.truncate and getattr(self.model, "bidirectional", False):
            raise ValueError(
                "training.truncate cannot cut a bidirectional network: its state also comes from the future"
            )
        return self


def load(
    path: Path | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    settings: tuple[str, ...] = (),
    environment: Mapping[str, str] = os.environ,
) -> Config:
    """Put a config together from its sources.

    Args:
        path: a YAML file.
        overrides: values of flags by dotted key (`{"data.horizon": 48}`); None means the flag was not given.
        settings: `a.b=c` texts, read as YAML values.
        environment: where `FORECAST_TRAINING__STEPS=500` may stand.

    Raises:
        InputError: the file is not there.
        ConfigError: a key or value is wrong; names the key and the near miss.
    """
    tree = read_yaml(path) if path else {}
    source = str(path) if path else "settings"
    for name, value in sorted(environment.items()):
        if name.startswith(ENVIRONMENT_PREFIX) and "__" in name:
            _put(tree, name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"), _parse(value))
    for setting in settings:
        key, separator, value = setting.partition("=")
        if not separator or not key:
            raise ConfigError(f"--set {setting!r} is not key=value", hint="write it as --set training.steps=500")
        _put(tree, key.strip().split("."), _parse(value))
    for key, value in (overrides or {}).items():
        if value is not None:
            _put(tree, key.split("."), value)
    if overrides and overrides.get("model.kind"):
        _keep_what_fits(tree["model"])
    return validate(tree, source)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises: InputError: no such file; ConfigError: not YAML, or not a mapping.
    """
    try:
        tree = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", hint="check the path given to --config") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path}: not YAML: {reason}", hint="compare with a file in configs/") from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: holds {type(tree).__name__}, not sections", hint="compare with a file in configs/")
    return tree


def validate(tree: Mapping[str, Any], source: str) -> Config:
    """Check a tree of plain values; the first thing wrong becomes the error."""
    tree = {section: values for section, values in tree.items() if values is not None}
    model = tree.get("model", {})
    if isinstance(model, dict) and "kind" not in model:
        tree["model"] = {"kind": "gru", **model}
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise _explain(error, source) from error


def dump(config: Config) -> str:
    """Write a config as YAML that `load` reads back equal."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _put(tree: dict[str, Any], keys: list[str], value: Any) -> None:
    *sections, last = keys
    for section in sections:
        below = tree.setdefault(section, {})
        if below is None:  # a section with nothing but comments
            below = tree[section] = {}
        if not isinstance(below, dict):
            raise ConfigError(
                f"{'.'.join(keys)}: {section} is a value, not a section", hint="see configs/ for the sections"
            )
        tree = below
    tree[last] = value


def _keep_what_fits(model: dict[str, Any]) -> None:
    """A model named by a flag replaces the file's: settings that only the other one has are dropped."""
    kinds = {section.model_fields["kind"].default: set(section.model_fields) for section in _model_sections()}
    known = kinds.get(model["kind"])
    for key in set(model) & set.union(*kinds.values()) - (known or set(model)):
        del model[key]


def _parse(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _explain(error: ValidationError, source: str) -> ConfigError:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    if place[:1] == ["model"] and len(place) > 1:  # the union adds its member's tag to the path
        place = ["model", *place[2:]]
    key = ".".join(place)
    match first["type"]:
        case "extra_forbidden":
            known = sorted(_keys_beside(first["loc"]))
            message = f"{source}: unknown key {key!r}{near_miss(place[-1], known)}"
            variable = ENVIRONMENT_PREFIX + "__".join(place).upper()
            hint = f"unset {variable}" if variable in os.environ else f"keys here: {', '.join(known)}"
            return ConfigError(message, hint=hint)
        case "union_tag_invalid":
            known = [name.strip(" '") for name in first["ctx"]["expected_tags"].split(",")]
            got = first["ctx"]["tag"]
            return ConfigError(
                f"{source}: {key}: unknown kind {got!r}{near_miss(got, known)}", hint=f"choose among {', '.join(known)}"
            )
    reason = first["msg"].removeprefix("Value error, ")
    where = f"{key}: {reason[0].lower()}{reason[1:]}, got {first['input']!r}" if key else reason
    return ConfigError(f"{source}: {where}", hint="configs/forecast.yaml of the project explains every key")


def _keys_beside(place: tuple[int | str, ...]) -> set[str]:
    section: type[BaseModel] = Config
    for part in place[:-1]:
        if part == "model":
            continue
        kinds = {model.model_fields["kind"].default: model for model in _model_sections()}
        section = kinds.get(part) or section.model_fields[str(part)].annotation  # type: ignore[assignment]
    return set(section.model_fields)


def _model_sections() -> tuple[type[Section], ...]:
    return (RnnConfig, LstmConfig, GruConfig, NaiveConfig, SeasonalNaiveConfig)
