"""Forecasts from many cutoffs, against a plain loop over series and folds."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecaster.config import DataConfig
from forecaster.config.tree import Tree, validate
from forecaster.errors import DataError
from forecaster.evaluation import backtest as engine
from forecaster.evaluation.backtest import Plan, backtest, iterate_parts
from forecaster.evaluation.metrics import seasonal_error
from forecaster.events import Event, FoldsForecast, ignore
from forecaster.forecast import Forecast, Forecaster
from forecaster.models.build import build
from forecaster.models.naive import SeasonalNaive
from forecaster.panel import Panel
from forecaster.selection.resolve import resolve
from tests.conftest import MakePanel

HORIZON = 4


class Recorder(SeasonalNaive):
    """A seasonal naive forecast that remembers what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.fitted: list[Panel] = []
        self.predicted: list[Panel] = []

    def learn(self, panel: Panel) -> Forecaster:
        self.fitted.append(panel)
        return self

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        self.predicted.append(panel)
        return super().predict(panel, horizon)


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    generator = np.random.default_rng(0)
    holed = np.where(np.arange(40) % 7 == 3, np.nan, generator.normal(size=40))
    return make_panel([generator.normal(size=60), holed, generator.normal(size=15), [1.0, 2.0, 3.0]], season=6)


@pytest.mark.parametrize("refit", [0, 1, 2])
@pytest.mark.parametrize("stride", [None, 1, 6])
@pytest.mark.parametrize("window", [None, 9])
def test_every_row_is_what_a_plain_loop_forecasts(
    panel: Panel, refit: int, stride: int | None, window: int | None
) -> None:
    plan = Plan(HORIZON, folds=4, stride=stride, refit=refit, window=window)
    found = backtest(lambda _: SeasonalNaive(), panel, plan)
    row = 0
    for number in range(len(panel)):
        for fold in range(4):
            back = HORIZON + (3 - fold) * (stride or HORIZON)
            if panel.lengths[number] - back <= HORIZON:
                continue
            alone = panel.select(np.array([number])).cut(back)
            alone = alone.last(window) if window else alone
            expected = SeasonalNaive().predict(alone, HORIZON)
            assert (found.series[row], found.fold[row]) == (number, fold)
            assert found.forecast.ids[row] == expected.ids[0]
            assert found.forecast.cutoff[row] == expected.cutoff[0]
            assert_array_equal(found.forecast.ds[row], expected.ds[0])
            assert_array_equal(found.forecast.quantiles[row], expected.quantiles[0])
            assert_array_equal(found.actual[row], panel.values[alone.end[0] : alone.end[0] + HORIZON, 0])
            assert_allclose(found.scale.absolute[row], seasonal_error(alone, 6)[0], rtol=1e-9)
            row += 1
    assert row == len(found.series) == len(found.forecast.mean)
    assert set(found.series.tolist()) == ({0, 1, 2} if row > 8 else {0, 1})


def test_a_fit_serves_its_folds_and_sees_what_precedes_the_first(panel: Panel) -> None:
    def ends(refit: int) -> list[list[int]]:
        recorder = Recorder()
        backtest(recorder.learn, panel.select(np.array([0])), Plan(HORIZON, folds=5, refit=refit))
        assert len(recorder.fitted) == len(recorder.predicted)
        return [
            [int(fit.end[0]), *map(int, rows.end)]
            for fit, rows in zip(recorder.fitted, recorder.predicted, strict=True)
        ]

    assert ends(0) == [[40, 40, 44, 48, 52, 56]]
    assert ends(2) == [[40, 40, 44], [48, 48, 52], [56, 56]]
    assert ends(1) == [[end, end] for end in (40, 44, 48, 52, 56)]


def test_a_series_joins_at_the_fold_that_it_is_long_enough_for(panel: Panel) -> None:
    recorder = Recorder()
    found = backtest(recorder.learn, panel, Plan(HORIZON, folds=4, refit=0))
    assert [fit.ids.tolist() for fit in recorder.fitted] == [["s0", "s1"]]
    assert [found.fold[found.series == number].tolist() for number in range(4)] == [[0, 1, 2, 3]] * 2 + [[2, 3], []]


def test_a_window_hides_what_is_older(panel: Panel) -> None:
    recorder = Recorder()
    backtest(recorder.learn, panel, Plan(HORIZON, folds=3, window=10))
    for seen in (*recorder.fitted, *recorder.predicted):
        assert (seen.lengths <= 10).all()
        assert (seen.lengths == 10).any()


def test_a_series_without_an_observation_in_the_window_does_not_take_part(make_panel: MakePanel) -> None:
    holed = np.arange(40.0)
    holed[10:30] = np.nan
    panel = make_panel([np.arange(40.0), holed], season=1)
    found = backtest(lambda _: SeasonalNaive(), panel, Plan(HORIZON, folds=4, window=6))
    assert found.fold[found.series == 1].tolist() == [2, 3]  # the windows of the others lie in the gap


@pytest.mark.parametrize(("folds", "stride"), [(15, None), (60, 1), (9, 7)])
def test_too_many_folds_name_the_number_that_fits(panel: Panel, folds: int, stride: int | None) -> None:
    with pytest.raises(DataError, match="the longest has 60") as error:
        backtest(lambda _: SeasonalNaive(), panel, Plan(HORIZON, folds=folds, stride=stride))
    fitting = int(error.value.hint.removeprefix("pass --folds "))
    backtest(lambda _: SeasonalNaive(), panel, Plan(HORIZON, folds=fitting, stride=stride))
    with pytest.raises(DataError):
        backtest(lambda _: SeasonalNaive(), panel, Plan(HORIZON, folds=fitting + 1, stride=stride))


