"""Laws that every Forecaster keeps."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecaster.config import Config, DataConfig
from forecaster.config.tree import Tree, validate
from forecaster.evaluation import calibration
from forecaster.events import ignore
from forecaster.forecast import PROBABILITIES, Forecaster, Updatable
from forecaster.models.build import build
from forecaster.models.calibrated import Calibrated
from forecaster.models.ensemble import Ensemble
from forecaster.models.neural import NeuralForecaster
from forecaster.panel import Panel
from forecaster.selection.resolve import resolve
from forecaster.store import pretrained
from tests.conftest import MakePanel

CELLS = ["rnn", "lstm", "gru", "mingru", "minlstm", "slstm"]
RECIPES = ["segrnn", "deepar"]
FINE_TUNED = ["fine_tuned"] if find_spec("onnx") else []
STATISTICAL = ["auto_ets", "auto_theta", "auto_arima"]
PRETRAINED = ["pretrained"] if find_spec("onnx") else []
BASELINES = ["naive", "seasonal_naive", "drift", *PRETRAINED, *STATISTICAL]
BARE = [*BASELINES, *CELLS, *RECIPES, *FINE_TUNED, "ensemble"]
CALIBRATED = [kind for kind in BARE if kind not in ("auto_ets", "auto_arima")]  # slow, and within as Theta is
KINDS = [*BARE, *(f"calibrated {kind}" for kind in CALIBRATED)]
LOCATED = [kind for kind in KINDS if "deepar" not in kind]  # its scale subtracts nothing
MEDIAN = [kind for kind in KINDS if kind.split()[-1] not in RECIPES]  # the point forecast is the median quantile
ZERO = [*BASELINES, "calibrated naive", *RECIPES]  # the others take logarithms of the panel
HORIZON = 4


def config_of(name: str) -> Config:
    prefix, _, kind = name.rpartition(" ")
    tree: Tree = {"training": {"steps": 6, "batch": 16, "validate_every": 3}}
    tree["conformal"] = {"kind": "split" if prefix else "off"}
    network = {"hidden": 6, "context": 8, "layers": 2}
    match kind:
        case "ensemble":
            tree |= {"preset": "default", "model": network, "ensemble": {"workers": 1}}
        case _ if kind in BASELINES:
            tree["model"] = {"kind": kind} | ({"history": 24} if kind in STATISTICAL else {})
        case "fine_tuned":
            tree["model"] = {"kind": "pretrained", "weights": hash_of_network()}
            tree["training"] |= {"start": "pretrained", "learning_rate": 0.01}
        case _:
            tree |= {"preset": "fast", "model": {"kind": kind, **network}}
    return validate(tree, "test").model_copy(update={"data": DataConfig(horizon=HORIZON)})


def hash_of_network() -> str:
    """Return the hash of the weights that are trained further."""
    from tests.toy_weights import hash_of

    return hash_of(pretrained.FOLDER / "2020-01")


@pytest.fixture(autouse=True)
def use_small_weights(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as if the package contained a toy network and an older network that can be trained further."""
    if PRETRAINED:
        monkeypatch.setattr(pretrained, "FOLDER", request.getfixturevalue("two_networks"))


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    generator = np.random.default_rng(0)
    wave = 10 + np.sin(np.arange(60) * 2 * np.pi / 6)
    series = [
        wave + generator.normal(0, 0.1, 60),
        np.where(np.arange(40) % 7 == 3, np.nan, wave[:40]),  # gaps
        1e6 + 1e3 * wave[:30],
        [5.0, 6.0, 5.5],  # shorter than context and horizon
        [3.0] * 20,  # constant
    ]
    return make_panel(series, season=6)


def fitted(kind: str, panel: Panel) -> Forecaster:
    forecaster = build(resolve(config_of(kind), panel))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "_shrink", lambda found, *chance: found)  # or so few series would prove nothing
        forecaster.fit(panel, np.array([10, 9, 8, 0, 0]), watch=ignore, checkpoint=None)
    return forecaster


