from pathlib import Path

import pytest

from forecaster.config import Config, DataConfig
from forecaster.config.model import GruConfig, LstmConfig
from forecaster.config.network import PointConfig, QuantileConfig
from forecaster.errors import ConfigError, ForecastError, InputError
from forecaster.settings import dump, explain, load


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
        ("head.kind=quantil", ["head", "quantil", "did you mean 'quantile'"]),
        ("head={kind: point, los: mse}", ["'head.los'", "did you mean 'loss'"]),
        ("head={kind: point, delta: 0}", ["head.delta", "0"]),
        ("training.steps=-3", ["training.steps", "-3"]),
        ("training.steps=many", ["training.steps", "many"]),
        ("training=3", ["training"]),
        ("training.steps.more=3", ["training.steps.more"]),
        ("nothing", ["nothing"]),
        ("model.dilation=[1, 2]", ["model.dilation", "one number for each of the 1 layers"]),
        ("model.dilation=[0]", ["model.dilation"]),
    ],
)
def test_a_wrong_setting_is_named(setting: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(settings=("training.steps=3", setting), environment={})
    for word in words:
        assert word in caught.value.message


def test_a_head_without_a_kind_is_a_quantile_head() -> None:
    assert load(settings=("head={}",), environment={}).head == QuantileConfig()
    head = load(settings=("head.kind=point", "head.loss=huber", "head.delta=0.5"), environment={}).head
    assert head == PointConfig(loss="huber", delta=0.5)


def test_counts_refuse_a_scale_that_moves_zero() -> None:
    with pytest.raises(ConfigError, match=r"negative_binomial needs scale\.kind mean_abs.* got 'last'"):
        load(settings=("head.kind=negative_binomial", "scale.kind=last"), environment={})


def test_truncation_refuses_a_bidirectional_network() -> None:
    with pytest.raises(ConfigError, match="bidirectional"):
        load(settings=("training.truncate=5", "model.bidirectional=true"), environment={})


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("model.bidirectional=true", "model.bidirectional"),
        ("model.dilation=[2]", "model.dilation"),
        ("training.truncate=5", "training.truncate"),
        ("head.kind=point", "head.kind point"),
        ("scale.kind=seasonal", "scale.kind seasonal"),
        ("scale.kind=cycle", "scale.kind cycle"),
    ],
)
def test_recursion_refuses_what_it_cannot_go_on_from(setting: str, name: str) -> None:
    with pytest.raises(ConfigError, match=f"decode.kind recursive cannot be combined with {name}"):
        load(settings=("decode.kind=recursive", setting), environment={})
    assert load(settings=("decode.kind=parallel", setting), environment={})


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (("data.minimum=3", "data.maximum=2"), "data.maximum: must not be below data.minimum 3"),
        (("data.minimum=2.2", "data.maximum=2.8", "data.integer=true"), "no whole number from data.minimum 2.2 to"),
    ],
)
def test_bounds_leave_room_for_a_target(settings: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        load(settings=settings, environment={})
    assert load(settings=("data.minimum=2", "data.maximum=2", "data.integer=true"), environment={}).data.maximum == 2


@pytest.mark.parametrize("written", ["conformal.kind=off", "conformal: {kind: off}\n"])
def test_off_is_a_kind_though_yaml_takes_it_for_a_boolean(tmp_path: Path, written: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("" if "=" in written else written)
    config = load(file, settings=(written,) if "=" in written else (), environment={})
    assert config.conformal.kind == "off"
    file.write_text(dump(config))
    assert load(file, environment={}) == config
    with pytest.raises(ConfigError, match=r"conformal\.kind.*'split' or 'off', got 'splt'"):
        load(settings=("conformal.kind=splt",), environment={})


@pytest.mark.parametrize("setting", ["decode.skip=[24, 0]", "decode.lags=[-1]"])
def test_a_lag_leads_back(setting: str) -> None:
    with pytest.raises(ConfigError, match="a lag is at least 1 step"):
        load(settings=(setting,), environment={})


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("5m", 300), ("1.5h", 5400), ("2 m", 120), ("90", 90)])
def test_a_budget_is_a_duration_in_seconds(text: str, seconds: float) -> None:
    assert load(settings=(f"training.budget={text}",), environment={}).training.budget == seconds


@pytest.mark.parametrize("text", ["5x", "0s", "-3", "m"])
def test_a_budget_that_is_no_duration_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match=r"training\.budget"):
        load(settings=(f"training.budget={text}",), environment={})


