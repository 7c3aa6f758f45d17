import io
import itertools
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.console import Console, RenderableType

from forecaster.forecast import PROBABILITIES, Forecast
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from forecaster.report.terminal.predict import holdout_chart, summary
from tests.conftest import MakePanel


def draw(view: RenderableType, *, encoding: str = "utf-8", width: int = 80, **given: Any) -> list[str]:
    out = io.BytesIO()
    file = io.TextIOWrapper(out, encoding=encoding)
    Console(file=file, width=width, **given).print(view)
    file.flush()
    return out.getvalue().decode(encoding).splitlines()


def forecast_of(panel: Panel, horizon: int, *, mean: float, width: float) -> Forecast:
    middle = np.full((len(panel), horizon), mean, np.float32)
    spread = np.array([2 * p - 1 for p in PROBABILITIES], np.float32) * width
    return Forecast.of(panel, middle[:, :, None] + spread, model="gru", mean=middle)


@pytest.mark.parametrize(
    ("series", "horizon", "is_drawn"), list(itertools.product([1, 3, 40], [1, 30, 720], [False, True]))
)
def test_a_forecast_fits_80_columns_and_a_screen(
    make_panel: MakePanel, series: int, horizon: int, is_drawn: bool
) -> None:
    panel = make_panel([[1234567.0, 2]] * series)
    forecast = forecast_of(panel, horizon, mean=1234567.5, width=0)
    lines = draw(summary(forecast, panel if is_drawn else None))
    assert len(lines) <= (35 if is_drawn else 20)
    assert max(map(len, lines)) <= 80
    assert any("1,234,568" in line for line in lines)


def test_a_fan_shows_the_history_to_the_left_of_the_band(make_panel: MakePanel) -> None:
    panel = make_panel([[0.0, 10.0] * 30])
    lines = draw(summary(forecast_of(panel, 20, mean=5, width=4), panel))
    chart = [line.split("│", 1)[1].ljust(72) for line in lines if "│" in line]
    band = {column for line in chart for column, mark in enumerate(line) if mark in "░•"}
    history = {column for line in chart for column, mark in enumerate(line) if "\u2800" < mark <= "\u28ff"}
    assert max(history) <= min(band)
    assert max(band) == max(map(len, lines)) - len("10.00 |") - 1
    assert "░" not in chart[0] + chart[-1]  # 10 and 0, beyond the band of 1.8 to 8.2
    assert lines[1].startswith("10.00 │")
    axis = next(line for line in lines if line.strip().startswith("2024-01-01"))
    assert axis.split() == ["2024-01-01", "2024-02-29", "2024-03-20"]


def test_a_fan_of_integer_time_names_its_steps(make_panel: MakePanel) -> None:
    panel = replace(make_panel([[0.0, 10.0] * 30], frequency=Frequency("integer")), start=np.zeros(1, np.int64))
    lines = draw(summary(forecast_of(panel, 20, mean=5, width=4), panel))
    assert ["0", "59", "79"] in [line.split() for line in lines]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("options", [{"no_color": True}, {"color_system": "standard", "force_terminal": True}])
def test_each_line_of_the_chart_has_a_mark_of_its_own(
    options: dict[str, Any], width: int, make_panel: MakePanel
) -> None:
    panel = make_panel([[0.0, 10.0] * 30])
    view = summary(forecast_of(panel, 20, mean=5, width=4), panel)
    text = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(draw(view, width=width, **options)))
    marks = re.findall(r"(\S)\1 (?:observed|forecast \(median\)|80 % interval)", text)
    assert len(marks) == len(set(marks)) == 3  # and no meaning is broken by a line
    assert all(len(line) <= width for line in text.splitlines())


def test_a_terminal_without_braille_gets_what_it_can_show(make_panel: MakePanel) -> None:
    one, many = make_panel([[0.0, 10.0] * 30]), make_panel([[0.0, 10.0] * 30] * 3)
    drawn = "".join(draw(summary(forecast_of(one, 20, mean=5, width=4), one), encoding="ascii"))
    assert {"*", "o", "."} <= set(drawn)
    draw(summary(forecast_of(many, 20, mean=5, width=4), many), encoding="ascii")  # raises where it cannot


def test_gaps_break_the_line_and_constants_have_a_height(make_panel: MakePanel) -> None:
    panel = make_panel([[5.0, np.nan, np.nan, 5.0]])
    lines = draw(summary(forecast_of(panel, 1, mean=5, width=0), panel), encoding="ascii")
    drawn = "".join(line.split("|", 1)[1] for line in lines if "|" in line)
    assert drawn.count("*") == 2


def test_sparklines_put_past_and_future_on_one_scale(make_panel: MakePanel) -> None:
    panel = make_panel([list(range(40)), list(range(40))])
    (row,) = [line for line in draw(summary(forecast_of(panel, 8, mean=39, width=1), panel)) if line.startswith("s1")]
    past, ahead = row.split()[-2:]
    assert past == "".join(sorted(past))
    assert past[0] == "▁"
    assert set(ahead) == {"█"}


def test_held_out_steps_are_drawn_over_what_came_true(make_panel: MakePanel) -> None:
    panel = make_panel([[0.0, 10.0] * 30])
    actual = np.array([[0.0, 10.0] * 10], np.float32)
    lines = draw(holdout_chart(forecast_of(panel, 20, mean=5, width=1), panel, actual), encoding="ascii")
    chart = [line.split("|", 1)[1] for line in lines if "|" in line]
    assert max(len(line) for line in chart if "*" in line) >= 68


def test_the_legend_has_the_colours_of_the_chart(make_panel: MakePanel) -> None:
    panel = make_panel([[0.0, 10.0] * 30])
    out = io.StringIO()
    console = Console(file=out, width=80, color_system="standard", force_terminal=True)
    console.print(summary(forecast_of(panel, 20, mean=5, width=4), panel))
    legend = next(line for line in out.getvalue().splitlines() if "observed" in line)
    observed, forecast = legend.split("observed")[0], legend.split("observed")[1].split("forecast (median)")[0]
    assert "\x1b[1;35m" in forecast
    assert "\x1b[1;35m" not in observed
