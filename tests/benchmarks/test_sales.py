"""`data/sales.csv` is what its script writes, with the effects that docs/data.md names."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import sales


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(sales.OUTPUT, parse_dates=["day"])


def test_the_committed_file_is_what_the_script_writes(tmp_path: Path) -> None:
    sales.main(["--out", str(tmp_path / "sales.csv")])
    assert (tmp_path / "sales.csv").read_bytes() == sales.OUTPUT.read_bytes()
    assert sales.OUTPUT.stat().st_size < 400_000


def test_closed_days_are_0_and_demand_is_unknown_on_open_days_only(table: pd.DataFrame) -> None:
    closed = table[table["open"] == 0]
    past = closed[closed["day"] <= "2025-06-28"]
    assert set(past["sales"]) == {0}
    assert closed["promo"].sum() == 0
    assert set(closed["shop"]) == {"harbour", "market", "oldtown", "village"}
    missing = table[table["sales"].isna() & (table["day"] <= "2025-06-28")]
    assert set(missing["open"]) == {1}
    assert 50 < len(missing) < 100
    assert not (table["sales"] % 1 > 0).any()


def test_the_table_ends_with_two_weeks_of_known_columns(table: pd.DataFrame) -> None:
    ahead = table[table["day"] > "2025-06-28"]
    assert ahead["day"].nunique() == 14
    assert ahead["sales"].isna().all()
    assert ahead[["promo", "open", "temperature"]].notna().all(axis=None)
    assert table.loc[table["day"] == "2025-06-28", "sales"].notna().all()


def test_a_regression_finds_the_effects(table: pd.DataFrame) -> None:
    shop = table[table["shop"] == "harbour"].set_index("day")
    is_dip = (shop["promo"].rolling("5D").max() > shop["promo"]).astype(float)
    is_december = pd.Series(shop.index.month == 12, shop.index, dtype=float)
    years = pd.Series((shop.index - shop.index[0]).days / 365.25, shop.index)
    weekdays = pd.get_dummies(shop.index.day_of_week).set_index(shop.index)
    x = pd.concat([shop["promo"], is_dip, shop["temperature"], years, is_december, weekdays], axis=1)[shop["sales"] > 0]
    y = np.log(shop["sales"][shop["sales"] > 0])
    factors = np.exp(np.linalg.lstsq(x.to_numpy(float), y.to_numpy(), rcond=None)[0])
    assert factors[:3] == pytest.approx([sales.PROMOTION, sales.DIP, 1 + sales.DEGREE], rel=0.03)