@pytest.mark.parametrize(("content", "error"), [("[1, 2]", ConfigError), ("a: [", ConfigError), (None, InputError)])
def test_a_broken_file_is_told(tmp_path: Path, content: str | None, error: type[ForecastError]) -> None:
    file = tmp_path / "config.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(error, match=r"config\.yaml"):
        load(file, environment={})


def test_logarithms_and_a_scale_without_a_location_do_not_go_together() -> None:
    with pytest.raises(ConfigError, match="kind mean_abs subtracts none"):
        load(settings=("scale.kind=mean_abs", "scale.log=true"), environment={})


def test_columns_may_be_named_with_commas_or_as_a_list() -> None:
    data = load(overrides={"data.past": "a, b"}, settings=("data.known=[c]", "data.static=null"), environment={}).data
    assert (data.past, data.known, data.static) == (("a", "b"), ("c",), ())


@pytest.mark.parametrize("flag", [{"preset": "best"}, {"model.kind": "segrnn"}])
def test_a_flag_with_another_preset_leaves_out_what_the_files_had_chosen(tmp_path: Path, flag: dict[str, str]) -> None:
    file = tmp_path / "saved.yaml"
    file.write_text("preset: fast\ndata: {season: 7}\nmodel: {kind: gru, hidden: 64}\ntraining: {steps: 700}\n")
    config = load(file, overrides=flag, environment={})
    assert config.data.season == 7
    assert config.model_fields_set == {"preset", "data"} | ({"model"} if "model.kind" in flag else set())
    assert "hidden" not in config.model.model_fields_set
    kept = load(file, overrides={"preset": "fast", "model.kind": "lstm"}, environment={})
    assert (kept.model.kind, kept.training.steps) == ("lstm", 700)


def test_an_explained_config_loads_back_equal(tmp_path: Path) -> None:
    data = DataConfig(target=("a, b", "ä: #"), time="none", categories={"sky": ("no", "1e3")}, minimum=0)
    config = Config(data=data, model=LstmConfig(hidden=7))
    text = explain(config)
    (tmp_path / "config.yaml").write_text(text)
    assert load(tmp_path / "config.yaml", environment={}) == config
    assert "  # horizon: null  # steps to forecast\n" in text


def test_a_model_named_by_a_flag_replaces_a_mixture(tmp_path: Path) -> None:
    mixture = tmp_path / "mixture.yaml"
    mixture.write_text("ensemble: {variants: [{model: {context: 9}}, {model: {kind: auto_theta}}]}")
    assert load(mixture, environment={}).name == "gru+auto_theta"
    lstm = load(mixture, overrides={"model.kind": "lstm"}, environment={})
    assert (lstm.name, lstm.variants) == ("lstm", ({"model": {"context": 9}},))
    drift = load(mixture, overrides={"model.kind": "drift"}, environment={})
    assert (drift.name, drift.variants) == ("drift", ({},))


def test_what_is_wrong_says_where_keys_are_explained(tmp_path: Path) -> None:
    (tmp_path / "table.yaml").write_text("a,b")
    for options in ({"path": tmp_path / "table.yaml"}, {"settings": ("training.steps=many",)}):
        with pytest.raises(ConfigError) as caught:
            load(**options)
        assert "`forecast init DATA`" in caught.value.hint


@pytest.mark.parametrize("setting", ["job.deadline=25:00", "job.deadlin=05:30", "job={deadline: 7}", "data.horizon=x"])
def test_a_wrong_setting_blames_the_option_and_not_the_file(tmp_path: Path, setting: str) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("job: {keep: 3}\ndata: {horizon: 7}\n")
    with pytest.raises(ConfigError, match=r"^--set: "):
        load(path, settings=("data.target=y", setting), environment={})
    key, _, value = setting.partition("=")
    variable = "FORECAST_" + key.upper().replace(".", "__")
    if "." in key:
        with pytest.raises(ConfigError, match=f"^{variable}: "):
            load(path, environment={variable: value})
    path.write_text("job: {keep: none}\n")
    with pytest.raises(ConfigError, match=r"job.yaml: job.keep: "):
        load(path, settings=("data.target=y",), environment={})
    path.write_text("training: {batch: 7, start: pretrained}\n")
    with pytest.raises(ConfigError, match=r"^\S*job.yaml: training.start"):
        load(path, settings=("training.steps=3",), environment={})
