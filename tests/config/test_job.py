"""The section `job` of a config."""

import pytest
import yaml

from forecaster.config import Config
from forecaster.config.job import JobConfig
from forecaster.config.tree import validate
from forecaster.config.yaml_loader import load_yaml
from forecaster.errors import ConfigError
from forecaster.settings import dump, explain


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"keeps": 3}, "unknown key 'job.keeps' (did you mean 'keep'?)"),
        ({"retrain": {"maxage": "7d"}}, "unknown key 'job.retrain.maxage' (did you mean 'max_age'?)"),
        ({"gate": {"skil": 0}}, "unknown key 'job.gate.skil' (did you mean 'skill'?)"),
        ({"max_age": "7"}, "job.max_age: write it as 30m, 36h or 7d"),
        ({"gate": {"coverage": [0.9, 0.7]}}, "job.gate.coverage: the first number must not be above the second"),
        ({"zone": "Mars/Phobos"}, "job.zone: no such time zone"),
        ({"version": 2}, "job.version"),
        ({"deadline": "25:00"}, "job.deadline: not a time of day; write it as 05:30"),
        ({"deadline": 530}, "job.deadline: not a time of day; write it as 05:30"),
    ],
)
def test_what_is_wrong_with_a_job_is_told(section: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate({"job": section}, "nightly.yaml")
    assert told in caught.value.message
    assert caught.value.message.startswith("nightly.yaml: ")


@pytest.mark.parametrize(("text", "expected"), [("05:30", "05:30"), ("17:30", "17:30"), ("'5:30'", "05:30")])
def test_a_time_of_day_needs_no_quotes(text: str, expected: str) -> None:
    """YAML 1.1 reads 17:30 as the number 1050."""
    config = validate(load_yaml(f"job: {{deadline: {text}}}"), "x")
    assert config.job is not None
    assert config.job.deadline == expected
    assert validate(load_yaml(explain(config)), "x").job == config.job


def test_every_key_of_a_job_is_explained_and_reads_back_equal() -> None:
    config = Config(job=JobConfig(max_age="2d", outputs=("a.csv", "b.parquet")))
    text = explain(config)
    for line in text.partition("\njob:\n")[2].splitlines():
        assert not line or line.count("  # ") >= 1, line
    assert validate(yaml.safe_load(text), "x").job == config.job


def test_a_config_without_a_job_is_saved_without_one() -> None:
    assert "job" not in yaml.safe_load(dump(Config()))
    assert "job" in yaml.safe_load(dump(Config(job=JobConfig())))
