"""Which series are drawn."""

import pandas as pd
import pytest

from forecaster.errors import UsageError
from forecaster.report.page.series_selection import (
    MAX_DRAWN_SERIES,
    REQUESTED,
    count_past_steps,
    describe_selection,
    select_series,
)

NAMES = [f"s{number}" for number in range(10_000)]
ERROR = pd.Series({name: float(number) for number, name in enumerate(NAMES)})


def test_all_of_few_series_are_drawn_in_their_order() -> None:
    picks = select_series(NAMES[:5], ERROR[:5], horizon=7)
    assert [each.name for each in picks] == NAMES[:5]
    assert {each.group for each in picks} == {""}
    assert describe_selection(picks, 5) == ""


def test_of_many_the_worst_the_best_and_a_sample_are_drawn_once() -> None:
    picks = select_series(NAMES, ERROR, horizon=7)
    names = [each.name for each in picks]
    assert len(names) == len(set(names)) <= MAX_DRAWN_SERIES
    groups = {group: [each.name for each in picks if each.group == group] for group in ("worst", "best", "sample")}
    assert groups["worst"][:2] == ["s9999", "s9998"]
    assert groups["best"][:2] == ["s0", "s1"]
    assert len(groups["sample"]) >= len(groups["worst"])
    assert f"{len(picks)} of 10,000 series" in describe_selection(picks, 10_000)


def test_series_that_are_wanted_stand_first_and_once() -> None:
    picks = select_series(NAMES, ERROR, horizon=7, requested_ids=["s5001", "s9999", "s5001"])
    assert [each.name for each in picks if each.group == REQUESTED] == ["s5001", "s9999"]
    assert len({each.name for each in picks}) == len(picks)
    assert picks[2].name == "s9998"
    assert "2 requested, the 165 worst" in describe_selection(picks, 10_000)
    with pytest.raises(UsageError, match=r"--series s50001: there is no such series \(did you mean 's5001'\?\)"):
        select_series(NAMES, ERROR, horizon=7, requested_ids=["s50001"])


def test_series_without_an_error_are_neither_worst_nor_best() -> None:
    picks = select_series(NAMES, ERROR[:5], horizon=7)
    assert [each.name for each in picks if each.group == "worst"] == ["s4", "s3"]
    assert [each.name for each in picks if each.group == "best"] == ["s0", "s1"]
    assert len({each.name for each in picks}) == len(picks)


@pytest.mark.parametrize("horizon", [1, 48, 720, 5000])
def test_what_is_drawn_stays_small_whatever_the_horizon(horizon: int) -> None:
    picks = select_series(NAMES, ERROR, horizon=horizon)
    assert len(picks) >= 30
    if horizon <= 720:
        assert len(picks) * (horizon * 15 * 9 + count_past_steps(len(picks), horizon) * 28) < 9_000_000
