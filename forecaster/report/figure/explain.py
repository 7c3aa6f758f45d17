"""An explanation as one figure: gradients by lag, states and gates as a heat map, what matters, why this forecast."""

import io
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from forecaster.errors import DependencyError
from forecaster.explain.explanation import Array, Attribution, Explanation, Flow, Gradients, Importance, Unrolling
from forecaster.report.verdicts import describe_influence, describe_steps
from forecaster.report.words import number, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE, _RED, _GREY = "#33658a", "#c8553d", "#8d99a6"
STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "forecast",
    "svg.fonttype": "none",
    "font.sans-serif": ["DejaVu Sans"],  # an svg names the fonts in each of its texts
}
_STATES = ("hidden", "cell")
_LISTED = 14
_TICKS = 6
_SHADES = 16  # an svg of 256 is a third larger


def require() -> None:
    """Make sure that figures can be drawn.

    Raises: DependencyError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise DependencyError("matplotlib is not installed, which draws pictures", hint="pip install matplotlib")


def draw(explanation: Explanation, kind: str) -> bytes:
    """Draw an explanation as `png` or `svg`.

    Raises: DependencyError: matplotlib is not installed.
    """
    require()
    from matplotlib import rc_context

    with rc_context(STYLE), io.BytesIO() as file:
        figure_of(explanation).savefig(file, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
        return file.getvalue()


def figure_of(explanation: Explanation) -> "Figure":
    """The figure itself; its style is the caller's."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, _height(explanation)), layout="constrained")
    figure.suptitle(f"{explanation.model}: {explanation.network or 'no network inside'}", fontweight="bold")
    if explanation.unrolling and explanation.gradients and explanation.attribution:
        top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=(_height(explanation) - 3.6, 3.6))[:, 0]
        draw_unrolling(top, explanation.unrolling)
        left, middle, right = bottom.subplots(1, 3)
        draw_gradients(left, explanation.gradients)
        draw_attribution(right, explanation.attribution)
        draw_importance(middle, explanation.importance)
    else:
        draw_importance(figure.subplots(), explanation.importance)
    return figure


def draw_unrolling(figure: Any, unrolling: Unrolling) -> None:
    """Input, gates and state of one window, step by step: a row of the heat map a unit, a column a step."""
    from matplotlib import colormaps

    rows = _maps(unrolling)
    axes = figure.subplots(
        1 + len(rows), 1, sharex=True, gridspec_kw={"height_ratios": [1.2] + [1.6] * len(rows)}, squeeze=False
    )[:, 0]
    steps = np.arange(len(unrolling.lags))
    axes[0].plot(steps, unrolling.input, color=_BLUE, linewidth=1, marker=".", markersize=3)
    axes[0].set_ylabel("input", rotation=0, ha="right", va="center")
    axes[0].set_title(f"Unrolled in time: {unrolling.series}, read up to {unrolling.cutoff}; a row of a map is a unit")
    for axis, (name, part) in zip(axes[1:], rows, strict=True):
        is_gate = name.split()[0] not in _STATES
        most = 1.0 if is_gate else max(float(np.abs(part).max()), 1e-9)
        image = axis.imshow(
            part.T,
            aspect="auto",
            interpolation="none",  # an svg then keeps one pixel a step
            cmap=colormaps["viridis" if is_gate else "RdBu_r"].resampled(_SHADES),
            vmin=0.0 if is_gate else -most,
            vmax=most,
            extent=(-0.5, len(steps) - 0.5, 0, part.shape[1]),
        )
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
        axis.set_yticks([])
        bar = figure.colorbar(image, ax=axis, pad=0.01, aspect=8)
        bar.solids.set_rasterized(True)  # else 256 shapes in an svg
    ticks = np.unique(np.linspace(0, len(steps) - 1, min(_TICKS, len(steps))).round().astype(int))
    axes[-1].set_xticks(ticks, [unrolling.times[tick] for tick in ticks])


