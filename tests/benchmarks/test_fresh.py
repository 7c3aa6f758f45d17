import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.fresh import run_command, run_in_turn


def test_what_a_process_and_its_children_use_is_measured() -> None:
    code = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(4_000_000)); bytearray(300 << 20)'])"
    )
    found = run_command([sys.executable, "-c", code])
    assert found.peak_mb > 300
    assert found.cpu_s > 0
    assert found.seconds > 0


def test_a_command_that_fails_is_an_error_that_has_what_it_said() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run_command([sys.executable, "-c", "raise SystemExit('no such cell')"])
    assert caught.value.stderr == "no such cell\n"


def test_commands_take_turns_and_the_first_round_does_not_count(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    commands = [["sh", "-c", f"echo {name}{{round}}-$OMP_NUM_THREADS >> {notes}"] for name in "ab"]
    found = run_in_turn(commands, 2, threads=[1, 2])
    assert notes.read_text().split() == ["a0-1", "b0-2", "a1-1", "b1-2", "a2-1", "b2-2"]
    assert [len(each) for each in found] == [2, 2]
