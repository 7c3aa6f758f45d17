"""The section on the inside of a network: states, memory, importance of the inputs, and the parts of a forecast."""

from html import escape
from typing import Any

import numpy as np

from forecaster.explain.explanation import Array, Attribution, Explanation, Gradients, Importance, LayerTrace
from forecaster.report.excerpts import gradient_rows, lag_blocks, liveliest_units, memory_ends
from forecaster.report.page.charts import MODEL, NAIVE, QUIET, SEASONAL, Trace, axes, band, bars, line
from forecaster.report.page.parts import Chart, Section, Text
from forecaster.report.verdicts import (
    completeness_sentence,
    describe_flow,
    describe_influence,
    describe_steps,
    memory_sentence,
)
from forecaster.report.words import clip, number, plural, signed, timestamp

_MAX_UNITS = 48  # rows of the heat map
_MAX_FLOWS = 4
_MAX_BARS = 16
_NAME_WIDTH = 30
_COLORS = (MODEL, SEASONAL, NAIVE, QUIET)
_DASHES = ("solid", "dash", "dot", "longdash")
_LAG = "lag, steps before the cutoff"
_STATES = ("hidden", "cell", "candidate")
_REVERSED = {"autorange": "reversed"}  # the oldest step is on the left


def explain_section(explanation: Explanation) -> Section:
    """Return the section on the inside of a network; without a network, only the importance of the inputs."""
    parts: list[Chart | Text] = []
    if explanation.network:
        text = f"Inside {explanation.network}."
        is_one_of_many = explanation.network.startswith("network ")
        parts.append(Text(f"{text} For the others: forecast explain --member 2." if is_one_of_many else text))
    if explanation.unrolling and explanation.gradients:
        trace = explanation.unrolling.layers[-1 if explanation.unrolling.layers[-1].direction == "forward" else -2]
        parts.append(_states_chart(explanation, trace))
        gates = [name for name in trace.parts if name not in _STATES]
        if gates:
            parts.append(_gates_chart(explanation.unrolling.lags, trace, gates))
        parts.append(_gradients_chart(explanation.gradients))
    if explanation.importance:
        parts.append(_importance_chart(explanation.importance))
    if explanation.attribution:
        parts.append(_attribution_chart(explanation.attribution, explanation.importance))
    parts += [Text(f"{note[0].upper()}{note[1:]}.") for note in explanation.notes if "--member" not in note]
    return Section("inside", "Inside the network" if explanation.network else "Importance of the inputs", parts)


def _states_chart(explanation: Explanation, trace: LayerTrace) -> Chart:
    """Chart the hidden state as a heat map with a row for each unit and a column for each step of the recurrence."""
    assert explanation.unrolling
    assert explanation.gradients
    unrolling = explanation.unrolling
    hidden = trace.parts["hidden"]  # [S, D]
    units = hidden.shape[1]
    liveliest = liveliest_units(hidden, 1)[0]
    rows = sorted(liveliest_units(hidden, _MAX_UNITS), key=lambda unit: hidden[:, unit].mean())
    limit = max(float(np.abs(hidden).max()), 1e-9)
    which = plural(units, "hidden unit")
    if len(rows) < units:
        which = f"the {_MAX_UNITS} hidden units that vary most, of {units}"
    width = explanation.gradients.step
    summary = (
        f"The network reads {unrolling.series} up to {timestamp(unrolling.cutoff)}. A column is a step of the"
        f" recurrence ({plural(width, 'step')} of data), a row one of {which}. Blue is above 0, orange below; darker is"
        f" farther from 0. Unit {liveliest + 1} varies most, from {number(float(hidden[:, liveliest].min()))} to"
        f" {number(float(hidden[:, liveliest].max()))}."
    )
    heat_map: Trace = {
        "type": "heatmap",
        "name": "hidden state",
        "x": "@lag",
        "y": "@row",
        "z": "@state",
        "zmin": -limit,
        "zmax": limit,
        "colorscale": [[0, f"${SEASONAL}"], [0.5, "$paper"], [1, f"${MODEL}"]],
        "colorbar": {"thickness": 12, "outlinewidth": 0},
        "hovertemplate": "lag %{x}: %{z:.3~f}<extra></extra>",
    }
    mean = {f"mean of {name}": f"mean.{name}" for name in trace.parts}
    numbers = {"lag": "lag", "data until": "time", "input, scaled": "input", **mean}
    columns: dict[str, Any] = {
        "lag": unrolling.lags,
        "time": [timestamp(stamp) for stamp in unrolling.times],
        "input": unrolling.input,
        "row": np.arange(len(rows)),
        "state": hidden[:, rows].T,
        **{f"mean.{name}": part.mean(axis=1) for name, part in trace.parts.items()},
    }
    heading = "Hidden state, step by step" + (f", layer {trace.layer}" if trace.layer > 1 else "")
    layout = axes(
        _LAG, "units", height=380, xaxis=_REVERSED, yaxis={"showticklabels": False, "ticks": ""}, hovermode="closest"
    )
    return Chart("unrolled", heading, summary, [heat_map], layout, numbers, columns)


