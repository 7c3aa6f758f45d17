"""A look inside a network, for the terminal: legible at 80 columns and without colour."""

from collections.abc import Sequence

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
from forecaster.report.excerpts import lag_blocks, liveliest_units
from forecaster.report.verdicts import completeness_sentence, describe_influence, describe_steps, memory_sentence
from forecaster.report.words import clip, number, signed

BLOCKS, DIGITS = "▁▂▃▄▅▆▇█", "01234567"
"""Marks of a row of bars from low to high, and what stands for them where a terminal has only ASCII."""

_COLUMNS = 36  # of a row of bars
_UNITS, _FEWER = 6, 2  # of a layer's state, and where there are several
_LISTED = 12
_BAR = 24
_DECADES = 4
_NAME = 30
_TIME = 16  # 2024-10-26T00:00


def summary(explanation: Explanation, *, marks: str = BLOCKS) -> RenderableType:
    """All that was found: what the network does, how far it remembers, what matters, and why this forecast."""
    named = explanation.network or "no network inside"
    parts: list[RenderableType] = [Text(f"{explanation.model}: {named}", style="bold")]
    if explanation.unrolling:
        parts += [Text(), *_show_unrolling(explanation.unrolling, marks)]
    if explanation.gradients:
        parts += [Text(), *_show_gradients(explanation.gradients, marks)]
    if explanation.importance:
        parts += [Text(), *_show_importance(explanation.importance, marks)]
    if explanation.attribution:
        parts += [Text(), *_show_attribution(explanation.attribution, explanation.importance, marks)]
    return Group(*parts)


def bars(values: Array, low: float, high: float, *, marks: str = BLOCKS, columns: int = _COLUMNS) -> str:
    """A row of marks, one a value or, of more values than columns, one a mean of neighbours; a dot for NaN.

    Args:
        low, high: values of the lowest mark and the highest.
    """
    some = np.array([_mean(part) for part in np.array_split(values, min(columns, len(values)))])
    place = (some - low) / (high - low) * len(marks) if high > low else np.zeros_like(some)
    return "".join("." if np.isnan(each) else marks[int(np.clip(each, 0, len(marks) - 1))] for each in place)


def _show_unrolling(unrolling: Unrolling, marks: str) -> list[RenderableType]:
    first, last = unrolling.times[0], unrolling.cutoff
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(2):
        table.add_column(no_wrap=True)
    for _ in range(2):
        table.add_column(justify="right", no_wrap=True)
    table.add_row("", _ends(f"{first}", f"{last}", min(_COLUMNS, len(unrolling.lags))), "from", "to")
    _add_row(table, "input", unrolling.input, marks)
    legends: list[str] = []
    for trace in unrolling.layers:
        if len(unrolling.layers) > 1:
            table.add_row(
                f"layer {trace.layer}, {trace.direction}" if trace.direction == "backward" else f"layer {trace.layer}"
            )
        _add_layer(table, trace, marks, _UNITS if len(unrolling.layers) == 1 else _FEWER)
        legends += [f"{name}: {meaning}" for name, meaning in trace.meanings.items()]
    legend = "; ".join(dict.fromkeys(legends))
    title = f"Unrolled in time: {unrolling.series}, read up to {last}"
    lines: list[RenderableType] = [Text(title, style="bold"), table]
    return [*lines, Text(legend)] if legend else lines


def _add_layer(table: Table, trace: LayerTrace, marks: str, units: int) -> None:
    """The gates, each on average over the units, and the units of the state that move most."""
    for name, part in trace.parts.items():
        if name in ("hidden", "cell", "candidate"):
            _add_row(table, f"{name}, size", np.sqrt((part**2).mean(axis=1)), marks)
        else:
            _add_row(table, f"{name} gate", part.mean(axis=1), marks)
    hidden = trace.parts["hidden"]
    for unit in liveliest_units(hidden, units):
        _add_row(table, f"hidden unit {unit + 1}", hidden[:, unit], marks)


