"""The sections of a configuration, and how flags, environment and files become one.

Precedence: flag > `--set a.b=c` > environment `FORECAST_A__B` > file > detected from the data > default. A value of
None means "detect": the workflow fills it from the data, and the resolved config is saved beside every result.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from forecaster.errors import ConfigError, InputError, near_miss

ENVIRONMENT_PREFIX = "FORECAST_"

_KIND_WHEN_NOT_NAMED = {"model": "gru", "head": "quantile"}  # the sections that are unions
_USUAL_KINDS = (*_KIND_WHEN_NOT_NAMED.values(), "last", "parallel")

Duplicates = Literal["error", "first", "last", "mean", "sum"]
ScaleKind = Literal["last", "mean", "none", "standard", "mean_abs", "instance", "seasonal", "cycle"]
Recipe = Literal["segrnn", "deepar"]
Preset = Literal["fast", "default", "best"] | Recipe
RECIPES: tuple[Recipe, ...] = get_args(Recipe)


_MODELS = "gru, lstm, rnn, mingru, minlstm, slstm, a recipe (segrnn, deepar), or naive, seasonal_naive"
_HEADS = "quantile, point, student_t, or for counts negative_binomial"


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
    past: tuple[str, ...] = Field((), description="columns that help to forecast, observed as the target is")
    known: tuple[str, ...] = Field((), description="columns that are known for the steps to forecast, too")
    static: tuple[str, ...] = Field((), description="columns that do not change within a series")
    categories: dict[str, tuple[str, ...]] | None = Field(
        None, description="values that columns of text are told apart by"
    )
    calendar: bool | None = Field(None, description="features of the calendar: hour, weekday, season of the year")
    holidays: str | None = Field(None, description="country whose holidays matter, such as DE or DE-BY")
    minimum: float | None = Field(None, description="forecasts are never below it")
    integer: bool = Field(False, description="forecasts are whole numbers")

    @field_validator("target", "past", "known", "static", mode="before")
    @classmethod
    def _names_with_commas(cls, value: object) -> object:
        return [name.strip() for name in value.split(",")] if isinstance(value, str) else value

    @field_validator("past", "known", "static", mode="before")
    @classmethod
    def _none_is_empty(cls, value: object) -> object:
        return () if value is None else value


class NetworkModel(Section):
    """What all recurrent networks share."""

    context: int | None = Field(None, ge=1, description="past steps that the network reads")
    hidden: int = Field(64, ge=1, description="hidden units a layer")
    layers: int = Field(1, ge=1, description="recurrent layers, one on top of the other")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of units left out in training, between and after layers")
    bidirectional: bool = Field(False, description="read the context both ways")
    residual: bool = Field(False, description="add to a layer's output what it read, where both are equally wide")
    normalise: bool = Field(False, description="normalise what each layer but the lowest reads")
    dilation: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        None, description="for each layer, how many segments back the state comes from that it goes on from"
    )

    @field_validator("dilation")
    @classmethod
    def _one_for_each_layer(cls, value: tuple[int, ...] | None, info: ValidationInfo) -> tuple[int, ...] | None:
        layers = info.data.get("layers", 0)
        if value is not None and layers and len(value) != layers:
            raise ValueError(f"one number for each layer is needed, {layers} in all")
        return value


class RnnConfig(NetworkModel):
    """Elman's recurrent network."""

    kind: Literal["rnn"] = Field("rnn", description=_MODELS)
    activation: Literal["tanh", "relu"] = "tanh"


class LstmConfig(NetworkModel):
    """Long short-term memory."""

    kind: Literal["lstm"] = Field("lstm", description=_MODELS)


class GruConfig(NetworkModel):
    """Gated recurrent unit."""

    kind: Literal["gru"] = Field("gru", description=_MODELS)


class MinGruConfig(NetworkModel):
    """Minimal GRU: gates that see the input alone, all steps solved at once."""

    kind: Literal["mingru"] = Field("mingru", description=_MODELS)


class MinLstmConfig(NetworkModel):
    """Minimal LSTM: gates that see the input alone, all steps solved at once."""

    kind: Literal["minlstm"] = Field("minlstm", description=_MODELS)


class SlstmConfig(NetworkModel):
    """LSTM with exponential gates."""

    kind: Literal["slstm"] = Field("slstm", description=_MODELS)


class NaiveConfig(Section):
    """The last value, repeated."""

    kind: Literal["naive"] = Field("naive", description=_MODELS)


class SeasonalNaiveConfig(Section):
    """The last season, repeated."""

    kind: Literal["seasonal_naive"] = Field("seasonal_naive", description=_MODELS)


NetworkConfig = RnnConfig | LstmConfig | GruConfig | MinGruConfig | MinLstmConfig | SlstmConfig
ModelConfig = Annotated[NetworkConfig | NaiveConfig | SeasonalNaiveConfig, Field(discriminator="kind")]


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


Weigh = Literal["evenly", "relative"]


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

