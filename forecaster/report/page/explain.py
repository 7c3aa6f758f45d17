"""The section on what is inside a network: its states, how far it remembers, what matters, and why one forecast."""

from html import escape
from typing import Any

import numpy as np

from forecaster.explain.explanation import Array, Attribution, Explanation, Flow, Gradients, Importance, LayerTrace
from forecaster.report.excerpts import lag_blocks, liveliest_units
from forecaster.report.page.charts import MODEL, NAIVE, QUIET, SEASONAL, Trace, axes, band, bars, line
from forecaster.report.page.parts import Chart, Section, Text
from forecaster.report.verdicts import completeness_sentence, describe_influence, describe_steps, memory_sentence
from forecaster.report.words import clip, number, plural, signed, timestamp

_UNITS = 48  # rows of the heat map
_FLOWS = 4
_LISTED = 16
_COLORS = (MODEL, SEASONAL, NAIVE, QUIET)
_DASHES = ("solid", "dash", "dot", "longdash")
_NAME_WIDTH = 30
_LAG = "lag, steps before the cutoff"
_STATES = ("hidden", "cell", "candidate")
_BACK = {"autorange": "reversed"}  # the oldest step stands on the left


def inside_section(found: Explanation) -> Section:
    """What a look into a network found; of a model without one, what matters alone."""
    parts: list[Chart | Text] = []
    if found.network:
        which, _, what = found.network.partition(": ")
        is_one_of_many = " of " in which
        more = " The others: forecast explain --member 2." if is_one_of_many else ""
        parts.append(Text(f"A look into {which if is_one_of_many else 'the network'}: {what}.{more}"))
    if found.unrolling and found.gradients:
        trace = found.unrolling.layers[-1 if found.unrolling.layers[-1].direction == "forward" else -2]
        parts.append(_states_chart(found, trace))
        gates = [name for name in trace.parts if name not in _STATES]
        if gates:
            parts.append(_gates_chart(found.unrolling.lags, trace, gates))
        parts.append(_gradients_chart(found.gradients))
    if found.importance:
        parts.append(_importance_chart(found.importance))
    if found.attribution:
        parts.append(_attribution_chart(found.attribution, found.importance))
    parts += [Text(f"{note[0].upper()}{note[1:]}.") for note in found.notes if "--member" not in note]
    return Section("inside", "Inside the network" if found.network else "What matters", parts)


def _states_chart(found: Explanation, trace: LayerTrace) -> Chart:
    """The hidden state as a heat map: a row a unit, a column a step of the recurrence."""
    assert found.unrolling
    assert found.gradients
    hidden = trace.parts["hidden"]  # [S, D]
    unit = liveliest_units(hidden, 1)[0]
    shown = liveliest_units(hidden, _UNITS)
    order = sorted(shown, key=lambda each: hidden[:, each].mean())
    most = max(float(np.abs(hidden).max()), 1e-9)
    many = f"the {_UNITS} of {hidden.shape[1]} hidden units that move most" if len(shown) < hidden.shape[1] else ""
    width = found.gradients.step
    seen = (
        f"{found.unrolling.series}, read up to {timestamp(found.unrolling.cutoff)}: a column is a step of the"
        f" recurrence ({plural(width, 'step')} of data), a row one of {many or plural(hidden.shape[1], 'hidden unit')}."
        f" The darker, the farther from 0; blue is above it, orange below. Unit {unit + 1} moves most, from"
        f" {number(float(hidden[:, unit].min()))} to {number(float(hidden[:, unit].max()))}."
    )
    trace_of_map: Trace = {
        "type": "heatmap",
        "name": "hidden state",
        "x": "@lag",
        "y": "@row",
        "z": "@state",
        "zmin": -most,
        "zmax": most,
        "colorscale": [[0, f"${SEASONAL}"], [0.5, "$paper"], [1, f"${MODEL}"]],
        "colorbar": {"thickness": 12, "outlinewidth": 0},
        "hovertemplate": "lag %{x}: %{z:.3~f}<extra></extra>",
    }
    mean = {f"mean of {name}": f"mean.{name}" for name in trace.parts}
    numbers = {"lag": "lag", "read up to": "time", "input, scaled": "input", **mean}
    columns: dict[str, Any] = {
        "lag": found.unrolling.lags,
        "time": [timestamp(each) for each in found.unrolling.times],
        "input": found.unrolling.input,
        "row": np.arange(len(order)),
        "state": hidden[:, order].T,
        **{f"mean.{name}": part.mean(axis=1) for name, part in trace.parts.items()},
    }
    heading = "Unrolled in time: the hidden state" + (f", layer {trace.layer}" if trace.layer > 1 else "")
    layout = axes(
        _LAG, "units", height=380, xaxis=_BACK, yaxis={"showticklabels": False, "ticks": ""}, hovermode="closest"
    )
    return Chart("unrolled", heading, seen, [trace_of_map], layout, numbers, columns)


