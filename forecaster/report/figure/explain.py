"""An explanation as one figure: states and gates, gradients by lag, importance, and the attribution of a forecast."""

import io
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from forecaster.errors import DependencyError
from forecaster.explain.explanation import Array, Attribution, Explanation, Flow, Gradients, Importance, Unrolling
from forecaster.report.excerpts import gradient_rows, memory_ends
from forecaster.report.verdicts import describe_flow, describe_influence, describe_steps
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
    "font.sans-serif": ["DejaVu Sans"],  # an svg repeats the names of fonts in each of its texts
}
_STATES = ("hidden", "cell")
_INFLUENCES_SHOWN = 14
_GROUPS_SHOWN = 4
_MAX_TICKS = 6
_SHADES = 16  # 256 shades would make an svg a third larger


def require() -> None:
    """Check that figures can be drawn.

    Raises: DependencyError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise DependencyError("matplotlib is not installed, but figures need it", hint="pip install matplotlib")


def draw(explanation: Explanation, kind: str) -> bytes:
    """Draw an explanation.

    Args:
        kind: `png` or `svg`.

    Returns: the content of the file.
    Raises: DependencyError: matplotlib is not installed.
    """
    return render(lambda: figure_of(explanation), kind)


def render(build: Callable[[], "Figure"], kind: str) -> bytes:
    """Return the content of a file with the figure that a function builds in the style of all figures.

    Args:
        kind: `png` or `svg`.

    Raises: DependencyError: matplotlib is not installed.
    """
    require()
    from matplotlib import rc_context

    with rc_context(STYLE), io.BytesIO() as file:
        build().savefig(file, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
        return file.getvalue()


def figure_of(explanation: Explanation) -> "Figure":
    """Return the figure of an explanation; the caller sets the style."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, _height(explanation)), layout="constrained")
    figure.suptitle(f"{explanation.model}: {explanation.network or 'no network inside'}", fontweight="bold")
    if explanation.unrolling and explanation.gradients and explanation.attribution:
        top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=(_height(explanation) - 3.6, 3.6))[:, 0]
        draw_unrolling(top, explanation.unrolling)
        left, middle, right = bottom.subplots(1, 3)
        draw_gradients(left, explanation.gradients, gradient_rows(explanation.gradients))
        draw_attribution(right, explanation.attribution)
        draw_importance(middle, explanation.importance)
    else:
        draw_importance(figure.subplots(), explanation.importance)
    return figure


def draw_unrolling(figure: Any, unrolling: Unrolling) -> None:
    """Draw one window: its input as a line, each gate and state as a heat map.

    A map has a row for each unit and a column for each step.
    """
    from matplotlib import colormaps

    rows = _maps(unrolling)
    axes = figure.subplots(
        1 + len(rows), 1, sharex=True, gridspec_kw={"height_ratios": [1.2] + [1.6] * len(rows)}, squeeze=False
    )[:, 0]
    steps = np.arange(len(unrolling.lags))
    axes[0].plot(steps, unrolling.input, color=_BLUE, linewidth=1, marker=".", markersize=3)
    axes[0].set_ylabel("input", rotation=0, ha="right", va="center")
    axes[0].set_title(
        f"Unrolled in time: {unrolling.series}, read up to {unrolling.cutoff}; each row of a map is a unit"
    )
    for axis, (name, part) in zip(axes[1:], rows, strict=True):
        is_gate = name.split()[0] not in _STATES
        limit = 1.0 if is_gate else max(float(np.abs(part).max()), 1e-9)
        image = axis.imshow(
            part.T,
            aspect="auto",
            interpolation="none",  # keeps one pixel per step in an svg
            cmap=colormaps["viridis" if is_gate else "RdBu_r"].resampled(_SHADES),
            vmin=0.0 if is_gate else -limit,
            vmax=limit,
            extent=(-0.5, len(steps) - 0.5, 0, part.shape[1]),
        )
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
        axis.set_yticks([])
        bar = figure.colorbar(image, ax=axis, pad=0.01, aspect=8)
        bar.solids.set_rasterized(True)  # avoids 256 shapes in an svg
    ticks = np.unique(np.linspace(0, len(steps) - 1, min(_MAX_TICKS, len(steps))).round().astype(int))
    axes[-1].set_xticks(ticks, [unrolling.times[tick] for tick in ticks])


