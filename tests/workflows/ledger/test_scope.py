from dataclasses import replace

import numpy as np
import pytest

from forecaster.errors import UsageError
from forecaster.frequency import DAY, HOUR
from forecaster.store.ledger.recent import Extent
from forecaster.workflows.ledger.scope import format_time, parse_since


def at(text: str) -> int:
    return int(np.datetime64(text, "us").astype(np.int64))


DAILY = Extent(at("2024-01-31"), DAY, "D", None, 7, {})
HOURLY = replace(DAILY, newest=at("2024-01-31T12:00"), step=HOUR, frequency="h", zone="Europe/Berlin")
STEPS = replace(DAILY, newest=50, step=1, frequency="integer")


@pytest.mark.parametrize(
    ("extent", "text", "since"),
    [
        (DAILY, "2024-01-05", at("2024-01-05")),
        (DAILY, "7d", at("2024-01-24") + 1),
        (DAILY, "1w", at("2024-01-24") + 1),
        (DAILY, "all", None),
        (HOURLY, "2024-01-05 02:00", at("2024-01-05T01:00")),  # on the wall clock, kept in UTC
        (HOURLY, "2024-01-05T02:00Z", at("2024-01-05T02:00")),
        (HOURLY, "6h", at("2024-01-31T06:00") + 1),
        (STEPS, "42", 42),
        (STEPS, "-3", -3),
    ],
)
def test_a_first_time_is_read(extent: Extent, text: str, since: int | None) -> None:
    assert parse_since(text, extent) == since


@pytest.mark.parametrize(("extent", "text"), [(DAILY, "soon"), (STEPS, "2024-01-05"), (STEPS, "7d"), (DAILY, "")])
def test_what_is_no_time_is_wrong_usage(extent: Extent, text: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        parse_since(text, extent)


def test_times_are_formatted_as_the_data_writes_them() -> None:
    assert format_time(DAILY, DAILY.newest) == "2024-01-31"
    assert format_time(HOURLY, HOURLY.newest) == "2024-01-31T13:00:00+01:00"
    assert format_time(STEPS, 50) == "50"