def _gates_chart(lags: list[int], trace: LayerTrace, gates: list[str]) -> Chart:
    """Chart the mean of each gate over the units."""
    columns: dict[str, Any] = {"lag": lags, **{name: trace.parts[name].mean(axis=1) for name in gates}}
    sentences = [
        f"The {name} gate is {number(float(columns[name].mean()))} on average"
        + (f" ({trace.meanings[name]})" if name in trace.meanings else "")
        for name in gates
    ]
    traces = [
        line(name, "lag", name, color, dash=dash) for name, color, dash in zip(gates, _COLORS, _DASHES, strict=False)
    ]
    layout = axes(_LAG, "mean over the units", height=260, xaxis=_REVERSED)
    numbers = {"lag": "lag", **{name: name for name in gates}}
    return Chart("gates", "Gates", ". ".join(sentences) + ".", traces, layout, numbers, columns)


def _gradients_chart(gradients: Gradients) -> Chart:
    """Chart |d loss / d h_t| by lag, with the memory as a vertical line."""
    flows = [flow for flow in gradient_rows(gradients) if flow.norm.any()][:_MAX_FLOWS]
    names = [describe_flow(flow, gradients) for flow in flows]
    columns: dict[str, Any] = {"lag": gradients.total.lags}
    traces: list[Trace] = []
    if flows:
        columns |= {"low": _positive(flows[0].low), "high": _positive(flows[0].high)}
        traces += band("80 % of windows", "lag", ("low", "high"), opacity=0.15, has_hover=False)
    for name, flow, color, dash in zip(names, flows, _COLORS, _DASHES, strict=False):
        columns[name] = _positive(flow.norm)
        traces.append(line(name, "lag", name, color, dash=dash))
    summary = (
        "The gradient shows how much the loss would change with the state after each step (backpropagation through"
        f" time, mean of {plural(gradients.windows, 'window')}). {memory_sentence(gradients)} {gradients.advice}"
    )
    dashes = {"color": f"${QUIET}", "width": 1.5, "dash": "dash"}
    style = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "line": dashes}
    layout = axes(
        _LAG,
        "|d loss / d h|",
        y_kind="log",
        xaxis=_REVERSED,
        yaxis={"exponentformat": "power", "dtick": 1},
        shapes=[{**style, "x0": lag, "x1": lag} for lag in memory_ends(gradients)],
    )
    numbers = {"lag": "lag", **{name: name for name in names}}
    return Chart("memory", "Gradient by lag", summary.strip(), traces, layout, numbers, columns)