def _gates_chart(lags: list[int], trace: LayerTrace, gates: list[str]) -> Chart:
    """Each gate on average over the units."""
    columns: dict[str, Any] = {"lag": lags, **{name: trace.parts[name].mean(axis=1) for name in gates}}
    told = [
        f"The {name} gate is {number(float(columns[name].mean()))} on average"
        + (f" ({trace.meanings[name]})" if name in trace.meanings else "")
        for name in gates
    ]
    traces = [
        line(name, "lag", name, color, dash=dash) for name, color, dash in zip(gates, _COLORS, _DASHES, strict=False)
    ]
    layout = axes(_LAG, "mean over the units", height=260, xaxis=_BACK)
    numbers = {"lag": "lag", **{name: name for name in gates}}
    return Chart("gates", "Gates", ". ".join(told) + ".", traces, layout, numbers, columns)


def _gradients_chart(gradients: Gradients) -> Chart:
    """|d loss / d h_t| by lag, and the memory as a line."""
    flows = [flow for flow in gradients.flows if flow.norm.any()][:_FLOWS]
    if max((flow.layer for flow in gradients.flows), default=1) > 1:
        flows = [gradients.total, *flows[: _FLOWS - 1]]
    names = [_name_of(flow, is_single=len({each.layer for each in flows}) == 1) for flow in flows]
    columns: dict[str, Any] = {"lag": gradients.total.lags}
    traces: list[Trace] = []
    if flows:
        columns |= {"low": _positive(flows[0].low), "high": _positive(flows[0].high)}
        traces += band("8 in 10 windows", "lag", "low", "high", MODEL, opacity=0.15, is_told=False)
    for name, flow, color, dash in zip(names, flows, _COLORS, _DASHES, strict=False):
        columns[name] = _positive(flow.norm)
        traces.append(line(name, "lag", name, color, dash=dash))
    seen = (
        f"How much the loss changes if the state after a step does, by backpropagation through time, mean of"
        f" {plural(gradients.windows, 'window')}. {memory_sentence(gradients)} {gradients.advice}"
    )
    memory = {"type": "line", "x0": gradients.memory, "x1": gradients.memory, "yref": "paper", "y0": 0, "y1": 1}
    layout = axes(
        _LAG,
        "|d loss / d h|",
        y_kind="log",
        xaxis=_BACK,
        yaxis={"exponentformat": "power", "dtick": 1},
        shapes=[{**memory, "line": {"color": f"${QUIET}", "width": 1.5, "dash": "dash"}}],
    )
    numbers = {"lag": "lag", **{name: name for name in names}}
    return Chart("memory", "Gradient by lag", seen.strip(), traces, layout, numbers, columns)