Fit = Callable[[str], Forecaster]
_fitted: dict[str, Forecaster] = {}


@pytest.fixture
def fit(panel: Panel) -> Fit:
    """Fit each kind once: no forecast changes what was learnt."""

    def run(kind: str) -> Forecaster:
        if kind not in _fitted:
            _fitted[kind] = fitted(kind, panel)
        return _fitted[kind]

    return run


def test_the_members_are_what_their_names_say(fit: Fit) -> None:
    assert isinstance(fit("ensemble"), Ensemble)
    for kind in (*CELLS, *RECIPES):
        assert isinstance(fit(kind), NeuralForecaster)
        assert fit(kind).name == fit(f"calibrated {kind}").name == kind
    for kind in FINE_TUNED:
        assert fit(kind).name == kind
        assert fit(kind).state()["best_step"][0] > 0
    for kind in CALIBRATED:
        calibrated = fit(f"calibrated {kind}")
        assert isinstance(calibrated, Calibrated)
        assert type(calibrated.inner) is type(fit(kind))
        assert np.ptp(calibrated.state()["conformal.factors"]) > 0.5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("horizon", [1, HORIZON, 3 * HORIZON + 1])
def test_any_horizon_has_its_exact_length_and_is_finite(fit: Fit, panel: Panel, kind: str, horizon: int) -> None:
    forecast = fit(kind).predict(panel, horizon)
    assert forecast.mean.shape == forecast.ds.shape == (5, horizon)
    assert forecast.quantiles.shape == (5, horizon, len(PROBABILITIES))
    assert np.isfinite(forecast.quantiles).all()
    assert np.isfinite(forecast.mean).all()


