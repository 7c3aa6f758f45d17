"""How files, flags and environment become one config, and how a config is written.

Precedence: flag > `--set a.b=c` > environment `FORECAST_A__B` > file > detected from the data > default.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from forecaster.config import RECIPES, Config, HeadConfig, ModelConfig
from forecaster.config.section import Section
from forecaster.errors import ConfigError, InputError, near_miss

ENVIRONMENT_PREFIX = "FORECAST_"

_EXPLAINED = "every key is explained in what `forecast init DATA` writes; with --job, those of a job too"
_KIND_WHEN_NOT_NAMED = {"model": "gru", "head": "quantile"}  # the sections that are unions
_UNIONS = {"model": ModelConfig, "head": HeadConfig}
_USUAL_KINDS = (*_KIND_WHEN_NOT_NAMED.values(), "last", "parallel", "split")


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
        keep_what_fits(tree["model"])
        _keep_to_one(tree)
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
        raise ConfigError(f"{path}: not YAML: {reason}", hint=_EXPLAINED) from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: holds {type(tree).__name__}, not sections", hint=_EXPLAINED)
    if "job" in tree and tree["job"] is None:
        tree["job"] = {}  # nothing but comments: a job all the same
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
    """A flag that names another preset than the file's leaves out what that one chose."""
    kind = overrides.get("model.kind")
    named = kind if kind in RECIPES else overrides.get("preset")
    if named and tree.get("preset", named) != named:
        return {name: tree.get(name) for name in ("data", "conformal")}
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
    without = {"job"} if config.job is None else None
    return yaml.safe_dump(config.model_dump(mode="json", exclude=without), sort_keys=False)


def explain(config: Config) -> str:
    """Write a config as YAML that `load` reads back equal, each key with what it means.

    Keys that nobody set are comments, so that a preset may still choose them.
    """
    lines = [_line(config, "preset"), ""]
    for name in type(config).model_fields:
        section = getattr(config, name)
        if isinstance(section, Section):
            lines += [f"{name}:", *_lines(section), ""]
    return "\n".join(lines)


def _lines(section: Section, indent: str = "  ") -> list[str]:
    lines: list[str] = []
    for key in type(section).model_fields:
        below = getattr(section, key)
        if isinstance(below, Section):
            lines += [f"{indent}{key}:  # {below.__doc__}", *_lines(below, indent + "  ")]
        else:
            lines.append(indent + _line(section, key))
    return lines


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


def keep_what_fits(model: dict[str, Any]) -> None:
    """Where another model was named than what is set was set for: drop the settings that only the other one has."""
    kinds = {section.model_fields["kind"].default: set(section.model_fields) for section in _members("model")}
    known = kinds.get(model["kind"])
    for key in set(model) & set.union(*kinds.values()) - (known or set(model)):
        del model[key]


def _keep_to_one(tree: dict[str, Any]) -> None:
    """A model named by a flag replaces the mixture of a file: variants that name others are dropped."""
    ensemble = tree.get("ensemble")
    if isinstance(ensemble, dict) and isinstance(ensemble.get("variants"), list):
        ensemble["variants"] = [each for each in ensemble["variants"] if "kind" not in (each.get("model") or {})]


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
    return ConfigError(f"{source}: {where}", hint=_EXPLAINED)


def _keys_beside(place: tuple[int | str, ...]) -> set[str]:
    section: type[Section] = Config
    for part in place[:-1]:
        if part in _KIND_WHEN_NOT_NAMED:
            continue
        members = (*_members("model"), *_members("head"))
        kinds = {member.model_fields["kind"].default: member for member in members}
        section = kinds.get(part) or _section_in(section.model_fields[str(part)].annotation)
    return set(section.model_fields)


def _section_in(annotation: Any) -> type[Section]:
    """The section that an annotation names, be it optional."""
    found: type[Section] = next((each for each in get_args(annotation) if each is not type(None)), annotation)
    return found


def _members(section: str) -> tuple[type[Section], ...]:
    """The kinds of a section that is a union."""
    union, _ = get_args(_UNIONS[section])
    return get_args(union)
