import json

from forecaster.workflows.job.audit import DataExtent
from forecaster.workflows.job.previous_runs import KEY, Challenged, PreviousRuns, Published, Updated
from forecaster.workflows.job.summary import RunSummary

PUBLISHED = Published("r1", "abc", DataExtent(10, 2, 7), {"f.csv": "d"})


def test_a_run_knows_what_the_newest_before_it_knew() -> None:
    previous = PreviousRuns(PUBLISHED, Challenged("2024-01-01T00:00:00+00:00", 5, "s"), Updated(6))
    details = [json.dumps({"status": "locked"}), json.dumps({KEY: previous.to_dict()}), json.dumps({KEY: {}})]
    assert PreviousRuns.from_details(details) == previous
    assert PreviousRuns.from_details(details[:1]) == PreviousRuns()


def test_a_memory_from_before_there_were_updates_is_understood() -> None:
    record = PreviousRuns(PUBLISHED).to_dict()
    del record["updated"]
    assert PreviousRuns.from_dict(record) == PreviousRuns(PUBLISHED)


def test_a_finding_that_cannot_be_read_is_left_out() -> None:
    summary = RunSummary(job="sales", run="r2")
    drift = {
        "is_alarm": True,
        "statistic": 1,
        "threshold": 8,
        "since": None,
        "alarmed": None,
        "promised": 1,
        "periods": 2,
    }
    summary.repeat_finding({"fallbacks": {"a": "it ended"}, "drift": {**drift, "error": None}, "code": 9, "other": 1})
    assert (summary.fallbacks, summary.drift, summary.code, summary.is_partial) == ({"a": "it ended"}, None, 1, True)
