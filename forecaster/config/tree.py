"""Configs as trees of plain values, so that partial configs can be combined before they are validated.

A *tree* is a dictionary of sections, each a dictionary of keys, as YAML reads it. A key that is absent was set by
nobody. Presets, files, flags and the variants of an ensemble are all partial trees. Four operations work on them:

* `merge(below, above)` lays one tree over another: sections are merged, values of `above` win.
* `vary(tree, variant)` merges the variant of an ensemble; if it names another model, it drops what that cannot have.
* `without(tree, other)` removes the keys that `other` has.
* `validate(tree, source)` makes the frozen `Config`. Its `model_fields_set` records which keys somebody set; a kind
  that nobody named counts as not set, so that a preset may choose it.
"""

import os
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import ValidationError

from forecaster.config import RECIPES, Config
from forecaster.config.model import ModelConfig
from forecaster.config.network import HeadConfig
from forecaster.config.section import Section
from forecaster.errors import ConfigError, did_you_mean

Tree = dict[str, Any]

ENVIRONMENT_PREFIX = "FORECAST_"
KEYS_EXPLAINED = "`forecast init DATA` writes a file that explains every key; with --job, also those of a job"
DEFAULT_KINDS = {"model": "gru", "head": "quantile"}
_MAX_EXCERPT_CHARACTERS = 200
_UNIONS = {"model": ModelConfig, "head": HeadConfig}


def validate(tree: Mapping[str, Any], source: str, origins: Mapping[str, str] | None = None) -> Config:
    """Return the config of a tree.

    Args:
        source: name of the tree in errors.
        origins: names of other sources by the dotted keys that they set, such as `--set`.

    Raises: ConfigError: describes the first thing that is wrong.
    """
    sections = {section: values for section, values in tree.items() if values is not None}
    _name_recipe(sections)
    tree = dict(sections)
    for name in DEFAULT_KINDS:
        section = tree.get(name, {})
        if isinstance(section, dict) and "kind" not in section:
            tree[name] = {"kind": _kind_of(name, section), **section}
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        raise _explain(error, source, origins or {}) from error
    for name in DEFAULT_KINDS:  # A kind that nobody named is left to the preset.
        if name not in sections:
            config.model_fields_set.discard(name)
        elif "kind" not in sections[name]:
            getattr(config, name).model_fields_set.discard("kind")
    return config


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return one tree laid over another: sections are merged, values are replaced."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = merge(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def drop_foreign_settings(model: dict[str, Any]) -> None:
    """Drop settings that the newly named model does not have."""
    kinds = {section.model_fields["kind"].default: set(section.model_fields) for section in _members("model")}
    known = kinds.get(model["kind"])
    for key in set(model) & set.union(*kinds.values()) - (known or set(model)):
        del model[key]


def _kind_of(name: str, section: Mapping[str, Any]) -> str:
    """Return the default kind of a section without one, or the first kind that has all its keys."""
    usual = DEFAULT_KINDS[name]
    kinds = {member.model_fields["kind"].default: member for member in _members(name)}
    fitting = [kind for kind, member in kinds.items() if set(section) <= set(member.model_fields)]
    return usual if usual in fitting or not fitting else fitting[0]


def _name_recipe(tree: dict[str, Any]) -> None:
    """Move a recipe from `model.kind` to the preset."""
    model = tree.get("model")
    if isinstance(model, dict) and model.get("kind") in RECIPES:
        tree["preset"] = model["kind"]
        tree["model"] = {key: value for key, value in model.items() if key != "kind"}


def find_origin(key: str, source: str, origins: Mapping[str, str]) -> str:
    """Return the source that set a key, or its whole section. For a section that two sources set, return both."""
    setters = [name for each, name in origins.items() if f"{key}.".startswith(f"{each}.")]
    if setters:
        return setters[-1]
    parts = [name for each, name in origins.items() if key and each.startswith(f"{key}.")]
    return f"{source} with {parts[-1]}" if parts else source


def _explain(error: ValidationError, source: str, origins: Mapping[str, str]) -> ConfigError:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    if len(place) > 1 and place[0] in DEFAULT_KINDS:  # A union adds its member's tag to the path.
        place = [place[0], *place[2:]]
    source = find_origin(".".join(place), source, origins)
    key = _excerpt(".".join(place))
    match first["type"]:
        case "extra_forbidden":
            known = sorted(_keys_beside(first["loc"]))
            message = f"{source}: unknown key {key!r}{did_you_mean(place[-1], known)}"
            variable = ENVIRONMENT_PREFIX + "__".join(place).upper()
            hint = f"unset {variable}" if variable in os.environ else f"keys here: {', '.join(known)}"
            return ConfigError(message, hint=hint)
        case "union_tag_invalid":
            known = [name.strip(" '") for name in first["ctx"]["expected_tags"].split(",")]
            got = _excerpt(first["ctx"]["tag"])
            return ConfigError(
                f"{source}: {key}: unknown kind {got!r}{did_you_mean(got, known)}",
                hint=f"choose from {', '.join(known)}",
            )
    reason = first["msg"].removeprefix("Value error, ")
    where = f"{key}: {reason[0].lower()}{reason[1:]}, got {_excerpt(repr(first['input']))}" if key else reason
    return ConfigError(f"{source}: {where}", hint=first.get("ctx", {}).get("hint", KEYS_EXPLAINED))


def _excerpt(text: str) -> str:
    return text if len(text) <= _MAX_EXCERPT_CHARACTERS else f"{text[: _MAX_EXCERPT_CHARACTERS - 3]}..."


def _keys_beside(place: tuple[int | str, ...]) -> set[str]:
    section: type[Section] = Config
    for part in place[:-1]:
        if part in DEFAULT_KINDS:
            continue
        members = (*_members("model"), *_members("head"))
        kinds = {member.model_fields["kind"].default: member for member in members}
        section = kinds.get(part) or _section_in(section.model_fields[str(part)].annotation)
    return set(section.model_fields)


def _section_in(annotation: Any) -> type[Section]:
    """Return the section class of an annotation, optional or not."""
    section: type[Section] = next((each for each in get_args(annotation) if each is not type(None)), annotation)
    return section


def _members(section: str) -> tuple[type[Section], ...]:
    """Return the members of a section that is a union."""
    union, _ = get_args(_UNIONS[section])
    return get_args(union)


def vary(tree: Tree, variant: Tree) -> Tree:
    """Return a config tree changed by a variant. If the variant names another model, drop what that cannot have."""
    whole = merge(tree, variant)
    if "kind" in variant.get("model", {}):
        whole["model"] = dict(whole["model"])
        drop_foreign_settings(whole["model"])
        if whole["model"]["kind"] != "pretrained" and not variant.get("training", {}).get("start"):
            whole["training"] = {**whole.get("training", {}), "start": None}
    return whole


def without(tree: Tree, other: Tree) -> Tree:
    """Return a tree without the keys that another one has."""
    rest: Tree = {}
    for key, value in tree.items():
        if key not in other:
            rest[key] = value
        elif isinstance(value, dict):
            rest[key] = without(value, other[key])
    return rest
