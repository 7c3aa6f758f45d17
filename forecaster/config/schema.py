"""The JSON schema of configs and jobs, by which editors complete and check their YAML files."""

from typing import Any

from forecaster.config.config import Config

TITLE = "A config or job of forecast"

# Keys whose value may also be a text: several names with commas, or a duration.
_KEYS_ALSO_TEXT = {
    "DataConfig": ("query_timeout", "target", "past", "known", "static"),
    "TableFormat": ("na",),
    "TrainingConfig": ("budget",),
    "JobConfig": ("outputs",),
}
_KEYS_ALSO_NULL = {"DataConfig": ("past", "known", "static"), "TableFormat": ("na",)}
_TEXT, _NULL = {"type": "string"}, {"type": "null"}


def describe_config() -> dict[str, Any]:
    """Return the JSON schema of a YAML file, which accepts what `settings.load` accepts as far as types can tell.

    A section that contains nothing but comments is null in YAML. A section of several kinds may leave its kind out.
    """
    schema = Config.model_json_schema()
    schema["title"] = TITLE
    for title, section in [("Config", schema), *schema["$defs"].items()]:
        for key, value in section.get("properties", {}).items():
            section["properties"][key] = _widen(value, title, key)
    return schema


def _widen(value: dict[str, Any], title: str, key: str) -> dict[str, Any]:
    """Return the schema of a value with everything that is accepted for it."""
    notes = {name: value[name] for name in ("title", "description", "default") if name in value}
    value = {name: part for name, part in value.items() if name not in (*notes, "discriminator")}
    alternatives = value.pop("oneOf", None) or value.pop("anyOf", None) or [value]
    is_section = any("$ref" in each for each in alternatives)
    if is_section or key in _KEYS_ALSO_NULL.get(title, ()):
        alternatives = [*(each for each in alternatives if each != _NULL), _NULL]
    if key in _KEYS_ALSO_TEXT.get(title, ()):
        alternatives = [*alternatives, _TEXT]
    return {**notes, **(alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives})}
