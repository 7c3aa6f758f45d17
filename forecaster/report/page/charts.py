"""Plotly's traces and layouts as plain dictionaries: `@name` stands for a column, `$name` for a colour of the page.

Colours are those that people with any colour vision can tell apart (Okabe & Ito 2008), and no two lines differ by
colour alone. Text of the data never comes in here: plotly would read some of it as markup.
"""

from typing import Any

Trace = dict[str, Any]

MODEL, SEASONAL, NAIVE, TRUTH, QUIET = "model", "seasonal", "naive", "truth", "quiet"  # colours by what they stand for
_DASHES = {MODEL: "solid", SEASONAL: "dash", NAIVE: "dot", TRUTH: "solid", QUIET: "solid"}


def line(name: str, x: str, y: str, color: str, *, width: float = 2, dash: str | None = None, **more: Any) -> Trace:
    """A line through known values; it breaks where one is missing."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": f"@{x}",
        "y": f"@{y}",
        "line": {"color": f"${color}", "width": width, "dash": dash or _DASHES[color]},
        "legendgroup": name,
        "meta": "dash" if (dash or _DASHES[color]) != "solid" else "line",
        **more,
    }


def marked(name: str, x: str, y: str, color: str, *, symbol: str = "circle", **more: Any) -> Trace:
    """A line with a mark at every value."""
    return line(name, x, y, color, **more) | {
        "mode": "lines+markers",
        "marker": {"color": f"${color}", "size": 6, "symbol": symbol},
    }


def points(name: str, x: str, y: str, color: str, *, symbol: str = "circle", size: int = 7) -> Trace:
    """Marks alone."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": f"@{x}",
        "y": f"@{y}",
        "marker": {"color": f"${color}", "size": size, "symbol": symbol},
        "legendgroup": name,
        "meta": "point",
    }


def band(
    name: str,
    x: str,
    lower: str,
    upper: str,
    color: str,
    *,
    opacity: float,
    shade: float | None = None,
    is_told: bool = True,
) -> list[Trace]:
    """The space between two columns.

    Args:
        shade: the opacity that the eye sees where it lies on others.
        is_told: whether its bounds are shown where the pointer is.
    """
    edge = {
        "type": "scatter",
        "mode": "lines",
        "x": f"@{x}",
        "line": {"width": 0, "color": f"${color}"},
        "legendgroup": name,
        "showlegend": False,
    }
    told = {} if is_told else {"hoverinfo": "skip"}
    return [
        {**edge, "name": f"{name} from", "y": f"@{lower}", **told},
        {
            **edge,
            "name": f"{name} to",
            "y": f"@{upper}",
            "fill": "tonexty",
            "fillcolor": f"${color}/{opacity}",
            "meta": f"band/{shade or opacity}",
            **told,
        },
    ]


def shape(name: str, x: str, y: str, color: str, *, opacity: float) -> Trace:
    """Closed shapes, one after each hole in the columns."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": f"@{x}",
        "y": f"@{y}",
        "line": {"width": 0, "color": f"${color}"},
        "fill": "toself",
        "fillcolor": f"${color}/{opacity}",
        "hoverinfo": "skip",
        "legendgroup": name,
        "meta": f"band/{opacity}",
    }


def bars(name: str, x: str, y: str, color: str, *, is_lying: bool = False, **more: Any) -> Trace:
    """Bars, standing or lying."""
    return {
        "type": "bar",
        "name": name,
        "x": f"@{y}" if is_lying else f"@{x}",
        "y": f"@{x}" if is_lying else f"@{y}",
        "orientation": "h" if is_lying else "v",
        "marker": {"color": f"${color}"},
        "legendgroup": name,
        "meta": "bar",
        **more,
    }


def axes(x: str, y: str, *, height: int = 320, x_kind: str = "linear", y_kind: str = "linear", **more: Any) -> Trace:
    """A layout with two titled axes.

    Args:
        x_kind, y_kind: `linear`, `date`, `log` or `category`.
    """
    return {
        "height": height,
        "xaxis": {**({"title": {"text": x}} if x else {}), "type": x_kind, **more.pop("xaxis", {})},
        "yaxis": {**({"title": {"text": y}} if y else {}), "type": y_kind, **more.pop("yaxis", {})},
        **more,
    }


def counted(values: Any) -> Trace:
    """An axis of few whole numbers: a tick at each."""
    return {"dtick": 1} if len(values) <= 14 else {}


def time_kind(stamps: Any) -> str:
    """The kind of a time axis: integers count, all else are dates."""
    return "linear" if len(stamps) and not isinstance(stamps[0], str) else "date"


def bare(stamp: Any) -> Any:
    """A time without its offset: charts show the wall clock of the data."""
    if not isinstance(stamp, str) or len(stamp) <= 19:
        return stamp
    return stamp[:19] if stamp[19] in "+-Z" else stamp.split("+")[0].rstrip("Z")