def _maps(unrolling: Unrolling) -> list[tuple[str, Array]]:
    """Return a name and an array [S, D] for each map, units in the order of their mean; gates of the top layer only."""
    rows: list[tuple[str, Array]] = []
    top, is_stacked = unrolling.layers[-1].layer, len(unrolling.layers) > 1
    for trace in unrolling.layers:
        suffix = f" {trace.layer}{', back' * (trace.direction == 'backward')}" if is_stacked else ""
        order = np.argsort(trace.parts["hidden"].mean(axis=0))
        names = [name for name in trace.parts if name in _STATES or (trace.layer == top and name != "candidate")]
        titles = [name if name in _STATES else f"{name} gate" for name in names]  # An LSTM has an input gate.
        rows += [(title + suffix, trace.parts[name][:, order]) for title, name in zip(titles, names, strict=True)]
    return rows


def draw_gradients(axis: "Axes", gradients: Gradients, flows: Sequence[Flow]) -> None:
    """Draw the norms by lag on a logarithmic axis, and a line at the end of the memory, dashed of the backward reading.

    The first gradient of each direction has a band that contains the middle 80 % of the windows.
    """
    styles = {"state": "-", "hidden": "-", "cell": "--"}
    for number_of_flow, flow in enumerate(flows):
        name, color = describe_flow(flow, gradients), f"C{number_of_flow}"
        axis.plot(flow.lags, _positive(flow.norm), styles[flow.part], color=color, linewidth=1.3, label=name)
        if number_of_flow < len(gradients.directions):  # More bands would hide each other.
            axis.fill_between(flow.lags, _positive(flow.low), _positive(flow.high), color=color, alpha=0.15, lw=0)
    for lag, style in zip(memory_ends(gradients), ("-", "--"), strict=False):
        axis.axvline(lag, color=_RED, linewidth=1, linestyle=style)
    if any(_reaches(flow) for flow in flows):
        axis.set_yscale("log")
    axis.invert_xaxis()
    axis.set_xlabel("lag, steps before the cutoff")
    axis.set_title(f"|d loss / d h|: memory {gradients.memory} of {gradients.context}")
    axis.legend(frameon=False, fontsize=7)


def draw_importance(axis: "Axes", importance: Importance | None) -> None:
    """Draw how much the MASE rises if an input is exchanged between windows, with the standard error."""
    if importance is None:
        axis.set_axis_off()
        return
    largest = sorted(importance.influences, key=lambda influence: -influence.lost)[:_INFLUENCES_SHOWN]
    rows = [influence for influence in importance.influences if influence in largest][::-1]
    names = [describe_influence(influence) for influence in rows]
    loss = [influence.lost for influence in rows]
    error = np.nan_to_num([influence.error for influence in rows])
    axis.barh(names, loss, xerr=error, color=_BLUE, ecolor=_GREY, height=0.7)
    axis.axvline(0, color="black", linewidth=0.6)
    axis.set_xlabel(f"rise of the MASE, {number(importance.mase)}")
    axis.set_title("What matters")


def draw_attribution(axis: "Axes", attribution: Attribution) -> None:
    """Draw the contribution of each lag to the forecast, and list the contributions of covariates."""
    lags = np.array(attribution.lags)
    axis.bar(lags, attribution.of_lags, color=np.where(attribution.of_lags < 0, _RED, _BLUE), width=0.9)
    axis.axhline(0, color="black", linewidth=0.6)
    axis.invert_xaxis()
    axis.set_xlabel("lag, steps before the cutoff")
    groups = sorted(attribution.of_groups.items(), key=lambda group: -abs(group[1]))[:_GROUPS_SHOWN]
    lines = [f"flat window {number(attribution.baseline)}", f"lags {signed(float(attribution.of_lags.sum()))}"]
    lines += [f"{name} {signed(value)}" for name, value in groups]
    lines.append(f"forecast {number(attribution.forecast)}")
    axis.text(0.02, 0.98, "\n".join(lines), transform=axis.transAxes, va="top", fontsize=7)
    axis.margins(y=0.1)
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.8 * (high - low))  # leaves room for the text
    axis.set_title(f"Why this forecast: {describe_steps(attribution)}")


def _positive(values: Array) -> Array:
    return np.where(values > 0, values, np.nan)


def _reaches(flow: Flow) -> bool:
    return bool((flow.norm > 0).any())


def _height(explanation: Explanation) -> float:
    """Return the height of the figure in inches, with room for all heat maps."""
    if explanation.unrolling is None:
        return 4.0
    return 5.0 + 1.1 * len(_maps(explanation.unrolling))