# scales without a location, under which 0 stays 0, and those still to be chosen
_SCALES_OF_COUNTS = ("mean_abs", "auto", None)


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
    seed: int = Field(0, ge=0, lt=2**63, description="of all random numbers")
    threads: int = Field(1, ge=1, description="processor threads; a second one suffers from busy neighbours")

    @field_validator("budget", mode="before")
    @classmethod
    def _durations(cls, value: object) -> object:
        match = re.fullmatch(r"([\d.]+) ?([smh])", value) if isinstance(value, str) else None
        return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]] if match else value


class EnsembleConfig(Section):
    """Several networks, combined by the median of their quantiles."""

    seeds: int = Field(1, ge=1, description="networks of each variant, each with a seed of its own")
    variants: tuple[dict[str, dict[str, Any]], ...] = Field(
        (), description="sections that replace parts of the config, one a variant"
    )
    workers: int | None = Field(None, ge=1, description="networks trained side by side; null for one a core")


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

    @property
    def name(self) -> str:
        """What tables, metrics and folders call the model: its recipe, else its cell or baseline."""
        is_recipe = self.preset in RECIPES and isinstance(self.model, NetworkModel)
        return self.preset if is_recipe else self.model.kind

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
    tree = _for_preset(read_yaml(path) if path else {}, overrides or {})
    source = str(path) if path else "settings"
    for name, value in sorted(environment.items()):
        keys = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        if name.startswith(ENVIRONMENT_PREFIX) and (len(keys) > 1 or keys == ["preset"]):
            _put(tree, keys, _parse(value))
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
    given = {section: values for section, values in tree.items() if values is not None}
    _name_recipe(given)
    tree = dict(given)
    for name in _KIND_WHEN_NOT_NAMED:
        section = tree.get(name, {})
        if isinstance(section, dict) and "kind" not in section:
            tree[name] = {"kind": _kind_of(name, section), **section}
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        raise _explain(error, source) from error
    for name in _KIND_WHEN_NOT_NAMED:  # a kind that nobody named is the preset's to choose
        if name not in given:
            config.model_fields_set.discard(name)
        elif "kind" not in given[name]:
            getattr(config, name).model_fields_set.discard("kind")
    return config


def _kind_of(name: str, section: Mapping[str, Any]) -> str:
    """The usual kind of a section that names none, or the first that knows its keys."""
    usual = _KIND_WHEN_NOT_NAMED[name]
    kinds = {member.model_fields["kind"].default: member for member in _members(name)}
    fitting = [kind for kind, member in kinds.items() if set(section) <= set(member.model_fields)]
    return usual if usual in fitting or not fitting else fitting[0]


def _for_preset(tree: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A flag that names another preset than the file's leaves out what that one chose: all but the data."""
    kind = overrides.get("model.kind")
    named = kind if kind in RECIPES else overrides.get("preset")
    if named and tree.get("preset", named) != named:
        return {"data": tree.get("data")}
    return tree


def _name_recipe(tree: dict[str, Any]) -> None:
    """A recipe that stands where a model is named replaces the preset."""
    model = tree.get("model")
    if isinstance(model, dict) and model.get("kind") in RECIPES:
        tree["preset"] = model["kind"]
        tree["model"] = {key: value for key, value in model.items() if key != "kind"}


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one tree of settings over another: sections are merged, values replaced."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = merge(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def dump(config: Config) -> str:
    """Write a config as YAML that `load` reads back equal."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def explain(config: Config) -> str:
    """Write a config as YAML that `load` reads back equal, each key with what it means.

    Keys that nobody set are comments, so that a preset may still choose them.
    """
    lines = [_line(config, "preset"), ""]
    for name in type(config).model_fields:
        section = getattr(config, name)
        if isinstance(section, Section):
            lines += [f"{name}:", *("  " + _line(section, key) for key in type(section).model_fields), ""]
    return "\n".join(lines)


def _line(section: Section, key: str) -> str:
    value = section.model_dump(mode="json", include={key})
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False)
    is_set = key in section.model_fields_set or (key == "kind" and getattr(section, key) not in _USUAL_KINDS)
    mark = "" if is_set else "# "
    return f"{mark}{text.strip()[1:-1]}  # {type(section).model_fields[key].description}"


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
    kinds = {section.model_fields["kind"].default: set(section.model_fields) for section in _members("model")}
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
    if len(place) > 1 and place[0] in _KIND_WHEN_NOT_NAMED:  # a union adds its member's tag to the path
        place = [place[0], *place[2:]]
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
        if part in _KIND_WHEN_NOT_NAMED:
            continue
        members = (*_members("model"), *_members("head"))
        kinds = {member.model_fields["kind"].default: member for member in members}
        section = kinds.get(part) or section.model_fields[str(part)].annotation  # type: ignore[assignment]
    return set(section.model_fields)


def _members(section: str) -> tuple[type[Section], ...]:
    """The kinds of a section that is a union."""
    if section == "model":
        return (*get_args(NetworkConfig), NaiveConfig, SeasonalNaiveConfig)
    return (PointConfig, QuantileConfig, StudentTConfig, NegativeBinomialConfig)
