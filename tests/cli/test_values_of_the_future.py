"""Tables whose newest value is of a time that has not come yet."""

from datetime import UTC, datetime

import pandas as pd

from tests.cli.conftest import Forecast


def write(first: str) -> None:
    days = pd.date_range(first, periods=90)
    pd.DataFrame({"day": days, "sold": [3.5, 4.5, 9.25] * 30}).to_csv("t.csv", index=False)


def test_values_of_the_future_are_doubted(forecast: Forecast) -> None:
    write("2094-01-03")
    done = forecast("train", "t.csv", "--model", "naive")
    assert f"the newest value is of 2094-04-02, and today is {datetime.now(UTC):%Y}" in done.err
    assert "check the years" in forecast("predict", "t.csv").err


def test_values_of_the_past_are_not(forecast: Forecast) -> None:
    write("2024-01-03")
    assert "the newest value" not in forecast("train", "t.csv", "--model", "naive").err