def _maps(unrolling: Unrolling) -> list[tuple[str, Array]]:
    """A name and an array [S, D] for each map, units in the order of their mean; gates of the top layer alone."""
    rows: list[tuple[str, Array]] = []
    top, several = unrolling.layers[-1].layer, len(unrolling.layers) > 1
    for trace in unrolling.layers:
        where = f" {trace.layer}{', back' * (trace.direction == 'backward')}" if several else ""
        order = np.argsort(trace.parts["hidden"].mean(axis=0))
        shown = [name for name in trace.parts if name in _STATES or (trace.layer == top and name != "candidate")]
        rows += [(name + where, trace.parts[name][:, order]) for name in shown]
    return rows


def draw_gradients(axis: "Axes", gradients: Gradients) -> None:
    """The norms by lag, with the middle 80 % of the windows, on a logarithmic axis; the memory as a line."""
    styles = {"hidden": "-", "cell": "--"}
    for place, flow in enumerate(gradients.flows):
        name = f"layer {flow.layer} {flow.part}" + (", backward" if flow.direction == "backward" else "")
        axis.plot(flow.lags, _positive(flow.norm), styles[flow.part], color=f"C{place}", linewidth=1.3, label=name)
        axis.fill_between(flow.lags, _positive(flow.low), _positive(flow.high), color=f"C{place}", alpha=0.15, lw=0)
    axis.axvline(gradients.memory, color=_RED, linewidth=1)
    if any(_reaches(flow) for flow in gradients.flows):
        axis.set_yscale("log")
    axis.invert_xaxis()
    axis.set_xlabel("lag, steps before the cutoff")
    axis.set_title(f"|d loss / d h|: memory {gradients.memory} of {gradients.context}")
    axis.legend(frameon=False, fontsize=7)


def draw_importance(axis: "Axes", importance: Importance | None) -> None:
    """MASE lost by each exchange, with its standard error."""
    if importance is None:
        axis.set_axis_off()
        return
    shown = sorted(importance.influences, key=lambda each: -each.lost)[:_LISTED]
    kept = [each for each in importance.influences if each in shown][::-1]
    names = [describe_influence(each) for each in kept]
    lost = [each.lost for each in kept]
    error = np.nan_to_num([each.error for each in kept])
    axis.barh(names, lost, xerr=error, color=_BLUE, ecolor=_GREY, height=0.7)
    axis.axvline(0, color="black", linewidth=0.6)
    axis.set_xlabel(f"MASE lost, of {number(importance.mase)}")
    axis.set_title("What matters")


def draw_attribution(axis: "Axes", attribution: Attribution) -> None:
    """What each lag and each group of covariates adds to the flat window's forecast."""
    lags = np.array(attribution.lags)
    axis.bar(lags, attribution.of_lags, color=np.where(attribution.of_lags < 0, _RED, _BLUE), width=0.9)
    axis.axhline(0, color="black", linewidth=0.6)
    axis.invert_xaxis()
    axis.set_xlabel("lag, steps before the cutoff")
    groups = sorted(attribution.of_groups.items(), key=lambda each: -abs(each[1]))[:4]
    lines = [f"flat window {number(attribution.baseline)}", f"lags {signed(float(attribution.of_lags.sum()))}"]
    lines += [f"{name} {signed(value)}" for name, value in groups]
    lines.append(f"forecast {number(attribution.forecast)}")
    axis.text(0.02, 0.98, "\n".join(lines), transform=axis.transAxes, va="top", fontsize=7)
    axis.margins(y=0.1)
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.8 * (high - low))  # room for the text
    axis.set_title(f"Why this forecast: {describe_steps(attribution)}")


def _positive(values: Array) -> Array:
    return np.where(values > 0, values, np.nan)


def _reaches(flow: Flow) -> bool:
    return bool((flow.norm > 0).any())


def _height(explanation: Explanation) -> float:
    """Inches: a map for each part of each layer's state."""
    if explanation.unrolling is None:
        return 4.0
    return 5.0 + 1.1 * len(_maps(explanation.unrolling))
