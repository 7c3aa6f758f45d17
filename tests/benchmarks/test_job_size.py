"""How long a job runs and how large it becomes."""

from argparse import Namespace
from pathlib import Path

from benchmarks import job_size


def test_the_first_run_trains_and_the_next_one_only_forecasts(tmp_path: Path) -> None:
    options = Namespace(series=3, days=60, preset="fast", model="seasonal_naive", runs=1)
    first, second = job_size.measure(tmp_path, options)["runs"]
    assert (first["status"], first["retrain"]) == ("published", "there is no model yet")
    assert (second["status"], second["retrain"]) == ("published", None)
    for name in ("seconds", "processor seconds", "largest process in MB", "bundle in MB"):
        assert first[name] > 0, name
