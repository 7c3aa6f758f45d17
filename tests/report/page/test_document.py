"""A page as HTML: what is in it, and what can never get out of it."""

import base64
import hashlib
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecaster.errors import DependencyError
from forecaster.report.page import document
from forecaster.report.page.charts import MODEL, axes, line
from forecaster.report.page.parts import (
    Chart,
    DrawnSeries,
    Facts,
    Listing,
    Page,
    Section,
    Table,
    Text,
    to_json_cells,
    to_json_column,
)
from tests.report.page.conftest import NAMES, TARGET, TIME

NASTY = "</script><script>alert(1)</script><!-- & \u2028 \"'"


class Reader(HTMLParser):
    """Scripts, texts and headings of a page, as a browser would tell them apart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._attributes: dict[str, str | None] | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self._attributes = dict(attrs)
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._attributes = None

    def handle_data(self, data: str) -> None:
        if self._attributes is None:
            self.texts.append(data)
        else:
            self.scripts[-1] = (self._attributes, self.scripts[-1][1] + data)

    @property
    def data(self) -> dict[str, Any]:
        (found,) = (text for attributes, text in self.scripts if attributes.get("id") == "data")
        tree: dict[str, Any] = json.loads(found)
        return tree

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def nasty_page() -> Page:
    chart = Chart(
        "one", NASTY, NASTY, [line("a", "x", "y", MODEL)], axes("x", "y"), {NASTY: "y"}, {"x": [1], "y": [2.0]}
    )
    by_series = Chart("many", "h", "", [line("a", "x", "y", MODEL)], axes("x", "y"), {"y": "y"})
    drawn = [DrawnSeries(NASTY, NASTY, {"x": [1, 2], "y": np.array([1.0, np.nan])}, {"many": NASTY})] * 2
    parts = [chart, by_series, Table(NASTY, [NASTY], [[NASTY, NASTY]]), Facts(NASTY, {NASTY: NASTY}), Text(NASTY)]
    parts.append(Listing(NASTY, {NASTY: [NASTY]}))
    return Page(NASTY, NASTY, NASTY, {NASTY: NASTY}, [Section("s", NASTY, parts)], drawn, NASTY, 2, [NASTY])


def test_no_text_leaves_its_place() -> None:
    read = Reader(document.render(nasty_page()))
    assert len(read.scripts) == 3
    assert read.data["series"][0]["name"] == NASTY
    assert read.data["listing"]["columns"] == {NASTY: [NASTY]}
    assert not [tag for tag, _ in read.tags if tag in ("b", "i", "img", "iframe")]
    assert read.text.count(NASTY.strip()) >= 10


def test_series_columns_and_files_with_awkward_names_are_text(page: Path) -> None:
    read = Reader(page.read_text("utf-8"))
    assert len(read.scripts) == 3
    assert [each["name"] for each in read.data["series"]] == list(NAMES)
    for name in (TIME, TARGET, "<img src=x onerror=alert('file')>.csv", "<i>bundle<_i>"):
        assert name in read.text, name
    assert not [tag for tag, _ in read.tags if tag in ("b", "i", "img", "iframe")]


def test_a_page_needs_nothing_from_anywhere(page: Path) -> None:
    text = page.read_text("utf-8")
    read = Reader(text)
    assert not [attributes for _, attributes in read.tags if (attributes.get("src") or "").startswith("http")]
    assert not [attributes for tag, attributes in read.tags if tag == "link" and attributes.get("href") != "data:,"]
    (policy,) = (each["content"] for tag, each in read.tags if tag == "meta" and each.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    for _, script in (each for each in read.scripts if each[0].get("type") != "application/json"):
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert text.count("plotly.js v") == 1


def test_every_chart_has_a_heading_a_sentence_and_an_alternative(page: Path) -> None:
    read = Reader(page.read_text("utf-8"))
    keys = [chart["key"] for chart in read.data["charts"]]
    inside = ["unrolled", "gates", "memory", "matters", "why"]
    assert keys == ["future", "holdout", "steps", "calibration", "residuals", "course", "losses", "gradients", *inside]
    plots = [each for _, each in read.tags if each.get("role") == "img"]
    assert len(plots) == len(keys)
    ids = {each["id"] for _, each in read.tags if each.get("id")}
    for plot in plots:
        assert plot["aria-label"]
        assert plot["aria-describedby"] in ids
    for series in read.data["series"]:
        assert set(series["summaries"]) == {"future", "holdout"}
        assert all(sentence.endswith(".") for sentence in series["summaries"].values())
    for chart in read.data["charts"]:
        assert chart["numbers"], chart["key"]
        if chart["columns"] is not None:
            used = {trace[axis][1:] for trace in chart["traces"] for axis in "xy"} | set(chart["numbers"].values())
            assert used - {"naive", "seasonal_naive"} <= set(chart["columns"])


def test_plotly_knows_every_key_of_the_charts(page: Path) -> None:
    objects = pytest.importorskip("plotly.graph_objects")
    data = Reader(page.read_text("utf-8")).data

    def settle(value: Any, columns: dict[str, Any]) -> Any:
        if isinstance(value, list):
            return [settle(each, columns) for each in value]
        if isinstance(value, dict):
            return {key: settle(each, columns) for key, each in value.items()}
        if isinstance(value, str) and value[:1] == "@":
            return columns[value[1:]]
        return "#123456" if isinstance(value, str) and value[:1] == "$" else value

    for chart in data["charts"]:
        columns = chart["columns"] or data["series"][0]["columns"]
        figure = objects.Figure(settle(chart["traces"], columns), settle(chart["layout"], columns))
        assert len(figure.data) == len(chart["traces"])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([1.23456789, np.nan, np.inf]), [1.234568, None, None]),
        (np.array([123456789.0, 1.0]), [123456800.0, 0.0]),
        (np.array([0.0, 0.0], np.float32), [0.0, 0.0]),
        (np.array([3, 4]), [3, 4]),
        (["a", None], ["a", None]),
        ([], []),
    ],
)
def test_numbers_keep_seven_digits_and_json_knows_no_nan(values: Any, expected: list[Any]) -> None:
    found = to_json_column(values)
    assert found == expected
    json.dumps(found, allow_nan=False)


def test_in_a_table_small_numbers_stand_beside_large_ones() -> None:
    assert to_json_cells(np.array([1_094_000_123.0, 159.64321, 0.012345678, np.nan])) == [
        1.094e9,
        159.64,
        0.012346,
        None,
    ]
    assert to_json_cells(["a"]) == ["a"]


def test_without_plotly_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    document._plotly.cache_clear()
    with pytest.raises(DependencyError) as failure:
        document.check()
    assert failure.value.hint == "pip install plotly"
    document._plotly.cache_clear()


def test_the_page_itself_is_written_without_tricks() -> None:
    own = document._page_script()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", own)


def test_commands_are_code_and_options_do_not_break() -> None:
    assert document.mark_up("Use `forecast backtest DATA --folds 5`, or <b> & 90 %.") == (
        'Use <code>forecast backtest DATA <span class="word">--folds</span>\N{NO-BREAK SPACE}5</code>,'
        " or &lt;b&gt; &amp; 90\N{NO-BREAK SPACE}%."
    )
