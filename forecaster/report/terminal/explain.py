"""The result of `forecast explain` for the terminal: fits 80 columns, works without colour."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forecaster.explain.explanation import (
    Array,
    Attribution,
    Explanation,
    Gradients,
    Importance,
    LayerTrace,
    Unrolling,
)
from forecaster.report.excerpts import gradient_rows, lag_blocks, liveliest_units
from forecaster.report.terminal.layout import Fitted, Sentence
from forecaster.report.verdicts import (
    completeness_sentence,
    describe_flow,
    describe_influence,
    describe_steps,
    memory_sentence,
)
from forecaster.report.words import clip, number, plural, signed

BLOCKS, DIGITS = "▁▂▃▄▅▆▇█", "01234567"
"""The marks of a row of bars from low to high, and those for a terminal limited to ASCII."""

_MAX_COLUMNS = 36  # longest row of bars, in characters
_UNITS_SHOWN, _UNITS_SHOWN_IF_STACKED = 6, 2
_MAX_INFLUENCES = 22  # above this number, only the largest are shown
_ROWS_SHOWN = 12
_BAR_WIDTH = 24
_DECADES = 4  # norms below the largest by more powers of ten than this have the lowest bar
_NAME_WIDTH = 30
_BAR_COLUMNS: dict[str, Literal["left", "right"]] = {
    "name": "left",
    "bars": "left",
    "first": "right",
    "second": "right",
}
_OPTIONAL_COLUMNS = ("second", "first", "std. error", "")
_TIME_WIDTH = 16  # characters of 2024-10-26T00:00


def summary(explanation: Explanation, *, marks: str = BLOCKS) -> RenderableType:
    """Return all parts of an explanation: states and gates, gradients, importance and the attribution of a forecast.

    Args:
        marks: characters of the bars from low to high, `BLOCKS` or `DIGITS`.
    """
    network = explanation.network or "no network inside"
    parts: list[RenderableType] = [Sentence(f"{explanation.model}: {network}", style="bold")]
    if explanation.unrolling:
        parts += [Text(), *_show_unrolling(explanation.unrolling, marks)]
    if explanation.gradients:
        parts += [Text(), *_show_gradients(explanation.gradients, marks)]
    if explanation.importance:
        parts += [Text(), *_show_importance(explanation.importance, marks)]
    if explanation.attribution:
        parts += [Text(), *_show_attribution(explanation.attribution, explanation.importance)]
    return Group(*parts)


def bars(values: Array, low: float, high: float, *, marks: str = BLOCKS, columns: int = _MAX_COLUMNS) -> str:
    """Return a row of marks, one per value; with more values than columns, one per mean of neighbours; `.` for NaN.

    Args:
        low, high: values of the lowest mark and of the highest.
    """
    means = np.array([_mean(part) for part in np.array_split(values, min(columns, len(values)))])
    heights = (means - low) / (high - low) * len(marks) if high > low else np.zeros_like(means)
    return "".join("." if np.isnan(height) else marks[int(np.clip(height, 0, len(marks) - 1))] for height in heights)


def _show_unrolling(unrolling: Unrolling, marks: str) -> list[RenderableType]:
    table = _bar_table()
    width = min(_MAX_COLUMNS, len(unrolling.lags))
    table.add_row("", _axis(unrolling.times[0], unrolling.cutoff, width), "from", "to")
    _add_row(table, "input", unrolling.input, marks)
    is_stacked = len(unrolling.layers) > 1
    legends: list[str] = []
    for trace in unrolling.layers:
        if is_stacked:
            direction = ", backward" if trace.direction == "backward" else ""
            table.add_row(f"layer {trace.layer}{direction}")
        _add_layer(table, trace, marks, _UNITS_SHOWN_IF_STACKED if is_stacked else _UNITS_SHOWN)
        legends += [f"{name}: {meaning}" for name, meaning in trace.meanings.items()]
    title = f"Unrolled in time: {unrolling.series}, read up to {unrolling.cutoff}"
    lines: list[RenderableType] = [Sentence(title, style="bold"), Fitted(table, _OPTIONAL_COLUMNS)]
    legend = "; ".join(dict.fromkeys(legends))
    return [*lines, Sentence(legend)] if legend else lines


def _add_layer(table: Table, trace: LayerTrace, marks: str, units: int) -> None:
    """Add each gate, averaged over the units, and the units of the hidden state that vary most."""
    for name, part in trace.parts.items():
        if name in ("hidden", "cell", "candidate"):
            _add_row(table, f"{name}, RMS", np.sqrt((part**2).mean(axis=1)), marks)
        else:
            _add_row(table, f"{name} gate", part.mean(axis=1), marks)
    hidden = trace.parts["hidden"]
    for unit in liveliest_units(hidden, units):
        _add_row(table, f"hidden unit {unit + 1}", hidden[:, unit], marks)


def _bar_table() -> Table:
    """Return an empty table for a name, a row of bars and two numbers."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, justify in _BAR_COLUMNS.items():
        table.add_column(name, justify=justify, no_wrap=True)
    return table