def _importance_chart(importance: Importance) -> Chart:
    """What the error gains when something is exchanged between windows, with its standard error."""
    ranked = sorted(importance.influences, key=lambda each: -each.lost)[:_LISTED]
    kept = [each for each in importance.influences if each in ranked]
    names = [describe_influence(each) for each in kept]
    best = ranked[0]
    seen = (
        f"What the forecaster reads is exchanged between {plural(importance.windows, 'held-out window')}, one influence"
        f" at a time; the bars are the MASE that this adds to {number(importance.mase)}, with its standard error."
        f" Most is lost without {describe_influence(best)}: {number(best.lost)}."
        " A bar within two errors of 0 says nothing."
    )
    trace = bars("MASE lost", "label", "lost", MODEL, is_lying=True)
    trace["error_x"] = {"type": "data", "array": "@error", "color": f"${QUIET}", "thickness": 1.5}
    columns: dict[str, Any] = {
        "name": names,
        "label": _labels(names),
        "lost": np.array([each.lost for each in kept]),
        "error": np.array([each.error for each in kept]),
    }
    numbers = {"exchanged": "name", "MASE lost": "lost", "standard error": "error"}
    return Chart("matters", "What matters", seen, [trace], _listed("MASE lost", len(kept)), numbers, columns)


def _attribution_chart(attribution: Attribution, importance: Importance | None) -> Chart:
    """One forecast as a sum, from the flat window's to the real one's."""
    parts: list[tuple[str, float]] = []
    for first, last in lag_blocks(attribution, importance):
        name = f"lag {first}" if first == last else f"lags {first}-{last}"
        parts.append((name, float(attribution.of_lags[first - 1 : last].sum())))
    groups = sorted(attribution.of_groups.items(), key=lambda each: -abs(each[1]))
    parts += groups[:_LISTED]
    if groups[_LISTED:]:
        parts.append((f"{len(groups) - _LISTED} more", sum(added for _, added in groups[_LISTED:])))
    names = ["flat window", *(name for name, _ in parts), "forecast"]
    added = np.array([value for _, value in parts])
    reached = attribution.baseline + np.concatenate([[0.0], np.cumsum(added)])
    low, high = float(min(*reached, attribution.forecast)), float(max(*reached, attribution.forecast))
    margin = 0.15 * (high - low) or abs(high) or 1.0
    most, value = max(parts, key=lambda each: abs(each[1]), default=("nothing", 0.0))
    seen = (
        f"{attribution.series}, {describe_steps(attribution)} after {timestamp(attribution.cutoff)}, by integrated"
        f" gradients: the network says {number(attribution.baseline)} of a flat window at {number(attribution.level)}"
        f" and {number(attribution.forecast)} of the real one. Most comes of {most}: {signed(value)}."
        f" {completeness_sentence(attribution)}"
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
    layout = _listed("data units", len(names), xaxis={"range": [low - margin, high + margin]})
    return Chart("why", "Why this forecast", seen, [trace], layout, {"part": "name", "adds": "step"}, columns)


def _listed(title: str, count: int, **more: Any) -> Trace:
    """Axes of lying bars, the first on top."""
    kind = {"yaxis": {"autorange": "reversed"}, "hovermode": "closest", **more}
    return axes(title, "", height=120 + 24 * count, y_kind="category", **kind)


def _name_of(flow: Flow, *, is_single: bool) -> str:
    if flow.layer == 0:
        return "all layers"
    name = flow.part if is_single else f"layer {flow.layer} {flow.part}"
    return f"{name}, backward" if flow.direction == "backward" else name


def _positive(values: Array) -> Array:
    """What a logarithmic axis can show."""
    return np.where(values > 0, values, np.nan)


def _labels(names: list[str]) -> list[str]:
    """Names as plotly may show them: short, no markup, each another."""
    short = [clip(name, _NAME_WIDTH) for name in names]
    return [
        escape(name if short.count(name) == 1 else f"{name} ({place})", quote=False)
        for place, name in enumerate(short, start=1)
    ]
