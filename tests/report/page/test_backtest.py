"""What the page of a backtest says of series that its charts leave out."""

from typing import Any

from forecaster.report.page.backtest import _tell_unlisted


def block(listed: dict[str, float | None], unlisted: int) -> dict[str, Any]:
    return {
        "unlisted": unlisted,
        "by_series": {name: {"gru": {"mase": mase, "mae": 1.0}} for name, mase in listed.items()},
    }


def test_series_that_errors_cannot_be_told_of_are_counted() -> None:
    assert _tell_unlisted(block({"a": 1.0, "b": 2.0}, 0), "gru") == []
    (said,) = _tell_unlisted(block({"a": 1.0, "b": 2.0}, 1500), "gru")
    assert "show 2 series; left out are 1,500 of the best, whose scores" in said.text
    (said,) = _tell_unlisted(block({"a": 1.0, "b": None}, 3), "gru")
    assert "show 1 series; left out are 3 of the best" in said.text
    assert said.text.endswith(" and 1 whose errors have no scale.")
    assert _tell_unlisted(block({"a": None}, 0), "gru") == []
