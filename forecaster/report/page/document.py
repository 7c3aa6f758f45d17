"""A page as HTML: styles, script, plotly and numbers within it, and nothing fetched from anywhere."""

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

from forecaster.errors import DependencyError
from forecaster.report.page.parts import Chart, Drawn, Listing, Page, Part, brief, plain
from forecaster.report.words import bind_units

_SCRIPTS = ("page.js", "draw.js", "sketch.js", "choose.js", "listing.js")  # one after the other
_WHAT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def check() -> None:
    """Make sure that what a page needs is installed.

    Raises: DependencyError: it is not.
    """
    _plotly()
    _environment()


def render(page: Page) -> str:
    """Lay a page out as one HTML document.

    Raises: DependencyError: plotly or jinja2 is not installed.
    """
    scripts = {"plotly": _plotly(), "own": _script()}
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
    """JSON that can stand within a script element, whatever its texts hold."""
    text = json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, escape in _WHAT.items():
        text = text.replace(character, escape)
    return text


def _data(page: Page) -> dict[str, Any]:
    return {
        "charts": [_chart(chart) for chart in page.charts],
        "series": [_drawn(each) for each in page.drawn],
        "listing": _listing(page.listing) if page.listing else None,
    }


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "key": chart.key,
        "traces": list(chart.traces),
        "layout": chart.layout,
        "numbers": dict(chart.numbers),
        "columns": None if chart.columns is None else {name: plain(each) for name, each in chart.columns.items()},
    }


def _drawn(each: Drawn) -> dict[str, Any]:
    columns = {name: plain(values) for name, values in each.columns.items()}
    return {
        "name": each.name,
        "group": each.group,
        "columns": columns,
        "seen": {key: bind_units(text) for key, text in each.seen.items()},
    }


def _listing(listing: Listing) -> dict[str, Any]:
    return {"columns": {title: brief(values) for title, values in listing.columns.items()}, "order": listing.order}


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
    environment.filters["bind_units"] = bind_units
    return environment


@cache
def _plotly() -> str:
    """The library that draws, as the package plotly brings it."""
    try:
        source = files("plotly")
    except ImportError as error:
        raise DependencyError("a report needs the package plotly", hint="pip install plotly") from error
    return (source / "package_data" / "plotly.min.js").read_text("utf-8")


def _script() -> str:
    """The page's own script."""
    return "\n".join(['"use strict";', "(() => {", *(_resource(name) for name in _SCRIPTS), "})();\n"])


def _resource(name: str) -> str:
    return (files("forecaster.report.page") / name).read_text("utf-8")


def _hash(script: str) -> str:
    """What a content security policy calls an inline script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
