"""A table that was inspected, drawn on a terminal."""

from pathlib import Path

import pytest

from forecaster.report.survey import summary
from forecaster.settings import load
from forecaster.workflows.inspect import inspect
from tests.cli.conftest import SAMPLES
from tests.report.test_outlook import draw


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
