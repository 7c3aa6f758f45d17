"""A page as one HTML document, which contains its styles, scripts, plotly and numbers and fetches nothing."""

import base64
import hashlib
import html
import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from forecaster.errors import DependencyError
from forecaster.report.page.parts import Chart, DrawnSeries, Listing, Page, Part, to_json_cells, to_json_column
from forecaster.report.words import bind_units

_SCRIPTS = ("shared.js", "charts.js", "preview.js", "picker.js", "table.js")  # joined in this order
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def check() -> None:
    """Check that the packages that a page needs are installed.

    Raises:
        DependencyError: plotly or jinja2 is not installed.
    """
    _plotly()
    _environment()


def render(page: Page) -> str:
    """Render a page as one HTML document.

    Raises:
        DependencyError: plotly or jinja2 is not installed.
    """
    scripts = {"plotly": _plotly(), "page": _page_script()}
    text: str = (
        _environment()
        .get_template("page.html")
        .render(
            page=page,
            kind_of=_kind_of,
            style=_resource("page.css"),
            scripts=scripts,
            hashes=[_hash(script) for script in scripts.values()],
            data=to_script(_data(page)),
        )
    )
    return text


def to_script(tree: Any) -> str:
    """Return JSON that is safe within a script element, whatever its texts contain."""
    text = json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text


def _data(page: Page) -> dict[str, Any]:
    return {
        "charts": [_chart_data(chart) for chart in page.charts],
        "series": [_series_data(series) for series in page.drawn_series],
        "listing": _listing_data(page.listing) if page.listing else None,
    }


def mark_up(text: str) -> str:
    """Return sentences as HTML: commands in backticks as code, and options such as `--folds` without line breaks."""
    escaped = html.escape(bind_units(text))
    unbroken = re.sub(r"(?<![\w-])--[a-z][\w-]*", r'<span class="word">\g<0></span>', escaped)
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", unbroken)


def _chart_data(chart: Chart) -> dict[str, Any]:
    columns = None
    if chart.columns is not None:
        columns = {name: to_json_column(values) for name, values in chart.columns.items()}
    return {
        "key": chart.key,
        "traces": list(chart.traces),
        "layout": chart.layout,
        "numbers": dict(chart.numbers),
        "columns": columns,
    }


def _series_data(series: DrawnSeries) -> dict[str, Any]:
    return {
        "name": series.name,
        "group": series.group,
        "columns": {name: to_json_column(values) for name, values in series.columns.items()},
        "summaries": {key: bind_units(text) for key, text in series.summaries.items()},
    }


def _listing_data(listing: Listing) -> dict[str, Any]:
    columns = {title: to_json_cells(values) for title, values in listing.columns.items()}
    return {"columns": columns, "order": listing.order}


def _kind_of(part: Part) -> str:
    return type(part).__name__.lower()


def _environment() -> Any:
    try:
        import jinja2
    except ImportError as error:
        raise DependencyError("a report needs the package jinja2", hint="pip install jinja2") from error
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_resource),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"bind_units": bind_units, "mark_up": mark_up}
    return environment


@cache
def _plotly() -> str:
    """Read the JavaScript library that the package plotly contains."""
    try:
        source = files("plotly")
    except ImportError as error:
        raise DependencyError("a report needs the package plotly", hint="pip install plotly") from error
    return (source / "package_data" / "plotly.min.js").read_text("utf-8")


def _page_script() -> str:
    """Join the scripts of the page into one function, so that they define nothing globally."""
    return "\n".join(['"use strict";', "(() => {", *(_resource(name) for name in _SCRIPTS), "})();\n"])


def _resource(name: str) -> str:
    return (files("forecaster.report.page") / name).read_text("utf-8")


def _hash(script: str) -> str:
    """Return the source expression by which a content security policy allows an inline script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
