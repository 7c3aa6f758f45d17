"""Processes that share a folder know of each other."""

import subprocess
import sys
from pathlib import Path

import pytest

from forecaster.store.alive import AliveMarker, is_alive


def test_a_process_is_there_as_long_as_its_block_lasts(tmp_path: Path) -> None:
    with AliveMarker(tmp_path) as marker:
        assert is_alive(tmp_path, marker.name)
    assert not is_alive(tmp_path, marker.name)
    assert list(tmp_path.iterdir()) == []


def test_two_blocks_are_told_apart(tmp_path: Path) -> None:
    with AliveMarker(tmp_path) as one:
        with AliveMarker(tmp_path) as other:
            assert is_alive(tmp_path, one.name)
        assert not is_alive(tmp_path, other.name)
        assert is_alive(tmp_path, one.name)


def test_an_error_ends_it_too(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), AliveMarker(tmp_path) as marker:
        _ = 1 / 0
    assert not is_alive(tmp_path, marker.name)


def test_a_killed_process_is_gone_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from forecaster.store.alive import AliveMarker\n"
        "with AliveMarker(Path(sys.argv[1])) as marker:\n"
        "    print(marker.name, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    name = process.stdout.readline().strip()
    assert is_alive(tmp_path, name)
    process.kill()
    process.communicate()
    assert not is_alive(tmp_path, name)
    assert list(tmp_path.iterdir()) == []