def _importance_chart(importance: Importance) -> Chart:
    """Chart how much MASE rises if one input is exchanged between windows, with the standard error."""
    ranked = sorted(importance.influences, key=lambda influence: -influence.lost)[:_MAX_BARS]
    influences = [influence for influence in importance.influences if influence in ranked]
    names = [describe_influence(influence) for influence in influences]
    best = ranked[0]
    summary = (
        f"Each input in turn is exchanged between {plural(importance.windows, 'held-out window')}. A bar shows how much"
        f" that raises MASE above {number(importance.mase)}, with its standard error. Most important:"
        f" {describe_influence(best)} ({signed(best.lost)}). A bar within two standard errors of 0 is no evidence that"
        " the input matters."
    )
    trace = bars("increase of MASE", "label", "lost", MODEL, is_horizontal=True)
    trace["error_x"] = {"type": "data", "array": "@error", "color": f"${QUIET}", "thickness": 1.5}
    columns: dict[str, Any] = {
        "name": names,
        "label": _labels(names),
        "lost": np.array([influence.lost for influence in influences]),
        "error": np.array([influence.error for influence in influences]),
    }
    numbers = {"input": "name", "increase of MASE": "lost", "standard error": "error"}
    layout = _bar_axes("increase of MASE", len(influences))
    return Chart("matters", "Importance of the inputs", summary, [trace], layout, numbers, columns)


def _attribution_chart(attribution: Attribution, importance: Importance | None) -> Chart:
    """Chart one forecast as a sum, from that of a flat window to that of the real window."""
    parts: list[tuple[str, float]] = []
    for first, last in lag_blocks(attribution, importance):
        name = f"lag {first}" if first == last else f"lags {first}-{last}"
        parts.append((name, float(attribution.of_lags[first - 1 : last].sum())))
    groups = sorted(attribution.of_groups.items(), key=lambda group: -abs(group[1]))
    parts += groups[:_MAX_BARS]
    if groups[_MAX_BARS:]:
        parts.append((f"{len(groups) - _MAX_BARS} more", sum(value for _, value in groups[_MAX_BARS:])))
    names = ["flat window", *(name for name, _ in parts), "forecast"]
    added = np.array([value for _, value in parts])
    reached = attribution.baseline + np.concatenate([[0.0], np.cumsum(added)])
    low, high = float(min(*reached, attribution.forecast)), float(max(*reached, attribution.forecast))
    margin = 0.15 * (high - low) or abs(high) or 1.0
    largest, value = max(parts, key=lambda part: abs(part[1]), default=("nothing", 0.0))
    summary = (
        f"{attribution.series}, {describe_steps(attribution)} after {timestamp(attribution.cutoff)}: the network"
        f" forecasts {number(attribution.baseline)} for a flat window at {number(attribution.level)} and"
        f" {number(attribution.forecast)} for the real window. Each bar is the part of this difference that an input"
        f" adds (integrated gradients). Largest part: {largest} ({signed(value)}). {completeness_sentence(attribution)}"
    )
    trace: Trace = {
        "type": "waterfall",
        "name": "forecast",
        "orientation": "h",
        "measure": ["absolute", *["relative"] * len(parts), "total"],
        "x": "@step",
        "y": "@label",
        "increasing": {"marker": {"color": f"${MODEL}"}},
        "decreasing": {"marker": {"color": f"${SEASONAL}"}},
        "totals": {"marker": {"color": f"${QUIET}"}},
        "connector": {"line": {"color": f"${QUIET}", "width": 1}},
    }
    columns: dict[str, Any] = {
        "name": names,
        "label": _labels(names),
        "step": np.array([attribution.baseline, *added, attribution.forecast]),
    }
    layout = _bar_axes("units of the series", len(names), xaxis={"range": [low - margin, high + margin]})
    return Chart("why", "Parts of a forecast", summary, [trace], layout, {"part": "name", "adds": "step"}, columns)


def _bar_axes(title: str, count: int, **more: Any) -> Trace:
    """Return axes for horizontal bars, the first on top."""
    kind = {"yaxis": {"autorange": "reversed"}, "hovermode": "closest", **more}
    return axes(title, "", height=120 + 24 * count, y_kind="category", **kind)


def _positive(values: Array) -> Array:
    """Replace values that a logarithmic axis cannot show by NaN."""
    return np.where(values > 0, values, np.nan)


def _labels(names: list[str]) -> list[str]:
    """Return names as plotly can show them: short, distinct and without markup."""
    short = [clip(name, _NAME_WIDTH) for name in names]
    return [
        escape(name if short.count(name) == 1 else f"{name} ({place})", quote=False)
        for place, name in enumerate(short, start=1)
    ]
