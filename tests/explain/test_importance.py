"""Permutation importance where it is known what a forecaster reads."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from forecaster.explain.explanation import Importance
from forecaster.explain.importance import HeldOutWindows, InputGroup, group_columns, group_lags, measure_importance
from forecaster.forecast import PROBABILITIES, Forecast
from forecaster.frequency import DAY
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.panel import Panel
from tests.conftest import MakePanel

HORIZON, CONTEXT = 2, 10


class Reader:
    """The last value and three times the known column at each step, plus the static one and the day of the cutoff."""

    name = "reader"

    def __init__(self, *, static: float = 0.0, calendar: float = 0.0) -> None:
        self.static, self.calendar = static, calendar

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        steps = panel.end[:, None] + np.arange(horizon)
        last = panel.last_values()
        day = (panel.cutoff // DAY % 2).astype(float)
        mean = (
            last[:, None]
            + 3 * panel.values[steps, 2]
            + self.static * panel.static[:, :1]
            + self.calendar * day[:, None]
        )
        mean = mean.astype(np.float32)
        return Forecast.of(panel, np.repeat(mean[..., None], len(PROBABILITIES), axis=2), model=self.name)


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    """Four series whose next value is the last one and three times the known column; the past column is noise."""
    generator = np.random.default_rng(0)
    known = generator.integers(0, 2, (4, 40)).astype(np.float32)
    target = 20 + generator.normal(0, 2, (4, 40)).astype(np.float32)
    target[:, -HORIZON:] = target[:, -HORIZON - 1 : -HORIZON] + 3 * known[:, -HORIZON:]
    noise = generator.normal(size=(4, 40)).astype(np.float32)
    whole = make_panel(target.tolist())
    values = np.stack([target, noise, known], axis=2).reshape(-1, 3)
    return replace(
        whole,
        values=values,
        columns=("y", "wind", "promo"),
        roles=("target", "past", "known"),
        static=np.arange(4, dtype=np.float32)[:, None],
        static_columns=("size",),
    )


def measure(panel: Panel, forecaster: object, groups: list[InputGroup], *, independent: int = 4) -> Importance:
    visible = panel.cut(HORIZON)
    return measure_importance(
        forecaster,  # type: ignore[arg-type]
        HeldOutWindows(visible, visible.actual(HORIZON, panel.end), np.ones(len(panel)), independent),
        groups,
        context=CONTEXT,
        repeats=3,
        seed=0,
    )


def lost(importance: Importance) -> dict[str, float]:
    return {each.name: each.lost for each in importance.influences}


def test_what_a_forecaster_reads_matters_and_what_it_does_not_read_is_exactly_zero(panel: Panel) -> None:
    groups = [*group_lags(CONTEXT, 1), *group_columns(panel, lambda column: column)]
    importance = measure(panel, Reader(), groups)
    assert importance.mase == pytest.approx(0, abs=1e-5)
    losses = lost(importance)
    assert losses["lag 1"] > 0.3
    assert losses["promo"] > 0.3
    silent = set(losses) - {"lag 1", "promo"}
    assert {"wind", "size", "lags 3-4"} <= silent
    assert {losses[name] for name in silent} == {0.0}


def test_static_columns_dates_and_names_are_exchanged_too(panel: Panel) -> None:
    groups = [
        InputGroup("size", "static", columns=(0,)),
        InputGroup("calendar", "calendar"),
        InputGroup("series", "series"),
    ]
    shifted = replace(panel, start=panel.start + np.arange(4) * DAY, values=panel.values.copy())
    for row in range(4):
        shifted.values[panel.end[row] - HORIZON : panel.end[row], 0] += 2 * row
    losses = lost(measure(shifted, Reader(static=2.0), groups))
    assert losses["size"] > 1
    assert losses["calendar"] == losses["series"] == 0
    assert lost(measure(shifted, Reader(calendar=2.0), groups))["calendar"] != 0


def test_exchanged_values_keep_the_level_and_the_range_of_their_window(make_panel: MakePanel) -> None:
    generator = np.random.default_rng(0)
    panel = make_panel([generator.random(30) + 1e6, generator.random(30), 1e-3 * generator.random(30)])
    contexts: list[npt.NDArray[np.float32]] = []

    class Spy(Naive):
        def predict(self, panel: Panel, horizon: int) -> Forecast:
            contexts.append(np.stack([row[-CONTEXT:] for row in panel]))
            return super().predict(panel, horizon)

    measure(panel, Spy(), [InputGroup("lags 1-10", "lags", 1, CONTEXT)])
    whole = contexts[0]
    assert len(contexts) == 4
    for exchanged in contexts[1:]:
        assert (exchanged != whole).any(axis=1).all()
        assert (exchanged.min(1) >= whole.min(1)).all()
        assert (exchanged.max(1) <= whole.max(1)).all()


def test_gaps_stay_and_a_window_without_a_value_is_left_alone(make_panel: MakePanel) -> None:
    nothing = [1.0, 2.0] + [np.nan] * 26 + [3.0, 4.0]
    panel = make_panel([nothing, np.arange(30.0), np.where(np.arange(30) % 5 == 2, np.nan, np.arange(30.0))])
    importance = measure(panel, Naive(), group_lags(CONTEXT, 1))
    assert all(np.isfinite(each.lost) for each in importance.influences)


def test_seasonal_naive_hangs_on_the_last_season_alone(make_panel: MakePanel) -> None:
    generator = np.random.default_rng(0)
    panel = make_panel(generator.random((20, 40)).tolist(), season=5)
    losses = lost(measure(panel, SeasonalNaive(), group_lags(CONTEXT, 5)))
    assert list(losses) == ["lag 1", "lags 2-5", "lags 6-10"]
    assert losses["lags 2-5"] != 0
    assert losses["lag 1"] == losses["lags 6-10"] == 0  # two steps ahead repeat lags 5 and 4


def test_the_error_counts_only_windows_that_do_not_overlap(panel: Panel) -> None:
    groups = [InputGroup("lag 1", "lags", 1, 1)]
    one, four = (measure(panel, Reader(), groups, independent=count).influences[0] for count in (1, 4))
    two = measure(panel, Reader(), groups, independent=2).influences[0]
    assert np.isnan(one.error)
    assert two.error == pytest.approx(four.error * np.sqrt(2))


@pytest.mark.parametrize(
    ("context", "season", "names"),
    [
        (1, 1, ["lag 1"]),
        (4, 1, ["lag 1", "lag 2", "lag 3", "lag 4"]),
        (14, 7, ["lag 1", "lags 2-7", "lags 8-14"]),
        (10, 7, ["lag 1", "lag 2", "lags 3-4", "lags 5-6", "lags 7-8", "lags 9-10"]),
        (
            96,
            6,
            [
                "lag 1",
                "lags 2-12",
                "lags 13-24",
                "lags 25-36",
                "lags 37-48",
                "lags 49-60",
                "lags 61-72",
                "lags 73-84",
                "lags 85-96",
            ],
        ),
    ],
)
def test_lags_are_told_by_season(context: int, season: int, names: list[str]) -> None:
    assert [group.name for group in group_lags(context, season)] == names


@pytest.mark.parametrize("season", [1, 2, 7, 24])
@pytest.mark.parametrize("context", [1, 2, 3, 7, 40, 336, 1000])
def test_every_lag_belongs_to_one_group(context: int, season: int) -> None:
    groups = group_lags(context, season)
    covered = [lag for group in groups for lag in range(group.first or 0, (group.last or 0) + 1)]
    assert covered == list(range(1, context + 1))
    assert len(groups) <= 9


def test_the_columns_of_a_text_are_exchanged_together(make_panel: MakePanel) -> None:
    panel = replace(
        make_panel([[1.0, 2.0]]), columns=("y", "sky=sun", "sky=rain", "t"), roles=("target", "past", "past", "known")
    )
    groups = group_columns(panel, lambda column: column.partition("=")[0])
    assert [(group.name, group.kind, group.columns) for group in groups] == [
        ("sky", "past", (1, 2)),
        ("t", "known", (3,)),
    ]