def _add_row(table: Table, name: str, values: Array, marks: str) -> None:
    known = values[~np.isnan(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    table.add_row(name, bars(values, low, high, marks=marks), number(low), number(high))


def _show_gradients(gradients: Gradients, marks: str) -> list[RenderableType]:
    table = _bar_table()
    lags = gradients.total.lags
    axis = _axis(f"lag {lags[-1]}", f"lag {lags[0]}", min(_MAX_COLUMNS, len(lags)))
    table.add_row("", axis, "oldest", "newest")
    for flow in gradient_rows(gradients):
        norm = flow.norm[::-1]  # the oldest first, as in the table of states
        name = describe_flow(flow, gradients).replace("backward", "back")  # "backward" leaves no room for the numbers
        table.add_row(name, bars(*_in_decades(norm), marks=marks), number(float(norm[0])), number(float(norm[-1])))
    windows = plural(gradients.windows, "window")
    title = f"Backpropagation through time: log |d loss / d h_t|, mean of {windows}"
    lines: list[RenderableType] = [
        Sentence(title, style="bold"),
        Fitted(table, _OPTIONAL_COLUMNS),
        Sentence(memory_sentence(gradients)),
    ]
    return [*lines, Sentence(gradients.advice)] if gradients.advice else lines


def _in_decades(norm: Array) -> tuple[Array, float, float]:
    """Return the logarithm of norms and the range that bars show: one decade at least, `_DECADES` at most."""
    largest = float(norm.max())
    if largest <= 0:
        return np.zeros_like(norm), 0.0, 1.0
    logarithm = np.log10(np.maximum(norm / largest, 10.0**-_DECADES))
    return logarithm, min(float(logarithm.min()), -1.0), 0.0


def _show_importance(importance: Importance, marks: str) -> list[RenderableType]:
    table = Table(box=None, pad_edge=False)
    table.add_column("input", no_wrap=True)
    table.add_column("MASE rise", justify="right", no_wrap=True)
    table.add_column("std. error", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    rows = importance.influences
    if len(rows) > _MAX_INFLUENCES:
        rows = tuple(sorted(rows, key=lambda influence: -influence.lost)[:_ROWS_SHOWN])
    largest = max((influence.lost for influence in rows), default=0.0)
    mark = marks[-1] if marks == BLOCKS else "#"
    for influence in rows:
        length = round(_BAR_WIDTH * max(influence.lost, 0) / largest) if largest > 0 else 0
        error = "-" if np.isnan(influence.error) else number(influence.error)
        table.add_row(clip(describe_influence(influence), _NAME_WIDTH), number(influence.lost), error, mark * length)
    windows = plural(importance.windows, "window")
    title = (
        f"What matters: how much the MASE, {number(importance.mase)}, rises if an input is exchanged between {windows}"
    )
    lines: list[RenderableType] = [Sentence(title, style="bold"), Fitted(table, _OPTIONAL_COLUMNS)]
    hidden = len(importance.influences) - len(rows)
    return [*lines, Sentence(f"... and {hidden} more that matter less")] if hidden else lines


def _show_attribution(attribution: Attribution, importance: Importance | None) -> list[RenderableType]:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_row(f"a flat window at {number(attribution.level)}", number(attribution.baseline))
    for first, last in lag_blocks(attribution, importance):
        contribution = float(attribution.of_lags[first - 1 : last].sum())
        table.add_row(f"lag {first}" if first == last else f"lags {first}-{last}", signed(contribution))
    groups = sorted(attribution.of_groups.items(), key=lambda group: -abs(group[1]))
    for name, contribution in groups[:_ROWS_SHOWN]:
        table.add_row(clip(name, _NAME_WIDTH), signed(contribution))
    if len(groups) > _ROWS_SHOWN:
        rest = sum(contribution for _, contribution in groups[_ROWS_SHOWN:])
        table.add_row(f"{len(groups) - _ROWS_SHOWN} more", signed(rest))
    table.add_row("forecast", number(attribution.forecast))
    subject = f"{attribution.series}, {describe_steps(attribution)} after {attribution.cutoff}"
    title = f"Why this forecast (integrated gradients): {subject}"
    baseline = "The flat window has the level and size of the real one, and average covariates."
    return [
        Sentence(title, style="bold"),
        Fitted(table, _OPTIONAL_COLUMNS),
        Sentence(baseline),
        Sentence(completeness_sentence(attribution)),
    ]


def _axis(left: str, right: str, width: int) -> str:
    """Return the texts at both ends of a row of bars, with a blank between them at least."""
    left, right = left[:_TIME_WIDTH], right[:_TIME_WIDTH]
    return left + right.rjust(max(width - len(left), len(right) + 1))


def _mean(values: Sequence[float] | Array) -> float:
    known = np.asarray(values)[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
