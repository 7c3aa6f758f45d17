import json

from forecaster.workflows.job.audit import DataExtent
from forecaster.workflows.job.previous_runs import KEY, Challenged, PreviousRuns, Published, Updated

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
