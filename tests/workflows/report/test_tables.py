"""Tables of forecasts, read back."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.errors import InputError
from forecaster.evaluation.metrics import seasonal_error
from forecaster.forecast import Forecast
from forecaster.frequency import DAY, HOUR, Frequency
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.workflows.report.tables import add_baselines, parse_rows, parse_stamps, past_of, unit_of
from tests.conftest import MakePanel


def to_bytes(forecast: Forecast, actual: np.ndarray) -> bytes:
    return forecast.to_frame(actual=actual).to_csv(index=False).encode()


def test_a_holdout_gets_the_naive_forecasts_of_its_cutoff_back(make_panel: MakePanel) -> None:
    values = np.random.default_rng(0).normal(10, 3, (2, 30))
    panel = make_panel(values.tolist(), season=7)
    seen = panel.cut(5)
    made = SeasonalNaive().predict(seen, 5)
    rows = parse_rows(to_bytes(made, seen.actual(5, panel.end)), Path("holdout.csv"))
    assert rows["scale"].isna().all()
    for later in (panel, make_panel([[*series, 1.0, 2.0] for series in values.tolist()], season=7)):
        found = add_baselines(rows, later)
        np.testing.assert_allclose(found["seasonal_naive"], made.mean.ravel(), rtol=1e-6)
        np.testing.assert_allclose(found["naive"], Naive().predict(seen, 5).mean.ravel(), rtol=1e-6)
        np.testing.assert_allclose(found["scale"], np.repeat(seasonal_error(seen, 7), 5), rtol=1e-6)
    assert add_baselines(rows, panel.select(np.array([1])))["naive"].isna().sum() == 5


def test_a_naive_forecast_of_bounded_demand_is_drawn_by_its_median(make_panel: MakePanel) -> None:
    panel = replace(make_panel([[0.0, 0, 4, 0, 0, 6, 0, 0]], season=3), minimum=0.0)
    cut = panel.cut(2)
    made = SeasonalNaive().predict(cut, 2)
    assert (made.mean > made.median).all()  # half of a forecast of 0 lies above it
    found = add_baselines(parse_rows(to_bytes(made, cut.actual(2, panel.end)), Path("holdout.csv")), panel)
    assert found["seasonal_naive"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", ["NA", "null", "01", "1e3", "-"])
def test_a_name_stays_the_text_that_it_is(make_panel: MakePanel, name: str) -> None:
    panel = make_panel([[1.0, 2, 3]])
    panel.ids[0] = name
    made = Naive().predict(panel, 2)
    rows = parse_rows(to_bytes(made, np.array([[1.0, np.nan]], np.float32)), Path("holdout.csv"))
    assert rows["unique_id"].tolist() == [name] * 2
    assert rows["y"].isna().tolist() == [False, True]


def test_a_holdout_of_nothing_is_a_table_without_rows() -> None:
    assert len(parse_rows(b"\n", Path("holdout.csv"))) == 0


def test_another_table_is_refused() -> None:
    with pytest.raises(InputError, match=r"backtest\.csv"):
        parse_rows(b"a,b\n1,2\n", Path("backtest.csv"))


@pytest.mark.parametrize(
    ("frequency", "zone"),
    [
        (Frequency("fixed", HOUR), None),
        (Frequency("fixed", HOUR), "Europe/Paris"),
        (Frequency("fixed", DAY), "Europe/Paris"),
        (Frequency("fixed", DAY), None),
        (Frequency("months", 1), "+02:00"),
        (Frequency("integer"), None),
    ],
)
def test_times_are_read_as_they_are_written(frequency: Frequency, zone: str | None) -> None:
    start = np.array([0 if frequency.is_integer else np.datetime64("2024-03-30", "us").astype(np.int64)])
    stamps = frequency.timestamps(start, np.arange(60))
    texts = pd.Series(frequency.format(stamps, zone))
    assert parse_stamps(texts, frequency, zone).tolist() == stamps.tolist()


def test_the_past_ends_with_the_last_value(make_panel: MakePanel) -> None:
    stamps, values = past_of(make_panel([[9.0], [1.0, 2, 3, 4]]), 1, 2)
    assert stamps == ["2024-01-03", "2024-01-04"]
    assert values.tolist() == [3, 4]


def test_a_step_has_a_name_where_there_is_one() -> None:
    assert unit_of(Frequency("fixed", DAY)) == "day"
    assert unit_of(Frequency("months", 3)) == "quarter"
    assert unit_of(Frequency("business")) == "business day"
    assert unit_of(Frequency("fixed", 15 * 60_000_000)) == "step"
