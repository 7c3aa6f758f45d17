"""The first chart of a page as one figure for slides and papers, drawn by matplotlib."""

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forecaster.errors import DependencyError, InputError
from forecaster.report.page.parts import Chart, DrawnSeries, Page
from forecaster.report.page.series_selection import REQUESTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLORS = {"model": "#0067a5", "seasonal": "#b85000", "naive": "#00795a", "truth": "#1a1f26", "quiet": "#6b7684"}
_STYLES = {"solid": "-", "dash": (0, (5, 2.5)), "dot": (0, (1.5, 1.8))}
_MARKS = {"circle": "o", "diamond": "D"}
_MAX_PANELS = 6
_RESOLUTION = 200  # dots per inch
_STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#6b7684",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e7eb",
    "grid.linewidth": 0.6,
    "svg.hashsalt": "forecast",  # the same data, the same bytes
}


def check() -> None:
    """Check that matplotlib is installed.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise DependencyError("a figure needs the package matplotlib", hint="pip install matplotlib") from error


def draw(page: Page, kind: str) -> bytes:
    """Draw the first chart of a page; if it shows one series at a time, draw up to six series.

    Args:
        kind: `png` or `svg`.

    Raises:
        DependencyError: matplotlib is not installed.
        InputError: the page has no chart yet.
    """
    check()
    if not page.charts:
        raise InputError(
            f"{page.name}: there is nothing to draw yet", hint="make a page: forecast report -o report.html"
        )
    import matplotlib as mpl
    from matplotlib.figure import Figure as NewFigure

    chart = page.charts[0]
    panels: list[DrawnSeries | None] = [*_select_panels(page.drawn_series)] if chart.is_by_series else [None]
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    size = (7.2, 3.8) if len(panels) == 1 else (9.6, 2.5 * rows + 0.7)
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure = NewFigure(figsize=size, layout="constrained")
        grid = np.atleast_1d(figure.subplots(rows, columns)).ravel()
        for place, axes in enumerate(grid):
            if place >= len(panels):
                axes.remove()
                continue
            panel = panels[place]
            _draw_chart(axes, chart, panel.columns if panel else chart.columns or {})
            axes.set_title(panel.name if panel else chart.heading, loc="left", fontsize=10, parse_math=False)
        add_legend(figure, grid[0])
        out = io.BytesIO()
        figure.savefig(
            out, format=kind, dpi=_RESOLUTION, metadata={"Date": None} if kind == "svg" else {"Software": None}
        )
    return out.getvalue()


def add_legend(figure: "Figure", axes: "Axes") -> None:
    """Add the legend of axes below a figure, in as few rows as its width allows; none for a single entry."""
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) < 2:
        return
    for rows in range(1, len(labels) + 1):
        columns = -(-len(labels) // rows)
        legend = figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
        if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def _select_panels(drawn_series: Sequence[DrawnSeries]) -> list[DrawnSeries]:
    """Select the series of the panels: the requested ones, or else some from all groups, evenly spaced."""
    candidates = [series for series in drawn_series if series.group == REQUESTED][:_MAX_PANELS] or drawn_series
    places = np.linspace(0, len(candidates) - 1, min(len(candidates), _MAX_PANELS)).astype(int)
    return [candidates[place] for place in places]


def _draw_chart(axes: "Axes", chart: Chart, columns: Mapping[str, Any]) -> None:
    layout = chart.layout
    kinds = {axis: layout[f"{axis}axis"]["type"] for axis in "xy"}
    for number, trace in enumerate(chart.traces):
        x, y = (_values(trace[axis], columns, kinds[axis]) for axis in "xy")
        if len(x) and len(y):
            _draw_trace(axes, trace, x, y, chart.traces[number - 1], columns)
    for axis, kind in kinds.items():
        if kind == "log":
            getattr(axes, f"set_{axis}scale")("log")
        title = layout[f"{axis}axis"].get("title", {}).get("text", "")
        getattr(axes, f"set_{axis}label")(title, parse_math=False)
        bounds = layout[f"{axis}axis"].get("range")
        if bounds:
            bounds = _values(bounds, columns, kind) if isinstance(bounds, str) else bounds
            if len(bounds):
                getattr(axes, f"set_{axis}lim")(*bounds)
    if kinds["x"] == "date":
        _format_dates(axes)
    if kinds["x"] == "linear" and _is_counted(chart, columns):
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if kinds["x"] == "category":
        axes.tick_params("x", rotation=30)
    if layout["yaxis"].get("rangemode") == "tozero":
        axes.set_ylim(bottom=0)
    if isinstance(layout["xaxis"].get("range"), str):
        _fit_y_axis(axes)


def _draw_trace(
    axes: "Axes", trace: Mapping[str, Any], x: Any, y: Any, before: Mapping[str, Any], columns: Any
) -> None:
    name = str(trace["name"])
    if trace["type"] == "bar":
        color = _color(trace["marker"]["color"])
        if trace["orientation"] == "h":
            axes.barh(y, x, color=color, label=name, height=0.65)
        else:
            axes.bar(x, y, color=color, label=name, width=0.95 * float(np.min(np.diff(x))) if len(x) > 1 else 0.8)
        return
    if trace.get("fill") == "tonexty":
        color, opacity = trace["fillcolor"].split("/")
        lower = _values(before["y"], columns, "linear")
        axes.fill_between(x, lower, y, color=_color(color), alpha=float(opacity), lw=0, label=name.removesuffix(" to"))
    elif trace.get("fill") == "toself":
        color, opacity = trace["fillcolor"].split("/")
        ends = np.flatnonzero(np.isnan(y))
        for first, last in zip([0, *(ends[:-1] + 1)], ends, strict=True):
            label = name if first == 0 else None
            axes.fill(x[first:last], y[first:last], color=_color(color), alpha=float(opacity), lw=0, label=label)
    elif trace.get("meta"):
        line, marker = trace.get("line", {}), trace.get("marker", {})
        axes.plot(
            x,
            y,
            color=_color((line or marker)["color"]),
            linestyle=_STYLES[line["dash"]] if line else "none",
            linewidth=0.75 * line.get("width", 0),
            drawstyle="steps-post" if line.get("shape") == "hv" else "default",
            marker=_MARKS[marker["symbol"]] if marker else None,
            markersize=3,
            label=name,
        )


def _values(reference: str, columns: Mapping[str, Any], kind: str) -> Any:
    values = columns.get(reference.removeprefix("@"), [])
    if kind == "date":
        return np.array(["NaT" if value is None else value for value in values], "datetime64[us]")
    if kind == "category":
        return [str(value) for value in values]
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _is_counted(chart: Chart, columns: Mapping[str, Any]) -> bool:
    """Return True if the x axis counts, such as steps or trials."""
    names = {str(trace["x"]).removeprefix("@") for trace in chart.traces}
    return all(np.asarray(columns.get(name, [0])).dtype.kind in "iu" for name in names)


def _format_dates(axes: "Axes") -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _fit_y_axis(axes: "Axes") -> None:
    """Fit the y axis to the values within the bounds of the x axis."""
    low, high = axes.get_xlim()
    inside = []
    for line in axes.lines:
        x = np.asarray(line.get_xdata(orig=False), np.float64)
        y = np.asarray(line.get_ydata(orig=False), np.float64)
        inside.append(y[(x >= low) & (x <= high)])
    for band in axes.collections:
        points = band.get_paths()[0].vertices
        inside.append(np.asarray(points)[:, 1])
    values = np.concatenate(inside) if inside else np.array([])
    values = values[np.isfinite(values)]
    if len(values):
        margin = 0.06 * (values.max() - values.min()) or 1.0
        axes.set_ylim(values.min() - margin, values.max() + margin)


def _color(token: str) -> str:
    return _COLORS[token.removeprefix("$")]
