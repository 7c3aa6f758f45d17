"""Runs that are killed leave nothing half done, and nights of data go by without a failure."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def soak(*arguments: str) -> dict[str, Any]:
    # a process of its own: it forks, which threads of other tests would not survive
    command = [sys.executable, "-m", "benchmarks.soak", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_a_run_killed_at_any_moment_leaves_whole_files_and_the_next_completes() -> None:
    found = soak("kills", "--count", "20")
    assert found["killed"] >= 10
    assert found["left the old file"] + found["left the new file"] == 20


@pytest.mark.slow
def test_ten_nights_of_a_network_go_by_without_a_failure() -> None:
    arguments = ("--nights", "10", "--model", "gru", "--steps", "20", "--data", "data/melbourne_temperature.csv")
    found = soak("nights", *arguments)
    assert found["by the policy"]["failures"] == found["every night"]["failures"] == []
    assert found["by the policy"]["trained"] == 2
    assert found["every night"]["put into use"] == 10
    assert found["by the policy"]["skill"] > 0  # the network was at work, not a stand-in
