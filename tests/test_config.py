from pathlib import Path

import pytest

from forecaster.config import Config, GruConfig, LstmConfig, dump, load
from forecaster.errors import ConfigError, ForecastError, InputError


def test_flags_beat_settings_beat_environment_beat_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("training: {steps: 1, batch: 1, seed: 1, patience: 1}\n")
    config = load(
        file,
        overrides={"training.steps": 4},
        settings=("training.steps=3", "training.batch=3"),
        environment={"FORECAST_TRAINING__STEPS": "2", "FORECAST_TRAINING__BATCH": "2", "FORECAST_TRAINING__SEED": "2"},
    )
    training = config.training
    assert (training.steps, training.batch, training.seed, training.patience) == (4, 3, 2, 1)


def test_a_flag_that_was_not_given_overrides_nothing() -> None:
    assert load(overrides={"training.steps": None}, environment={}) == Config()


def test_a_model_without_a_kind_is_a_gru() -> None:
    model = load(settings=("model.hidden=8",), environment={}).model
    assert model == GruConfig(hidden=8)


def test_what_is_dumped_loads_back_equal(tmp_path: Path) -> None:
    config = Config(model=LstmConfig(hidden=7, context=3))
    (tmp_path / "config.yaml").write_text(dump(config))
    assert load(tmp_path / "config.yaml", environment={}) == config


def test_exponents_without_a_point_are_numbers() -> None:
    assert load(settings=("training.learning_rate=1e-3",), environment={}).training.learning_rate == 0.001


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("training.stepz=3", ["training.stepz", "did you mean 'steps'"]),
        ("model.hiden=3", ["model.hiden", "did you mean 'hidden'"]),
        ("trainin.steps=3", ["'trainin'", "did you mean 'training'"]),
        ("model.kind=grru", ["grru", "did you mean 'gru'"]),
        ("training.steps=-3", ["training.steps", "-3"]),
        ("training.steps=many", ["training.steps", "many"]),
        ("training=3", ["training"]),
        ("training.steps.more=3", ["training.steps.more"]),
        ("nothing", ["nothing"]),
    ],
)
def test_a_wrong_setting_is_named(setting: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(settings=("training.steps=3", setting), environment={})
    for word in words:
        assert word in caught.value.message


def test_truncation_refuses_a_bidirectional_network() -> None:
    with pytest.raises(ConfigError, match="bidirectional"):
        load(settings=("training.truncate=5", "model.bidirectional=true"), environment={})


@pytest.mark.parametrize(("content", "error"), [("[1, 2]", ConfigError), ("a: [", ConfigError), (None, InputError)])
def test_a_broken_file_is_told(tmp_path: Path, content: str | None, error: type[ForecastError]) -> None:
    file = tmp_path / "config.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(error, match=r"config\.yaml"):
        load(file, environment={})
