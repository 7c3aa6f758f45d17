"""What a trained network promises: of levels it never saw, its intervals, covariates, long horizons and budgets."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from forecaster.batches.window_spec import WindowSpec
from forecaster.batches.windows import Windows
from forecaster.config import Config, DataConfig
from forecaster.config.tree import merge, validate
from forecaster.events import Event, TrainingEnded, TrainingStarted, TrainingStep, ignore
from forecaster.forecast import PROBABILITIES, Forecast
from forecaster.models import neural
from forecaster.models.build import build
from forecaster.models.neural import NeuralForecaster
from forecaster.network.inputs import Inputs
from forecaster.panel import Panel
from forecaster.selection.resolve import resolve
from tests.conftest import MakePanel

HORIZON = 6


def config(**training: object) -> Config:
    tree = {
        "preset": "fast",
        "model": {"kind": "gru", "hidden": 16, "context": 12, "dropout": 0},
        "training": {"steps": 250, "batch": 64, "learning_rate": 0.01, **training},
    }
    return validate(tree, "test").model_copy(update={"data": DataConfig(horizon=HORIZON)})


def trained(panel: Panel) -> Forecast:
    forecaster = build(resolve(config(), panel))
    forecaster.fit(panel, None, watch=ignore, checkpoint=None)
    return forecaster.predict(panel, HORIZON)


def test_a_linear_trend_continues(make_panel: MakePanel) -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, 150)
    forecast = trained(make_panel([50 + 2 * np.arange(150) + noise]))
    expected = 50 + 2 * np.arange(150, 150 + HORIZON)
    assert np.abs(forecast.mean[0] - expected).max() < 1.5  # flattening would miss the last step by 12


def test_series_of_any_size_are_forecast_equally_well(make_panel: MakePanel) -> None:
    wave = np.sin(np.arange(100 + HORIZON) * 2 * np.pi / 6)
    sizes = (1e6, 1.0, 1e-3)
    forecast = trained(make_panel([size * (3 + wave[:100]) for size in sizes], season=6))
    for row, size in enumerate(sizes):
        error = np.abs(forecast.mean[row] / size - (3 + wave[100:]))
        assert error.max() < 0.25
    np.testing.assert_allclose(forecast.mean[0] / 1e6, forecast.mean[2] / 1e-3, rtol=1e-3)


def test_intervals_cover_about_what_they_say(make_panel: MakePanel) -> None:
    generator = np.random.default_rng(0)
    series = [generator.normal(10, 1, 80).astype(np.float32) for _ in range(60)]
    panel = make_panel(series)
    seen = panel.cut(HORIZON)
    forecaster = build(resolve(config(steps=300), seen))
    forecaster.fit(seen, None, watch=ignore, checkpoint=None)
    forecast = forecaster.predict(seen, HORIZON)
    actual = seen.actual(HORIZON, panel.end)
    inside = (forecast.at(0.1) <= actual) & (actual <= forecast.at(0.9))
    assert 0.7 < inside.mean() < 0.9


def test_an_earlier_fit_sets_the_length_of_the_refit(make_panel: MakePanel) -> None:
    panel = make_panel([np.sin(np.arange(80))])
    forecaster = build(resolve(config(steps=30, validate_every=10), panel))
    forecaster.fit(panel.cut(HORIZON), np.array([12]), watch=ignore, checkpoint=None)
    steps = [event for event in forecaster.history if event.validation_loss is not None]
    best = min(steps, key=lambda step: step.validation_loss or 0).step
    seen: list[object] = []
    forecaster.fit(panel, None, watch=seen.append, checkpoint=None)
    assert seen[-1].steps == best  # type: ignore[attr-defined]
    assert len(forecaster.history) == 30


def test_a_gap_longer_than_the_context_is_not_read_as_zero(make_panel: MakePanel) -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(1000, 1, 120)
    values[50:70] = np.nan  # within the fit
    values[95:119] = np.nan  # up to the cutoff, once the last step is cut
    panel = make_panel([values]).cut(1)
    forecaster = build(resolve(config(steps=30), panel))
    forecaster.fit(panel, None, watch=ignore, checkpoint=None)
    assert np.abs(forecaster.predict(panel, HORIZON).quantiles - 1000).max() < 20
    assert max(step.train_loss for step in forecaster.history) < 2


def test_a_panel_of_constants_learns_nothing_and_forecasts_them(make_panel: MakePanel) -> None:
    panel = make_panel([[5.0] * 20, [7.0] * 20])
    forecast = trained(panel)
    np.testing.assert_array_equal(forecast.mean, [[5] * HORIZON, [7] * HORIZON])


def settled(panel: Panel, *, steps: int = 20, **sections: Any) -> NeuralForecaster:
    """A small network, not yet fitted."""
    tree = {
        "preset": "fast",
        "model": {"hidden": 12, "context": 12, "dropout": 0},
        "scale": {"kind": "mean", "log": False},
        "embed": {"width": 3},
        "training": {"steps": steps, "batch": 32, "learning_rate": 0.01, "validate_every": 10},
        "conformal": {"kind": "off"},
    }
    config = validate(merge(tree, sections), "test").model_copy(update={"data": DataConfig(horizon=HORIZON)})
    forecaster = build(resolve(config, panel))
    assert isinstance(forecaster, NeuralForecaster)
    return forecaster


def with_known(panel: Panel, known: npt.NDArray[np.floating[Any]], ahead: int) -> Panel:
    """Give a panel of one series a known column that reaches `ahead` steps further than the target."""
    values = np.concatenate([panel.values[:, 0], np.full(ahead, np.nan)])
    return replace(
        panel,
        values=np.column_stack([values, known]).astype(np.float32),
        columns=("y", "k"),
        roles=("target", "known"),
        stop=panel.end + ahead,
    )


@pytest.mark.parametrize("decode", ["direct", "parallel", "recursive"])
def test_a_known_covariate_that_says_what_comes_halves_the_error(make_panel: MakePanel, decode: str) -> None:
    generator = np.random.default_rng(0)
    known = generator.integers(0, 2, 300 + HORIZON).astype(np.float64)
    target = 10 + 4 * known + generator.normal(0, 0.2, 300 + HORIZON)
    plain = make_panel([target[:300]])
    head = {"kind": "student_t"} if decode == "recursive" else {"kind": "quantile"}
    errors = []
    for panel in (plain, with_known(plain, known, HORIZON)):
        forecaster = settled(panel, steps=150, decode={"kind": decode, "paths": 50}, head=head)
        forecaster.fit(panel, None, watch=ignore, checkpoint=None)
        errors.append(np.abs(forecaster.predict(panel, HORIZON).mean[0] - target[300:]).mean())
    assert errors[1] < 0.5 * errors[0]


def test_what_is_known_of_a_later_block_changes_no_earlier_one(make_panel: MakePanel) -> None:
    known = np.random.default_rng(0).normal(size=80 + 3 * HORIZON)
    panel = with_known(make_panel([np.sin(np.arange(80))]), known, 3 * HORIZON)
    forecaster = settled(panel)
    forecaster.fit(panel, None, watch=ignore, checkpoint=None)
    plain = forecaster.predict(panel, 3 * HORIZON)
    assert np.isfinite(plain.quantiles).all()
    known[80 + HORIZON] += 5
    other = forecaster.predict(with_known(make_panel([np.sin(np.arange(80))]), known, 3 * HORIZON), 3 * HORIZON)
    np.testing.assert_array_equal(other.quantiles[:, :HORIZON], plain.quantiles[:, :HORIZON])
    assert (other.mean[:, HORIZON] != plain.mean[:, HORIZON]).all()


@pytest.mark.parametrize("scale", ["mean", "cycle"])
def test_a_block_reads_the_forecast_before_it_and_what_was_known_of_it(make_panel: MakePanel, scale: str) -> None:
    """The second block is the forecast of a panel that goes on with the first one's median."""
    known = np.random.default_rng(0).normal(size=80 + 2 * HORIZON)
    past = np.sin(np.arange(80))
    panel = with_known(make_panel([past], season=4), known, 2 * HORIZON)
    forecaster = settled(panel, steps=40, scale={"kind": scale})
    forecaster.fit(panel, None, watch=ignore, checkpoint=None)
    both = forecaster.predict(panel, 2 * HORIZON)
    longer = with_known(make_panel([np.concatenate([past, both.median[0, :HORIZON]])], season=4), known, HORIZON)
    second = forecaster.predict(longer, HORIZON)
    np.testing.assert_allclose(both.median[:, HORIZON:], second.median, rtol=1e-3, atol=1e-3)
    own = second.at(0.9) - second.median
    carried = (both.at(0.9) - both.median)[:, HORIZON - 1 : HORIZON]
    np.testing.assert_allclose(
        (both.at(0.9) - both.median)[:, HORIZON:], np.sqrt(own**2 + carried**2), rtol=2e-2, atol=1e-3
    )