def _add_row(table: Table, name: str, values: Array, marks: str) -> None:
    known = values[~np.isnan(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    table.add_row(name, bars(values, low, high, marks=marks), number(low), number(high))


def _show_gradients(gradients: Gradients, marks: str) -> list[RenderableType]:
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(2):
        table.add_column(no_wrap=True)
    for _ in range(2):
        table.add_column(justify="right", no_wrap=True)
    lags = gradients.total.lags
    table.add_row("", _ends(f"lag {lags[-1]}", f"lag {lags[0]}", min(_COLUMNS, len(lags))), "oldest", "newest")
    flows = [
        (f"layer {each.layer} {each.part}" + ", back" * (each.direction == "backward"), each)
        for each in gradients.flows
    ]
    is_single = len(flows) == 1
    for name, flow in [("all layers", gradients.total)] * (max(each.layer for _, each in flows) > 1) + flows:
        norm = flow.norm[::-1]  # the oldest first, as above
        row = bars(*_in_decades(norm), marks=marks)
        table.add_row(flow.part if is_single else name, row, number(float(norm[0])), number(float(norm[-1])))
    title = f"Backpropagation through time: log |d loss / d h_t|, mean of {gradients.windows} windows"
    lines: list[RenderableType] = [Text(title, style="bold"), table, Text(memory_sentence(gradients))]
    return [*lines, Text(gradients.advice)] if gradients.advice else lines


def _in_decades(norm: Array) -> tuple[Array, float, float]:
    """The logarithm of norms, and the range of it that bars show: that of the norms, `_DECADES` of it at most."""
    most = float(norm.max())
    if most <= 0:
        return np.zeros_like(norm), 0.0, 1.0
    logarithm = np.log10(np.maximum(norm / most, 10.0**-_DECADES))
    return logarithm, min(float(logarithm.min()), -1.0), 0.0


def _show_importance(importance: Importance, marks: str) -> list[RenderableType]:
    table = Table(box=None, pad_edge=False)
    table.add_column("exchanged", no_wrap=True)
    table.add_column("MASE lost", justify="right", no_wrap=True)
    table.add_column("+-", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    most = max((each.lost for each in importance.influences), default=0.0)
    shown = importance.influences
    if len(shown) > _LISTED + 10:
        shown = tuple(sorted(shown, key=lambda each: -each.lost)[:_LISTED])
    for each in shown:
        length = round(_BAR * max(each.lost, 0) / most) if most > 0 else 0
        error = "-" if np.isnan(each.error) else number(each.error)
        mark = marks[-1] if marks == BLOCKS else "#"
        table.add_row(clip(describe_influence(each), _NAME), number(each.lost), error, mark * length)
    hidden = len(importance.influences) - len(shown)
    title = f"What matters: MASE lost, of {number(importance.mase)}, when {importance.windows} windows exchange it"
    lines: list[RenderableType] = [Text(title, style="bold"), table]
    return [*lines, Text(f"... and {hidden} more that matter less")] if hidden else lines


def _show_attribution(attribution: Attribution, importance: Importance | None, marks: str) -> list[RenderableType]:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_row(f"a flat window at {number(attribution.level)}", number(attribution.baseline))
    for first, last in lag_blocks(attribution, importance):
        added = float(attribution.of_lags[first - 1 : last].sum())
        table.add_row(f"lag {first}" if first == last else f"lags {first}-{last}", signed(added))
    groups = sorted(attribution.of_groups.items(), key=lambda each: -abs(each[1]))
    for name, added in groups[:_LISTED]:
        table.add_row(clip(name, _NAME), signed(added))
    rest = sum(added for _, added in groups[_LISTED:])
    if len(groups) > _LISTED:
        table.add_row(f"{len(groups) - _LISTED} more", signed(rest))
    table.add_row("forecast", number(attribution.forecast))
    which = f"{attribution.series}, {describe_steps(attribution)} after {attribution.cutoff}"
    title = f"Why this forecast (integrated gradients): {which}"
    flat = "The flat window has the level and size of the real one, and average covariates."
    return [Text(title, style="bold"), table, Text(flat), Text(completeness_sentence(attribution))]


def _ends(left: str, right: str, width: int) -> str:
    left, right = left[:_TIME], right[:_TIME]
    return left + right.rjust(max(width - len(left), len(right) + 1))


def _mean(values: Sequence[float] | Array) -> float:
    known = np.asarray(values)[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
