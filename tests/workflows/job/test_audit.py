import numpy as np
import pytest

from forecaster.config.job import JobConfig
from forecaster.errors import ConfigError, StaleError
from forecaster.frequency import DAY, Frequency
from forecaster.workflows.job.audit import DataExtent, audit, find_suspects, measure_extent
from tests.conftest import MakePanel

NAN = float("nan")
START = int(np.datetime64("2024-01-01", "us").astype(np.int64))


@pytest.mark.parametrize(
    ("policy", "before", "message"),
    [
        ({"max_age": "2d"}, None, "the newest value is of 2024-01-04, which ended 3 days ago; job.max_age is 2d"),
        ({"min_rows": 7}, None, "has 6 values; job.min_rows is 7"),
        ({}, DataExtent(13, 2, 0), "has 6 values; at the last run it had 13"),
        ({"drop": 0.2}, DataExtent(7, 3, 0), "has 2 series; at the last run it had 3"),
        ({}, DataExtent(6, 2, START + 9 * DAY), "ends at 2024-01-04; at the last run it ended at 2024-01-10"),
    ],
)
def test_stale_or_incomplete_data_is_refused(
    make_panel: MakePanel, policy: dict[str, object], before: DataExtent | None, message: str
) -> None:
    panel = make_panel([[1, 2, NAN, 4], [4, 5, 6]])
    extent = measure_extent(panel)
    with pytest.raises(StaleError) as caught:
        audit("x.csv", panel, extent, before, JobConfig.model_validate(policy), START + 7 * DAY)
    assert message in caught.value.message


def test_data_as_fresh_and_as_much_as_before_passes(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, NAN, 4], [4, 5, 6]])
    policy = JobConfig(max_age="3d", min_rows=6, drop=0.5)
    audit("x.csv", panel, measure_extent(panel), DataExtent(12, 4, START), policy, START + 7 * DAY)
    audit("x.csv", panel, measure_extent(panel), DataExtent(99, 99, START), JobConfig(drop=None), START)


def test_an_age_of_integer_time_is_an_error_of_the_config(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2]], frequency=Frequency("integer"))
    with pytest.raises(ConfigError, match="max_age"):
        audit("x.csv", panel, measure_extent(panel), None, JobConfig(max_age="1d"), 0)


def test_series_that_ended_a_horizon_ago_are_suspects(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3, 4, 5], [1, 2], [1, 2, 3]])
    now = START + 5 * DAY
    assert find_suspects("x.csv", panel, JobConfig(), now, 2) == {"s1": "it ended at 2024-01-02"}
    assert find_suspects("x.csv", panel, JobConfig(ended="keep"), now, 2) == {}


def test_series_that_are_stuck_or_not_renewed_are_suspects(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3, 4, 5], [1, 2, 2, 2, 2], [1, 2], [1, 7, 7, NAN, 7]])
    policy = JobConfig(flat=3, max_age="2d", drop=None)
    suspects = find_suspects("x.csv", panel, policy, START + 6 * DAY, 9)
    assert suspects == {"s1": "its last 3 values are equal", "s2": "its newest value is 4 days old"}
    assert find_suspects("x.csv", panel, JobConfig(), START + 6 * DAY, 9) == {}
    suspect = panel.select(np.array([1, 2]))
    with pytest.raises(StaleError, match="every series is suspect; 's1': its last 3 values are equal"):
        find_suspects("x.csv", suspect, policy, START + 6 * DAY, 9)