def with_static(panel: Panel, static: list[list[float]], ids: list[str]) -> Panel:
    columns = tuple(f"c{number}" for number in range(len(static[0])))
    return replace(panel, static=np.array(static, np.float32), static_columns=columns, ids=np.array(ids, object))


@pytest.mark.parametrize(
    ("decode", "scale"),
    [("direct", "mean"), ("parallel", "mean"), ("recursive", "mean"), ("direct", "cycle"), ("parallel", "cycle")],
)
def test_unseen_series_and_categories_never_raise(make_panel: MakePanel, decode: str, scale: str) -> None:
    waves = [size * np.sin(np.arange(50)) for size in (1, 2, 3)]
    panel = with_static(make_panel(waves, season=6), [[1, 0, 5], [0, 1, 6], [0, 0, 7]], ["a", "b", "c"])
    sections = {"embed": {"identity": 4}, "scale": {"kind": scale}, "decode": {"kind": decode, "paths": 20}}
    forecaster = settled(panel, steps=5, head={"kind": "student_t"}, **sections)
    forecaster.fit(panel, None, watch=ignore, checkpoint=None)
    new = with_static(make_panel(waves, season=6), [[np.nan] * 3, [0, 0, 1e30], [1, 0, 5]], ["x", "y", "a"])
    forecast = forecaster.predict(new, 2 * HORIZON)
    assert np.isfinite(forecast.quantiles).all()


