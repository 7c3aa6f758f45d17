"""Forecasts drawn with characters: a fan chart of one series, sparklines of many.

Rich draws no lines, and plotext either compiles a kernel when it is installed (6) or is no longer kept (5).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

from forecaster.evaluation.metrics import Array
from forecaster.forecast import Forecast
from forecaster.panel import Floats, Panel
from forecaster.report.words import number

_ROWS = 12
_BLANK = "\u2800"
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille character, by row and column
_SHARPEST = 3  # steps of history for each step of horizon
_FEWEST = 24


class _Marks(NamedTuple):
    """What lines and shades are drawn with; an empty line is drawn in dots of braille."""

    seen: str
    forecast: str
    band: str
    edge: str
    blocks: str


_FINE = _Marks("", "", "░", "│", "▁▂▃▄▅▆▇█")
_PLAIN = _FINE._replace(forecast="•")  # without colour the two lines have to look different
_ASCII = _Marks("*", "o", ".", "|", "_.-=+*#@")
_STYLES = {"": "", "seen": "", "forecast": "bold magenta", "band": "magenta"}


def _marks(console: Console, options: ConsoleOptions) -> _Marks:
    if options.ascii_only:
        return _ASCII
    return _PLAIN if console.no_color or console.color_system is None else _FINE


@dataclass(frozen=True)
class Fan:
    """The recent history of a series, the median and the band of what follows.

    Attributes:
        seen: [M] values up to the cutoff, and beyond it where it is known what came true; NaN in gaps.
        at: where in `seen` the first step of the forecast lies: M where nothing after the cutoff is known.
        median, low, high: [H] the forecast, and the bounds of its 80 % interval.
        times: text of the first value's time, the cutoff's and the last forecast's.
    """

    seen: Array
    at: int
    median: Array
    low: Array
    high: Array
    times: tuple[str, str, str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bottom, top = self._range()
        labels = [number(top), number((top + bottom) / 2), number(bottom)]
        margin = max(map(len, labels)) + 1
        columns = max(min(options.max_width, 100) - margin - 1, 10)
        marks = _marks(console, options)
        for row, cells in enumerate(self._draw(columns, bottom, top, marks)):
            label = {0: labels[0], _ROWS // 2: labels[1], _ROWS - 1: labels[2]}.get(row, "")
            line = Text(f"{label:>{margin - 1}} {marks.edge}", no_wrap=True)
            for character, name in cells:
                line.append(character, _STYLES[name])
            line.rstrip()
            yield line
        yield Text(" " * margin + _axis(columns, round(self._column(self.at - 0.5, columns)), self.times))
        yield Text(
            f"{' ' * margin} {(marks.seen or '⠒') * 2} observed   {(marks.forecast or '⠒') * 2} forecast (median)   "
            f"{marks.band * 2} 80 % interval",
            style="dim",
        )

    def _range(self) -> tuple[float, float]:
        every = np.concatenate([self.seen, self.median, self.low, self.high])
        every = every[np.isfinite(every)]
        low, high = float(every.min()), float(every.max())
        return (low, high) if high > low else (low - 1, high + 1)

    @property
    def _steps(self) -> int:
        return max(self.at + len(self.median), len(self.seen))

    def _column(self, step: float, columns: int) -> float:
        return step * (columns - 1) / max(self._steps - 1, 1)

    def _draw(self, columns: int, bottom: float, top: float, marks: _Marks) -> list[list[tuple[str, str]]]:
        """The characters of each row, and what each belongs to; the top row first."""
        cells = [[(" ", "")] * columns for _ in range(_ROWS)]
        ahead = self.at + np.arange(len(self.median))

        def height(values: Array, rows: int) -> Array:
            return np.asarray((top - values) / (top - bottom) * (rows - 1))

        spots = np.arange(columns) * max(self._steps - 1, 1) / max(columns - 1, 1)
        for column in np.flatnonzero((spots >= ahead[0] - 0.5) & (spots <= ahead[-1] + 0.5)).tolist():
            edges = np.array([np.interp(spots[column], ahead, each) for each in (self.high, self.low)])
            first, last = np.rint(height(edges, _ROWS)).astype(int).tolist()
            for row in range(first, last + 1):
                cells[row][column] = (marks.band, "band")
        lines = (("forecast", ahead, self.median), ("seen", np.arange(len(self.seen)), self.seen))
        for name, steps, values in lines:
            mark = getattr(marks, name)
            high, wide = (1, 1) if mark else (4, 2)
            drawn: dict[tuple[int, int], int] = {}
            for x, y in _line(self._column(1, columns * wide) * steps, height(values, _ROWS * high)):
                place = (y // high, x // wide)
                drawn[place] = drawn.get(place, 0) | _DOTS[y % high][x % wide]
            for (row, column), dots in drawn.items():
                under, owner = cells[row][column]
                if not mark and owner == "forecast" and under >= _BLANK:  # both lines in one cell
                    cells[row][column] = (chr(ord(under) | dots), owner)
                else:
                    cells[row][column] = (mark or chr(ord(_BLANK) | dots), name)
        return cells


@dataclass(frozen=True)
class Sparkline:
    """A row of characters, one a step, or for several steps their mean; a gap is blank.

    Attributes:
        low, high: values of the lowest and the highest character.
    """

    values: Array
    width: int
    low: float
    high: float

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(self.width, self.width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        blocks, span = _marks(console, options).blocks, self.high - self.low
        text = ""
        for part in np.array_split(self.values, min(self.width, max(len(self.values), 1))):
            known = part[np.isfinite(part)]
            share = (known.mean() - self.low) / span if len(known) and span > 0 else 0.5
            text += blocks[round(float(np.clip(share, 0, 1)) * (len(blocks) - 1))] if len(known) else " "
        yield Text(text, no_wrap=True)


def fan(forecast: Forecast, panel: Panel, row: int, *, actual: Floats | None = None) -> Fan:
    """Draw the forecast of a series after as much of its history as makes it easy to judge.

    Args:
        panel: that the forecast was made from.
        actual: [H] what came true.
    """
    target = panel.values[panel.begin[row] : panel.end[row], 0].astype(float)
    count = min(len(target), max(_SHARPEST * forecast.horizon, _FEWEST))
    first = panel.frequency.timestamps(panel.start[row : row + 1], panel.lengths[row : row + 1] - count)
    times = np.array([first[0], forecast.cutoff[row], forecast.ds[row, -1]])
    low, median, high = (forecast.at(p)[row].astype(float) for p in (0.1, 0.5, 0.9))
    seen = target[-count:] if actual is None else np.concatenate([target[-count:], actual])
    begin, cutoff, end = map(str, forecast.frequency.format(times, forecast.zone).tolist())  # integers stay such there
    return Fan(seen, count, median, low, high, (begin, cutoff, end))


def _line(x: Array, y: Array) -> set[tuple[int, int]]:
    """Dots of a line through points, broken where one is missing."""
    dots: set[tuple[int, int]] = set()
    before: tuple[float, float] | None = None
    for point in zip(x.tolist(), y.tolist(), strict=True):
        if not np.isfinite(point[1]):
            before = None
            continue
        start = before or point
        count = int(max(abs(point[0] - start[0]), abs(point[1] - start[1]))) + 1
        for share in np.linspace(0, 1, count + 1):
            dots.add((round(start[0] + share * (point[0] - start[0])), round(start[1] + share * (point[1] - start[1]))))
        before = point
    return dots


def _axis(columns: int, cutoff: int, times: tuple[str, str, str]) -> str:
    """The times below a chart, each at its column as far as there is room."""
    first, middle, last = times
    line = list(f" {first}".ljust(columns + 1))
    at = max(min(cutoff + 1 - len(middle) // 2, columns - len(last) - len(middle) - 2), 0)
    if at > len(first) + 2:
        line[at : at + len(middle)] = middle
    if len(first) + len(last) < columns:
        line[columns + 1 - len(last) : columns + 1] = last
    return "".join(line).rstrip()
