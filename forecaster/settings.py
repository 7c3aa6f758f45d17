"""Reading a config from files, flags and environment variables, and writing one.

Precedence: flag > `--set a.b=c` > environment `FORECAST_A__B` > file > detected from the data > default.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from forecaster.config import RECIPES, Config
from forecaster.config.section import Section
from forecaster.config.tree import DEFAULT_KINDS, ENVIRONMENT_PREFIX, KEYS_EXPLAINED, drop_foreign_settings, validate
from forecaster.config.yaml_loader import MAX_CHARACTERS, YamlLimitError, describe, load_yaml, parse_yaml
from forecaster.errors import ConfigError, InputError

FORMAT_PREFIX = "data.format."
_NO_FILE = "settings"  # the source of what no file sets, in errors
_USUAL_KINDS = (*DEFAULT_KINDS.values(), "last", "parallel", "split")


def load(
    path: Path | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    settings: tuple[str, ...] = (),
    environment: Mapping[str, str] = os.environ,
) -> Config:
    """Return the config that results from all sources.

    Args:
        path: a YAML file.
        overrides: values of flags by dotted key (`{"data.horizon": 48}`); None if the flag was not passed.
        settings: `a.b=c` texts, read as YAML values.
        environment: variables such as `FORECAST_TRAINING__STEPS=500`.

    Raises:
        InputError: the file does not exist.
        ConfigError: a key or value is wrong, or exceeds a limit; the message names it and the nearest valid key.
    """
    passed = {key: value for key, value in (overrides or {}).items() if value is not None}
    tree = read_tree(path, overrides=passed, settings=settings, environment=environment)
    origins = {**list_origins(settings, environment), **dict.fromkeys(passed, _NO_FILE)}
    return _mark_passed(validate(tree, str(path) if path else _NO_FILE, origins), passed)


def read_tree(
    path: Path | None,
    *,
    overrides: Mapping[str, Any] | None = None,
    settings: tuple[str, ...] = (),
    environment: Mapping[str, str] = os.environ,
) -> dict[str, Any]:
    """Return the tree that results from all sources, before it is validated.

    Args:
        overrides: as for `load`, without None.

    Raises: InputError, ConfigError: as `load`, as far as the sources are no trees.
    """
    overrides = overrides or {}
    tree = _for_preset(read_yaml(path) if path else {}, overrides)
    for name, keys in _list_variables(environment):
        _put(tree, keys, _parse(name, environment[name]))
    for setting in settings:
        key, separator, value = setting.partition("=")
        if not separator or not key:
            raise ConfigError(f"--set {setting!r} is not key=value", hint="write it as --set training.steps=500")
        _put(tree, key.strip().split("."), _parse(key.strip(), value))
    for key, value in overrides.items():
        _put(tree, key.split("."), value)
    if overrides.get("model.kind"):
        drop_foreign_settings(tree["model"])
        _keep_to_one(tree)
    return tree


def list_origins(settings: tuple[str, ...] = (), environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what set each key that no file sets: `--set`, or the name of an environment variable."""
    variables = {".".join(keys): name for name, keys in _list_variables(environment)}
    return variables | {setting.partition("=")[0].strip(): "--set" for setting in settings}


def list_variables(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the names of the environment variables that set keys, sorted."""
    return [name for name, _ in _list_variables(environment)]


def _list_variables(environment: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Return the names of the environment variables that set keys, sorted, and the parts of these keys."""
    names = [name for name in sorted(environment) if name.startswith(ENVIRONMENT_PREFIX)]
    variables = [(name, name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")) for name in names]
    return [(name, keys) for name, keys in variables if len(keys) > 1 or keys == ["preset"]]


def _mark_passed(config: Config, keys: Iterable[str]) -> Config:
    """Return a config that knows which parts of the table's format were passed as options of the command."""
    passed = [key.removeprefix(FORMAT_PREFIX) for key in keys if key.startswith(FORMAT_PREFIX)]
    if not passed:
        return config
    data = config.data.model_copy(update={"format": config.data.format.with_passed(passed)})
    return config.model_copy(update={"data": data})


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping of a YAML file.

    Raises: InputError: no such file; ConfigError: not YAML, or not a mapping.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            text = stream.read(MAX_CHARACTERS + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", hint="check the path after --config") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not YAML: {error}", hint=KEYS_EXPLAINED) from error
    return parse_tree(text, str(path))


def parse_tree(text: str, source: str) -> dict[str, Any]:
    """Return the mapping of a YAML text.

    Args:
        source: the file, as errors name it.

    Raises: ConfigError: not YAML, or not a mapping.
    """
    tree = parse_yaml(text, source, hint=KEYS_EXPLAINED)
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{source}: expected sections, found {type(tree).__name__}", hint=KEYS_EXPLAINED)
    if "job" in tree and tree["job"] is None:
        tree["job"] = {}  # A section with nothing but comments is a job as well.
    return tree


def _for_preset(tree: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the file's tree; if a flag names another preset, keep only the sections that do not depend on it.

    The same applies to a flag that names another model than the pretrained network that the file trains further.
    """
    kind = overrides.get("model.kind")
    named = kind if kind in RECIPES else overrides.get("preset")
    training = tree.get("training")
    is_fine_tuned = isinstance(training, dict) and bool(training.get("start"))
    is_another_model = is_fine_tuned and kind not in (None, "pretrained")
    if is_another_model or (named and tree.get("preset", named) != named):
        return {name: tree.get(name) for name in ("data", "conformal")}
    return tree


def dump(config: Config) -> str:
    """Return a config as YAML, which `load` reads back unchanged."""
    without = {"job"} if config.job is None else None
    return yaml.safe_dump(config.model_dump(mode="json", exclude=without), sort_keys=False)


def explain(config: Config) -> str:
    """Return a config as YAML with a comment for each key. `load` reads it back unchanged.

    Keys that nobody set are commented out, so that a preset may still set them.
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


def _keep_to_one(tree: dict[str, Any]) -> None:
    """Drop the variants of a file that name other models, if a flag names the model."""
    ensemble = tree.get("ensemble")
    if isinstance(ensemble, dict) and isinstance(ensemble.get("variants"), list):
        ensemble["variants"] = [each for each in ensemble["variants"] if not _names_model(each)]


def _names_model(variant: Any) -> bool:
    model = variant.get("model") if isinstance(variant, dict) else None
    return isinstance(model, dict) and "kind" in model


def _parse(key: str, text: str) -> Any:
    """Return the value of a setting; what is not YAML is text, which the key may accept.

    Raises: ConfigError: the text exceeds a limit.
    """
    try:
        return load_yaml(text)
    except YamlLimitError as error:
        raise ConfigError(f"{key}: {describe(error)}", hint="write the value in a file for --config") from error
    except yaml.YAMLError:
        return text
