"""The manifest of a bundle: what is written is read back, and a stranger's file is checked."""

import json
from pathlib import Path
from typing import Any

import pytest

from forecaster.errors import InputError
from forecaster.store.bundle import json_bytes
from forecaster.store.manifest import Manifest

GOLDEN = Path(__file__).parents[1] / "golden"
MANIFESTS = sorted(GOLDEN.rglob("manifest.json"))


def values_of(path: Path = GOLDEN / "network/bundle/manifest.json") -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text("utf-8"))
    del values["hash"]
    return values


def parse(values: dict[str, Any]) -> Manifest:
    return Manifest.from_dict(values, place="b/manifest.json")


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.relative_to(GOLDEN).parent))
def test_a_manifest_of_an_earlier_version_is_written_as_it_was_read(path: Path) -> None:
    values = values_of(path)
    assert json_bytes(parse(values).to_dict()) == json_bytes(values)


def test_the_choice_of_a_model_is_written_after_the_point_forecast() -> None:
    values = values_of()
    choice = {"model": "theta", "why": "it was the best of 3"}
    position = list(values).index("horizon")
    items = list(values.items())
    chosen = dict([*items[:position], ("chosen", choice), *items[position:]])
    manifest = parse(chosen)
    assert manifest.choice == choice
    assert json_bytes(manifest.to_dict()) == json_bytes(chosen)


def test_optional_keys_may_be_missing_and_unknown_keys_are_ignored() -> None:
    values = values_of()
    for name in ("past", "known", "static"):
        del values["data"]["columns"][name]
    manifest = parse({**values, "comment": "by hand"})
    assert (manifest.data.columns.past, manifest.data.columns.known, manifest.data.columns.static) == ((), (), ())
    assert (manifest.choice, manifest.job) == (None, None)


@pytest.mark.parametrize(
    "key", ["model", "horizon", "data", "training", "versions", "data.frequency", "data.last_cutoff"]
)
def test_a_missing_value_is_an_error_that_names_it(key: str) -> None:
    values = values_of()
    *parents, name = key.split(".")
    section = values
    for parent in parents:
        section = section[parent]
    del section[name]
    with pytest.raises(InputError, match=rf"b/manifest\.json: not a bundle's manifest: {key}: ") as caught:
        parse(values)
    assert caught.value.code == 66


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("horizon", "soon"),
        ("horizon", 0),
        ("data.season", 0),
        ("data.frequency", []),
        ("data.frequency.every", 0),
        ("data.frequency.kind", "lunar"),
        ("data.frequency.weekmask", "0000000"),
        ("data.columns.target", "y"),
        ("data.last_cutoff", None),
        ("training.steps", 3),
        ("job", "nightly"),
        ("files", ["weights.safetensors"]),
    ],
)
def test_a_wrong_value_is_an_error_that_names_it(key: str, value: Any) -> None:
    values = values_of()
    *parents, name = key.split(".")
    section = values
    for parent in parents:
        section = section[parent]
    section[name] = value
    with pytest.raises(InputError, match=rf"not a bundle's manifest: {key}"):
        parse(values)
