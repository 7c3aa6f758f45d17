"""Rows that are far away in time from all others, as after a mistyped year."""

from pathlib import Path

import pandas as pd
import pytest

from forecaster.config import DataConfig
from forecaster.data.load import load


def notes_of(path: Path, frame: pd.DataFrame) -> list[str]:
    frame.to_csv(path, index=False)
    return [note for note in load(str(path), DataConfig()).notes if "check" in note]


def with_year(frame: pd.DataFrame, row: int, year: int) -> pd.DataFrame:
    dates = frame["day"].tolist()
    dates[row] = f"{year}{dates[row][4:]}"
    return frame.assign(day=dates)


@pytest.fixture
def days() -> pd.DataFrame:
    return pd.DataFrame(
        {"day": pd.date_range("2024-01-03", periods=90).strftime("%Y-%m-%d"), "sold": [3.5, 4.5, 9.25] * 30}
    )


@pytest.mark.parametrize(
    ("row", "year", "text"),
    [
        (89, 2031, "the last row (2031-04-01) is 2,557 steps after 2024-03-31, and the forecast starts there"),
        (40, 2025, "the last row (2025-02-12) is 317 steps after 2024-04-01, and the forecast starts there"),
        (0, 2004, "the first row (2004-01-03) is 7,306 steps before 2024-01-04"),
        (7, 1924, "the first row (1924-01-10) is 36,518 steps before 2024-01-03"),
    ],
)
def test_a_mistyped_year_is_named_with_its_date(
    tmp_path: Path, days: pd.DataFrame, row: int, year: int, text: str
) -> None:
    assert notes_of(tmp_path / "t.csv", with_year(days, row, year)) == [f"{text}: check its date"]


def test_two_rows_of_one_series_of_several_are_named(tmp_path: Path, days: pd.DataFrame) -> None:
    wrong = with_year(with_year(days, 88, 2030), 89, 2030)
    frame = pd.concat([wrong.assign(shop="a"), days.assign(shop="b")])
    (note,) = notes_of(tmp_path / "t.csv", frame)
    assert note.startswith("a: the last 2 rows (2030-03-31) are 2,192 steps after 2024-03-30")
    assert note.endswith("check their dates")


def test_months_are_counted_in_months(tmp_path: Path) -> None:
    months = [f"{year}-{month:02}" for year in range(2001, 2006) for month in range(1, 13)]
    frame = pd.DataFrame({"month": [*months[:-1], "2055-12"], "y": [1.5, 2.5, 3.5] * 20})
    assert "the last row (2055-12-01) is 601 steps after 2005-11-01" in notes_of(tmp_path / "t.csv", frame)[0]


@pytest.mark.parametrize("gap", [range(70, 80), range(20, 60, 2), [*range(10, 40), *range(60, 87)]])
def test_usual_gaps_are_not_doubted(tmp_path: Path, days: pd.DataFrame, gap: range) -> None:
    assert notes_of(tmp_path / "t.csv", days.drop(index=list(gap))) == []
