"""Plotly's traces and layouts as plain dictionaries; `@name` stands for a column, `$name` for a colour of the page.

The colours are distinguishable with any colour vision (Okabe & Ito 2008), and no two lines differ by colour alone.
Traces and layouts contain no text from the data, because plotly would read some of it as markup.
"""

from typing import Any

Trace = dict[str, Any]

MODEL, SEASONAL, NAIVE, TRUTH, QUIET = "model", "seasonal", "naive", "truth", "quiet"  # names of colours in page.css
_DASHES = {MODEL: "solid", SEASONAL: "dash", NAIVE: "dot", TRUTH: "solid", QUIET: "solid"}
_MAX_INTEGER_TICKS = 14


def line(name: str, x: str, y: str, color: str, *, width: float = 2, dash: str | None = None, **more: Any) -> Trace:
    """Return a line, which breaks where a value is missing."""
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


def line_with_markers(name: str, x: str, y: str, color: str, *, symbol: str = "circle", **more: Any) -> Trace:
    """Return a line with a marker at each value."""
    return line(name, x, y, color, **more) | {
        "mode": "lines+markers",
        "marker": {"color": f"${color}", "size": 6, "symbol": symbol},
    }


def points(name: str, x: str, y: str, color: str, *, symbol: str = "circle", size: int = 7) -> Trace:
    """Return markers without a line."""
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
    edges: tuple[str, str],
    *,
    opacity: float,
    legend_opacity: float | None = None,
    has_hover: bool = True,
) -> list[Trace]:
    """Return the area between two columns, in the colour of the model.

    Args:
        edges: the columns of the lower and the upper edge.
        legend_opacity: the opacity in the legend, if it differs because the band overlaps wider ones.
        has_hover: if True, the values of both edges appear at the pointer.
    """
    edge = {
        "type": "scatter",
        "mode": "lines",
        "x": f"@{x}",
        "line": {"width": 0, "color": f"${MODEL}"},
        "legendgroup": name,
        "showlegend": False,
    }
    hover = {} if has_hover else {"hoverinfo": "skip"}
    lower, upper = edges
    return [
        {**edge, "name": f"{name} from", "y": f"@{lower}", **hover},
        {
            **edge,
            "name": f"{name} to",
            "y": f"@{upper}",
            "fill": "tonexty",
            "fillcolor": f"${MODEL}/{opacity}",
            "meta": f"band/{legend_opacity or opacity}",
            **hover,
        },
    ]


def areas(name: str, x: str, y: str, color: str, *, opacity: float) -> Trace:
    """Return filled polygons; a missing value in the columns ends a polygon."""
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


def bars(name: str, x: str, y: str, color: str, *, is_horizontal: bool = False, **more: Any) -> Trace:
    """Return bars at `x` of length `y`, vertical or horizontal."""
    return {
        "type": "bar",
        "name": name,
        "x": f"@{y}" if is_horizontal else f"@{x}",
        "y": f"@{x}" if is_horizontal else f"@{y}",
        "orientation": "h" if is_horizontal else "v",
        "marker": {"color": f"${color}"},
        "legendgroup": name,
        "meta": "bar",
        **more,
    }


def axes(x: str, y: str, *, height: int = 320, x_kind: str = "linear", y_kind: str = "linear", **more: Any) -> Trace:
    """Return a layout with two axes.

    Args:
        x, y: titles; an empty one is left out.
        height: pixels.
        x_kind, y_kind: `linear`, `date`, `log` or `category`.
        more: further keys of plotly's layout; `xaxis` and `yaxis` are merged with these axes.
    """
    return {
        "height": height,
        "xaxis": {**({"title": {"text": x}} if x else {}), "type": x_kind, **more.pop("xaxis", {})},
        "yaxis": {**({"title": {"text": y}} if y else {}), "type": y_kind, **more.pop("yaxis", {})},
        **more,
    }


def integer_ticks(values: Any) -> Trace:
    """Return the settings of an axis with a tick at each of a few integers, or none if there are many."""
    return {"dtick": 1} if len(values) <= _MAX_INTEGER_TICKS else {}


def time_axis_kind(stamps: Any) -> str:
    """Return `linear` for integer times, and `date` for all others."""
    return "linear" if len(stamps) and not isinstance(stamps[0], str) else "date"


def drop_offset(stamp: Any) -> Any:
    """Return a time without its offset, because charts show the local time of the data."""
    if not isinstance(stamp, str) or len(stamp) <= 19:
        return stamp
    return stamp[:19] if stamp[19] in "+-Z" else stamp.split("+")[0].rstrip("Z")
