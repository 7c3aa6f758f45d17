"""Sentences of the page of a backtest."""

from typing import Any

from forecaster.report.page.backtest import _describe_omitted_series


def block(listed: dict[str, float | None], unlisted: int) -> dict[str, Any]:
    return {
        "unlisted": unlisted,
        "by_series": {name: {"gru": {"mase": mase, "mae": 1.0}} for name, mase in listed.items()},
    }


def test_series_that_the_charts_omit_are_counted() -> None:
    assert _describe_omitted_series(block({"a": 1.0, "b": 2.0}, 0), "gru") == []
    (text,) = _describe_omitted_series(block({"a": 1.0, "b": 2.0}, 1500), "gru")
    assert "show 2 series. They omit the 1,500 best ones, because metrics.json does not list their scores." in text.text
    (text,) = _describe_omitted_series(block({"a": 1.0, "b": None}, 3), "gru")
    assert "show 1 series. They omit the 3 best ones" in text.text
    assert text.text.endswith(" and 1 whose errors have no scale.")
    assert _describe_omitted_series(block({"a": None}, 0), "gru") == []