@pytest.mark.parametrize("kind", KINDS)
def test_quantiles_never_cross(fit: Fit, panel: Panel, kind: str) -> None:
    assert (np.diff(fit(kind).predict(panel, 4 * HORIZON).quantiles, axis=2) >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_shorter_horizon_is_the_beginning_of_a_longer_one(fit: Fit, panel: Panel, kind: str) -> None:
    forecaster = fit(kind)
    short, long = (forecaster.predict(panel, horizon) for horizon in (HORIZON - 1, 2 * HORIZON))
    assert_array_equal(short.quantiles, long.quantiles[:, : HORIZON - 1])


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_after_the_cutoff_changes_nothing(panel: Panel, kind: str) -> None:
    def forecast(changed: bool) -> np.ndarray:
        values = panel.values.copy()
        seen = replace(panel, values=values).cut(np.array([9, 9, 9, 1, 9]))
        if changed:
            for end, whole in zip(seen.end, panel.end, strict=True):
                values[end:whole] = 777
        return fitted(kind, seen).predict(seen, HORIZON).quantiles

    assert_array_equal(forecast(False), forecast(True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_scaling_the_data_scales_the_forecast(fit: Fit, panel: Panel, kind: str, factor: float) -> None:
    forecaster = fit(kind)
    plain = forecaster.predict(panel, HORIZON)
    scaled = forecaster.predict(replace(panel, values=panel.values * np.float32(factor)), HORIZON)
    tolerance = (
        1e-3 if kind.split()[-1] in STATISTICAL else 1e-4
    )  # rounding sends an optimiser another way to where it stops
    assert_allclose(scaled.quantiles, plain.quantiles * factor, rtol=tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_series_does_not_matter(fit: Fit, panel: Panel, kind: str) -> None:
    forecaster = fit(kind)
    order = np.array([3, 1, 4, 0, 2])
    plain, mixed = forecaster.predict(panel, HORIZON), forecaster.predict(panel.select(order), HORIZON)
    assert mixed.ids.tolist() == panel.ids[order].tolist()
    assert_allclose(mixed.quantiles, plain.quantiles[order], rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_series_is_forecast_alone_as_it_is_among_others(fit: Fit, panel: Panel, kind: str) -> None:
    forecaster = fit(kind)
    whole, alone = forecaster.predict(panel, HORIZON), forecaster.predict(panel.select(np.array([2])), HORIZON)
    assert_allclose(alone.quantiles, whole.quantiles[2:3], rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_restored_forecaster_predicts_the_same(fit: Fit, panel: Panel, kind: str) -> None:
    forecaster = fit(kind)
    other = build(resolve(config_of(kind), panel))
    other.restore(forecaster.state())
    assert_array_equal(other.predict(panel, HORIZON).quantiles, forecaster.predict(panel, HORIZON).quantiles)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bytes(fit: Fit, panel: Panel, kind: str) -> None:
    first, second = (one.predict(panel, HORIZON).quantiles for one in (fit(kind), fitted(kind, panel)))
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("kind", LOCATED)
def test_a_constant_series_forecasts_its_constant(fit: Fit, panel: Panel, kind: str) -> None:
    assert_array_equal(fit(kind).predict(panel, 2 * HORIZON).quantiles[4], np.full((8, 15), 3, np.float32))


@pytest.mark.parametrize("kind", MEDIAN)
def test_the_deciles_bracket_the_point_forecast(fit: Fit, panel: Panel, kind: str) -> None:
    forecast = fit(kind).predict(panel, HORIZON)
    for lower, upper in itertools.pairwise((0.1, 0.5, 0.9)):
        assert (forecast.at(lower) <= forecast.at(upper)).all()
    assert (forecast.at(0.025) <= forecast.mean).all()
    assert (forecast.mean <= forecast.at(0.975)).all()


@pytest.mark.parametrize("kind", ZERO)
def test_a_series_that_was_always_zero_stays_there(fit: Fit, make_panel: MakePanel, kind: str) -> None:
    zeros = make_panel([[0.0] * 20], season=6)
    assert_array_equal(fit(kind).predict(zeros, HORIZON).quantiles, np.zeros((1, HORIZON, 15), np.float32))


@pytest.mark.parametrize("kind", KINDS)
def test_a_series_that_was_never_seen_is_forecast(fit: Fit, make_panel: MakePanel, kind: str) -> None:
    new = make_panel([np.sin(np.arange(30)), [4.0, 5.0]], season=6)
    new = replace(new, ids=np.array(["new", "s0"], object))
    assert np.isfinite(fit(kind).predict(new, HORIZON).quantiles).all()


def updated(kind: str, state: dict[str, np.ndarray], panel: Panel, seen: Panel) -> Forecaster:
    """What `state` becomes once the steps of `panel` that follow `seen` are there."""
    forecaster = build(resolve(config_of(kind), seen))
    forecaster.restore(state)
    if isinstance(forecaster, Updatable):
        forecaster.update(panel, int(seen.cutoff.max()), watch=ignore)
    return forecaster


@pytest.mark.parametrize("kind", KINDS)
def test_an_update_changes_what_a_network_learnt_and_nothing_else(panel: Panel, kind: str) -> None:
    seen = panel.cut(np.array([10, 0, 0, 0, 0]))
    before = fitted(kind, seen).state()
    after, again = (updated(kind, before, panel, seen).state() for _ in range(2))
    assert {name: value.tobytes() for name, value in after.items()} == {
        name: value.tobytes() for name, value in again.items()
    }
    changed = {name for name, value in after.items() if value.tobytes() != before[name].tobytes()}
    assert bool(changed) == (kind.split()[-1] not in BASELINES)
    assert not any("conformal" in name or "residuals" in name or "best_step" in name for name in changed)


@pytest.mark.parametrize("kind", [kind for kind in BARE if kind not in BASELINES])
def test_an_update_knows_each_series_by_its_name(fit: Fit, panel: Panel, kind: str) -> None:
    state, since = fit(kind).state(), panel.cut(np.array([10, 0, 0, 0, 0]))
    new = replace(panel, ids=np.array(["new", "s1", "s2", "s3", "s4"], object))
    forecast = updated(kind, state, new, since).predict(new, HORIZON)
    assert np.isfinite(forecast.quantiles).all()