def test_a_panel_that_no_fold_fits_needs_a_shorter_horizon(panel: Panel) -> None:
    with pytest.raises(DataError, match="need a series of 97 steps") as error:
        backtest(lambda _: SeasonalNaive(), panel, Plan(32, folds=2))
    assert "--horizon" in error.value.hint


def test_a_window_as_short_as_the_horizon_is_refused(panel: Panel) -> None:
    with pytest.raises(DataError, match="window of 4 steps is too short"):
        backtest(lambda _: SeasonalNaive(), panel, Plan(HORIZON, window=4))


def test_parts_cover_all_rows_and_share_memory(panel: Panel) -> None:
    parts = list(iterate_parts(panel, 10, points=35))
    assert [(some.start, some.stop) for some, _ in parts] == [(0, 3), (3, 4)]
    assert [part.ids.tolist() for _, part in parts] == [["s0", "s1", "s2"], ["s3"]]
    assert all(part.values is panel.values for _, part in parts)
    assert len(list(iterate_parts(panel, 10, points=1))) == 4  # a row at least


def test_parts_change_nothing_and_progress_counts_whole_folds(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(HORIZON, folds=4, refit=3)
    at_once = backtest(lambda _: SeasonalNaive(), panel, plan)
    monkeypatch.setattr(engine, "iterate_parts", lambda rows, horizon: iterate_parts(rows, horizon, points=3 * horizon))
    events: list[Event] = []
    found = backtest(lambda _: SeasonalNaive(), panel, plan, watch=events.append)
    assert_array_equal(found.forecast.quantiles, at_once.forecast.quantiles)
    told = [event for event in events if isinstance(event, FoldsForecast)]
    assert [event.done for event in told] == [0, 1, 2, 3, 4]  # 3 of 2 + 2 + 3 rows at a time, then 3 of 3
    assert {event.folds for event in told} == {4}
    assert told[0].seconds_left is None
    assert all(event.seconds_left is not None and event.seconds_left > 0 for event in told[1:-1])
    assert told[-1].seconds_left == 0


def test_a_fold_that_fails_is_an_error_that_names_it(panel: Panel) -> None:
    fits: list[Panel] = []

    def fit(panel: Panel) -> Forecaster:
        fits.append(panel)
        if len(fits) == 3:
            raise DataError("not enough", hint="give more")
        return SeasonalNaive()

    with pytest.raises(DataError, match="fold 3: not enough"):
        backtest(fit, panel, Plan(HORIZON, folds=4))


KINDS = ["naive", "seasonal_naive", "gru", "segrnn", "deepar", "ensemble"]


@pytest.fixture
def covered(make_panel: MakePanel) -> Panel:
    """Two series with a past column and a known one that reaches three steps beyond the target."""
    generator = np.random.default_rng(1)
    panel = make_panel([np.zeros(63), np.zeros(43)], season=6)
    values = generator.normal(10, 1, (106, 3)).astype(np.float32)
    values[:, 0] += values[:, 2]
    values[np.r_[60:63, 103:106], :2] = np.nan
    roles = ("target", "past", "known")
    return replace(panel, values=values, columns=("y", "p", "k"), roles=roles, end=panel.end - 3, stop=panel.end)


def fit_of(kind: str) -> Callable[[Panel], Forecaster]:
    tree: Tree = {"training": {"steps": 6, "batch": 16, "validate_every": 3}}
    if kind in ("naive", "seasonal_naive"):
        tree["model"] = {"kind": kind}
    elif kind == "ensemble":
        tree |= {"preset": "default", "model": {"hidden": 6, "context": 8}, "ensemble": {"workers": 1}}
    else:
        tree |= {"preset": "fast", "model": {"kind": kind, "hidden": 6, "context": 8}}
    config = validate(tree, "test").model_copy(update={"data": DataConfig(horizon=HORIZON)})

    def fit(panel: Panel) -> Forecaster:
        forecaster = build(resolve(config, panel))
        forecaster.fit(panel, np.full(len(panel), HORIZON), watch=ignore, checkpoint=None)
        return forecaster

    return fit


@pytest.mark.parametrize(
    ("kind", "refit"),
    [(kind, refit) for kind in KINDS for refit in (0, 2) if kind != "deepar"] + [("deepar", 1)],
    # how many random numbers one row's futures use up decides which the next row gets
)
def test_nothing_after_a_cutoff_is_seen_but_known_columns(covered: Panel, kind: str, refit: int) -> None:
    plan = Plan(HORIZON, folds=3, refit=refit)
    plain = backtest(fit_of(kind), covered, plan).forecast
    for fold in range(3):
        values = covered.values.copy()
        for end, stop in zip(covered.end - plan.steps_back[fold], covered.stop, strict=True):
            values[end:stop, :2] = 777
        altered = backtest(fit_of(kind), replace(covered, values=values), plan).forecast
        is_unchanged = np.tile(np.arange(3) <= fold, 2)
        assert_array_equal(altered.quantiles[is_unchanged], plain.quantiles[is_unchanged])
        assert (altered.quantiles[~is_unchanged] != plain.quantiles[~is_unchanged]).any() == (fold < 2)


@pytest.mark.parametrize("kind", KINDS[2:])
def test_known_columns_after_a_cutoff_are_seen(covered: Panel, kind: str) -> None:
    plan = Plan(HORIZON, folds=2, refit=0)
    values = covered.values.copy()
    for end in covered.end:
        values[end - HORIZON : end, 2] += 3
    plain, altered = (
        backtest(fit_of(kind), each, plan).forecast for each in (covered, replace(covered, values=values))
    )
    assert_array_equal(altered.quantiles[[0, 2]], plain.quantiles[[0, 2]])
    assert (altered.quantiles[[1, 3]] != plain.quantiles[[1, 3]]).any(axis=(1, 2)).all()
