"""YAML in `--set`, the environment, `--config` and job files that breaks a loader, or makes it run for long."""

from pathlib import Path

import pytest

from forecaster.config.yaml_loader import MAX_DEPTH, MAX_NODES, load_yaml
from forecaster.errors import ConfigError, InputError
from forecaster.settings import load
from tests.cli.conftest import Forecast

# Scalars that look like numbers, dates or values of a type, and are none.
SCALARS = {
    "an impossible date": "2020-99-99",
    "an impossible time": "2001-12-14t21:59:43.10-99:99",
    "binary without digits": "0b_",
    "hexadecimal without digits": "0x_",
    "a sign alone with an underscore": "-_",
    "5,000 digits": "9" * 5000,
    "5,000 hexadecimal digits": "0x" + "f" * 5000,
    "sexagesimal of 5,000 digits": "1" + ":1" * 5000,
    "a tagged float": "!!float x",
    "a tagged integer": "!!int ''",
    "a tagged boolean": "!!bool x",
    "a tagged time": "!!timestamp x",
    "tagged binary": "!!binary x",
    "a Python object": "!!python/object/apply:os.system [true]",
    "a merge key of a number": "{<<: 5}",
    "a list as a key": "{? [1] : 2}",
    "a section as a key": "{? {a: 1} : 2}",
    "NUL": '"\\0"',
    "half a surrogate pair": '"\\ud800"',
    "an unknown alias": "*a",
}
ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
BOMBS = {
    "aliases": ALIASES + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)),
    "merge keys": "a0: &a0 {k: v}\n"
    + "".join(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}\n" for i in range(1, 12)),
    "an alias of itself": "data: &a {time: *a}",
    "brackets": "[" * 50_000,
    "braces": "{a: " * 50_000,
    "dashes": "- " * 50_000,
    "question marks": "? " * 50_000,
    "one level too many": "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
    "too many characters": " " * 3_000_000,
}


@pytest.mark.parametrize("scalar", SCALARS.values(), ids=SCALARS)
@pytest.mark.parametrize("key", ["training.steps", "training.learning_rate", "training.refit", "data", "head.kind"])
def test_a_scalar_that_is_no_value_names_its_key(tmp_path: Path, key: str, scalar: str) -> None:
    with pytest.raises(ConfigError) as of_setting:
        load(settings=(f"{key}={scalar}",), environment={})
    assert key.partition(".")[0] in of_setting.value.message
    section, _, name = key.partition(".")
    file = tmp_path / "c.yaml"
    file.write_text(f"{section}:\n  {name}: {scalar}\n" if name else f"{section}: {scalar}\n")
    with pytest.raises(ConfigError) as of_file:
        load(file, environment={})
    assert section in of_file.value.message or "line" in of_file.value.message
    for error in (of_setting, of_file):
        assert len(error.value.message) < 1000


@pytest.mark.parametrize("scalar", SCALARS.values(), ids=SCALARS)
def test_a_variable_that_is_no_value_names_its_key(scalar: str) -> None:
    with pytest.raises(ConfigError, match=r"training\.steps"):
        load(environment={"FORECAST_TRAINING__STEPS": scalar})


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused(tmp_path: Path, bomb: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(bomb)
    with pytest.raises(ConfigError, match=r"c\.yaml"):
        load(file, environment={})
    with pytest.raises(ConfigError, match="training"):
        load(settings=(f"training.steps={bomb}",), environment={})


@pytest.mark.slow
def test_too_many_values_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("data:\n  target: [" + "y, " * (MAX_NODES + 1) + "y]\n")
    with pytest.raises(ConfigError, match="more than 80,000 values"):
        load(file, environment={})


@pytest.mark.parametrize("scalar", [SCALARS["an impossible date"], SCALARS["binary without digits"]])
def test_a_plain_scalar_that_is_no_number_may_name_a_column(scalar: str) -> None:
    assert load(settings=(f"data.target={scalar}",), environment={}).data.target == (scalar,)


def test_anchors_and_merge_keys_keep_their_meaning() -> None:
    assert load_yaml("base: &b {a: 1, c: [1, 2]}\nmore: {<<: *b, a: 2}\nagain: [*b, *b]") == {
        "base": {"a": 1, "c": [1, 2]},
        "more": {"a": 2, "c": [1, 2]},
        "again": [{"a": 1, "c": [1, 2]}] * 2,
    }


def test_an_endless_device_is_refused() -> None:
    with pytest.raises((ConfigError, InputError)):
        load(Path("/dev/zero"), environment={})


@pytest.mark.parametrize("text", ["job: 2020-99-99", "job: !!float x", "a: &a [*a]", "data: {path: 0b_}"])
def test_a_job_file_is_refused(forecast: Forecast, tmp_path: Path, text: str) -> None:
    (tmp_path / "job.yaml").write_text(text)
    done = forecast("run", "job.yaml")
    assert (done.code, "Traceback" in done.err) == (78, False)


@pytest.mark.parametrize("arguments", [["--set", "training.steps=2020-99-99"], ["--config", "c.yaml"]])
def test_the_command_line_ends_with_78(forecast: Forecast, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "c.yaml").write_text("training:\n  steps: !!float x\n")
    (tmp_path / "t.csv").write_text("ds,y\n2024-01-01,1\n2024-01-02,2\n")
    done = forecast("train", "t.csv", *arguments)
    assert done.code == 78
    assert "training.steps" in done.err or "line 2, column 10" in done.err
