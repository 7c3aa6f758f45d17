import numpy as np
import pytest

from forecaster.config.job import JobConfig
from forecaster.errors import ConfigError, StaleError
from forecaster.frequency import DAY, Frequency
from forecaster.workflows.job.audit import (
    Extent,
    find_suspects,
    measure,
    refuse_all_suspect,
    refuse_stale,
)
from tests.conftest import MakePanel

NAN = float("nan")
START = int(np.datetime64("2024-01-01", "us").astype(np.int64))


@pytest.mark.parametrize(
    ("policy", "before", "told"),
    [
        ({"max_age": "2d"}, None, "the newest value is of 2024-01-04, over for 3 days; job.max_age is 2d"),
        ({"min_rows": 7}, None, "has 6 values; job.min_rows is 7"),
        ({}, Extent(13, 2, 0), "has 6 values; at the last run it had 13"),
        ({"drop": 0.2}, Extent(7, 3, 0), "has 2 series; at the last run it had 3"),
        ({}, Extent(6, 2, START + 9 * DAY), "ends at 2024-01-04; at the last run it ended at 2024-01-10"),
    ],
)
def test_stale_or_incomplete_data_is_refused(
    make_panel: MakePanel, policy: dict[str, object], before: Extent | None, told: str
) -> None:
    panel = make_panel([[1, 2, NAN, 4], [4, 5, 6]])
    extent = measure(panel)
    with pytest.raises(StaleError) as caught:
        refuse_stale("x.csv", panel, extent, before, JobConfig.model_validate(policy), START + 7 * DAY)
    assert told in caught.value.message


def test_data_as_fresh_and_as_much_as_before_passes(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, NAN, 4], [4, 5, 6]])
    policy = JobConfig(max_age="3d", min_rows=6, drop=0.5)
    refuse_stale("x.csv", panel, measure(panel), Extent(12, 4, START), policy, START + 7 * DAY)
    refuse_stale("x.csv", panel, measure(panel), Extent(99, 99, START), JobConfig(drop=None), START)


def test_an_age_of_integer_time_is_an_error_of_the_config(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2]], frequency=Frequency("integer"))
    with pytest.raises(ConfigError, match="max_age"):
        refuse_stale("x.csv", panel, measure(panel), None, JobConfig(max_age="1d"), 0)


def test_series_that_are_stuck_or_not_renewed_are_suspicious(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3, 4, 5], [1, 2, 2, 2, 2], [1, 2], [1, 7, 7, NAN, 7]])
    found = find_suspects(panel, JobConfig(flat=3, max_age="2d"), START + 6 * DAY)
    assert found == {"s1": "its last 3 values are equal", "s2": "its newest value is 4 days old"}
    assert find_suspects(panel, JobConfig(), START + 6 * DAY) == {}
    refuse_all_suspect("x.csv", panel, found)
    with pytest.raises(StaleError, match="every series is suspicious"):
        refuse_all_suspect("x.csv", panel.select(np.array([1, 2])), found)
