"""Durations as text, both ways."""

import pytest

from forecaster.durations import describe_age, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("1.5 h", 5400), (" 36h ", 129_600), ("7d", 604_800), ("1w", 604_800)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "1y", "1d2h", "1.2.3s"])
def test_other_text_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="write it as"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.42, "0.4 s"), (2.34, "2.3 s"), (40, "40 s"), (300, "5 min"), (9000, "2.5 h")]
)
def test_a_duration_is_brief(seconds: float, expected: str) -> None:
    assert format_duration(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(30, "30 seconds"), (60, "1 minute"), (7200, "2 hours"), (26 * 3600, "26 hours"), (9 * 86_400, "9 days")],
)
def test_elapsed_time_is_described_in_words(seconds: float, expected: str) -> None:
    assert describe_age(seconds) == expected
