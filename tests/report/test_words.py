"""Numbers and times in sentences."""

import pytest

from forecaster.report.words import bind_units, plural, share, timestamp


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2024-03-31", "2024-03-31"),
        ("2024-03-31T02:00:00", "2024-03-31 02:00"),
        ("2024-03-31T02:00:30", "2024-03-31T02:00:30"),
        ("2024-03-31T02:00:00+01:00", "2024-03-31 02:00+01:00"),
        (17, "17"),
    ],
)
def test_a_time_is_written_as_people_write_it(stamp: object, expected: str) -> None:
    assert timestamp(stamp) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.5, "50 %"), (0.999, "99.9 %"), (1.0, "100 %"), (0.0, "0 %"), (None, "-"), (-0.3, "-30 %")],
)
def test_a_share_is_whole_per_cent_but_next_to_none_or_all(value: float | None, expected: str) -> None:
    assert share(value) == expected


def test_counts_read_well() -> None:
    assert (plural(1, "step"), plural(1200, "step"), plural(2, "series")) == ("1 step", "1,200 steps", "2 series")
    assert bind_units("80 % of all") == "80\N{NO-BREAK SPACE}% of all"
