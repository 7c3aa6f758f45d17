import json

from forecaster.workflows.job.audit import Extent
from forecaster.workflows.job.previous_runs import KEY, Challenged, Memory, Published, Updated, recall

PUBLISHED = Published("r1", "abc", Extent(10, 2, 7), {"f.csv": "d"})


def test_a_run_knows_what_the_newest_before_it_knew() -> None:
    memory = Memory(PUBLISHED, Challenged("2024-01-01T00:00:00+00:00", 5, "s"), Updated(6))
    details = [json.dumps({"status": "locked"}), json.dumps({KEY: memory.to_dict()}), json.dumps({KEY: {}})]
    assert recall(details) == memory
    assert recall(details[:1]) == Memory()


def test_a_memory_from_before_there_were_updates_is_understood() -> None:
    kept = Memory(PUBLISHED).to_dict()
    del kept["updated"]
    assert recall([json.dumps({KEY: kept})]) == Memory(PUBLISHED)