def test_a_series_is_known_by_its_name_wherever_it_stands(make_panel: MakePanel) -> None:
    """Its learnt vector is that of its name; a stranger with the same values is forecast another way."""
    panel = make_panel([np.sin(np.arange(50)), np.cos(np.arange(50))])
    forecaster = settled(panel, embed={"identity": 4})
    forecaster.fit(panel, None, watch=ignore, checkpoint=None)
    plain = forecaster.predict(panel, HORIZON).mean
    swapped = forecaster.predict(panel.select(np.array([1, 0])), HORIZON).mean
    np.testing.assert_allclose(swapped, plain[::-1], rtol=1e-5, atol=1e-6)
    alone = forecaster.predict(panel.select(np.array([1])), HORIZON).mean
    np.testing.assert_allclose(alone, plain[1:], rtol=1e-5, atol=1e-6)
    stranger = replace(panel, ids=np.array(["s0", "x"], object))
    assert not np.allclose(forecaster.predict(stranger, HORIZON).mean[1], plain[1], atol=1e-4)


def test_a_point_head_takes_its_intervals_from_held_out_windows_and_a_refit_keeps_them(make_panel: MakePanel) -> None:
    generator = np.random.default_rng(0)
    panel = make_panel([generator.normal(10, 1, 200) for _ in range(3)])
    tail = np.full(3, 60)
    forecaster = settled(panel, head={"kind": "point", "loss": "mse"})
    forecaster.fit(panel, tail, watch=ignore, checkpoint=None)
    residuals = forecaster.network.head.residuals.clone()  # type: ignore[union-attr]
    held_out = Windows.for_validation(panel, tail, WindowSpec(12, HORIZON))
    with torch.inference_mode():
        batch = Inputs.of(held_out.gather(np.arange(len(held_out))))
        raw, target, scaled = forecaster.network.eval().outputs(batch)
        errors = (scaled.forward(target) - raw[..., 0]).numpy()
    expected = np.quantile(errors, PROBABILITIES, axis=0, method="weibull").T  # k / (n + 1)
    np.testing.assert_allclose(residuals, expected, atol=1e-4)
    assert (np.diff(expected) > 0).all()
    forecaster.fit(panel, None, watch=ignore, checkpoint=None)
    assert torch.equal(forecaster.network.head.residuals, residuals)  # type: ignore[arg-type]


def started(forecaster: NeuralForecaster, panel: Panel, validation: npt.NDArray[np.int64] | None) -> int:
    """Fit, and give the steps that were planned."""
    seen: list[Event] = []
    forecaster.fit(panel, validation, watch=seen.append, checkpoint=None)
    (event,) = (event for event in seen if isinstance(event, TrainingStarted))
    return event.steps


def test_a_budget_becomes_as_many_steps_as_the_pace_allows(
    make_panel: MakePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it for the fit and half for the refit, and a tenth of that in reserve."""
    panel = make_panel([np.sin(np.arange(80))])
    monkeypatch.setattr(neural, "measure_pace", lambda *given: 50.0)
    both = settled(panel, training={"budget": 2010, "refit": True})
    assert started(both, panel.cut(HORIZON), np.array([12])) == int(0.9 * 1005 / 50)
    assert started(both, panel, None) == both.best_step
    alone = settled(panel, training={"budget": 2010, "refit": False})
    assert started(alone, panel, None) == int(0.9 * 2010 / 50)
    least = settled(panel, training={"budget": 1})
    assert started(least, panel, None) == 1


def test_without_a_budget_the_steps_are_those_of_the_config(
    make_panel: MakePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = make_panel([np.sin(np.arange(80))])
    monkeypatch.setattr(neural, "measure_pace", lambda *given: pytest.fail("nobody asked for the time"))
    assert started(settled(panel, steps=7), panel, None) == 7


def test_an_update_learns_what_is_new_in_few_steps_at_a_low_rate(make_panel: MakePanel) -> None:
    wave = np.sin(np.arange(120) * 2 * np.pi / 6)
    panel = make_panel([np.concatenate([wave, -wave, 2 * wave])])  # the waves grow after all that was learnt from
    seen = panel.cut(120)
    forecaster = settled(seen, steps=100)
    forecaster.fit(seen, np.array([20]), watch=ignore, checkpoint=None)
    restored, events = settled(seen, steps=100), list[Event]()
    restored.restore(forecaster.state())
    restored.update(panel, int(seen.cutoff[0]), watch=events.append)
    steps = round(forecaster.best_step / 10)
    assert [type(event) for event in events] == [TrainingStarted, *[TrainingStep] * steps, TrainingEnded]
    assert max(step.learning_rate for step in restored.history) <= 0.001
    assert restored.history[-1].learning_rate < 0.0005
    assert restored.best_step == forecaster.best_step
    tail = np.array([100])
    assert restored.assess(panel, tail) < forecaster.assess(panel, tail)
