"""The mixture file: the one of the package is valid, and mistakes are refused by name."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from forecaster.errors import ConfigError, InputError
from forecaster.pretraining import mixture
from forecaster.pretraining.corpus import FAMILIES
from forecaster.pretraining.mixture import load_mixture


def tree() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(Path(mixture.__file__).with_name("mixture.yaml").read_text("utf-8"))
    return loaded


def load_tree(path: Path, content: dict[str, Any]) -> None:
    file = path / "other.yaml"
    file.write_text(yaml.safe_dump(content), "utf-8")
    load_mixture(file)


def test_the_mixture_of_the_package_is_valid_and_uses_every_family() -> None:
    loaded = load_mixture()
    assert loaded.version == 2
    assert {name for shares in loaded.families.values() for name in shares} == set(FAMILIES)
    assert {1, 4, 5, 7, 12, 24, 48, 52, 96} <= {each.season for each in loaded.frequencies}


def test_growth_belongs_to_low_frequencies_and_loads_to_days() -> None:
    families = load_mixture().families
    assert families["yearly"]["growth"] > families["monthly"]["growth"] > families["daily"]["growth"]
    assert [kind for kind, shares in families.items() if shares.get("loads")] == ["hourly"]


@pytest.mark.parametrize(
    ("section", "key", "value", "word"),
    [
        pytest.param(None, "version", 1, "version", id="another version"),
        pytest.param(None, "surprise", 1, "surprise", id="an unknown key"),
        pytest.param("augmentation", "surprise", 0.1, "augmentation.surprise", id="an unknown augmentation"),
        pytest.param("augmentation", "flip", 1.5, "augmentation.flip", id="a share above 1"),
        pytest.param("families", "yearly", {"ets": 0.5}, "sum to 0.5", id="shares that do not sum to 1"),
        pytest.param("families", "yearly", {"lstm": 1.0}, "families.yearly", id="an unknown family"),
        pytest.param("families", "daily", {"loads": 1.0}, "loads", id="loads without days"),
    ],
)
def test_a_mistake_is_refused_by_name(tmp_path: Path, section: str | None, key: str, value: Any, word: str) -> None:
    content = tree()
    (content[section] if section else content)[key] = value
    with pytest.raises(ConfigError, match=word):
        load_tree(tmp_path, content)


def test_a_missing_augmentation_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    content = tree()
    del content["augmentation"]["mix"]
    with pytest.raises(ConfigError, match=r"augmentation\.mix"):
        load_tree(tmp_path, content)
    with pytest.raises(InputError):
        load_mixture(tmp_path / "none.yaml")
