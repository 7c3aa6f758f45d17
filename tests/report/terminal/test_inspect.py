"""A table that was inspected, drawn on a terminal."""

from pathlib import Path

import pandas as pd
import pytest

from forecaster.report.terminal.inspect import summary
from forecaster.settings import load
from forecaster.workflows.inspect import inspect
from tests.cli.conftest import SAMPLES
from tests.report.terminal.test_predict import draw


@pytest.mark.parametrize("name", ["sp500", "seattle_weather", "melbourne_temperature"])
def test_series_are_drawn_within_80_columns(name: str) -> None:
    found = inspect(load(None, overrides={"data.path": str(SAMPLES / f"{name}.csv")}))
    plain, drawn = (draw(summary(found.document, panel)) for panel in (None, found.panel))
    assert max(map(len, drawn[1:])) <= 80
    assert len(drawn) == len(plain)
    assert sum("█" in line and "▁" in line for line in drawn) == len(found.panel)
    assert not any("…" in line for line in drawn if "Daily" not in line)


def test_many_series_are_told_by_the_first_of_them(tmp_path: Path) -> None:
    rows = "".join(f"2024-01-{day:02}" + f",{day}.5" * 40 + "\n" for day in range(1, 31))
    path = tmp_path / "wide.csv"
    path.write_text("date," + ",".join(f"c{number}" for number in range(40)) + "\n" + rows)
    lines = draw(summary(inspect(load(None, overrides={"data.path": str(path)})).document))
    assert "...     27 more: target" in " ".join(lines)
    assert any("and 28 more series" in line for line in lines)


def test_times_with_an_offset_leave_room_to_say_what_each_part_is_for(tmp_path: Path) -> None:
    hours = pd.date_range("2024-01-01", periods=400, freq="h", tz="Etc/GMT-1")
    path = tmp_path / "hourly.csv"
    path.write_text("time,y\n" + "".join(f"{hour.isoformat()},{hour.hour}\n" for hour in hours))
    lines = draw(summary(inspect(load(None, overrides={"data.path": str(path)})).document))
    (row,) = [line for line in lines if line.startswith("holdout")]
    assert row.rstrip().split(maxsplit=3) == [
        "holdout",
        "48",
        "2024-01-15T16:00:00+01:00",
        "to score; the refit uses it too",
    ]
