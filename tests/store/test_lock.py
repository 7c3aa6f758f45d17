import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from forecaster.errors import LockError, OutputError
from forecaster.store import lock


def test_a_folder_is_held_by_one_run_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    with lock.lock_folder(folder):
        with pytest.raises(LockError) as caught, lock.lock_folder(folder):
            pytest.fail("two hold it")
        assert caught.value.code == 75
        assert f"process {os.getpid()}" in caught.value.message
        with lock.lock_folder(tmp_path / "c"):
            pass
    with lock.lock_folder(folder):
        pass
    assert not list(tmp_path.iterdir())


def test_who_has_just_taken_it_is_waited_for_to_say_who_it_is(tmp_path: Path) -> None:
    path = lock.lock_path(tmp_path / "b")
    with FileLock(path):
        threading.Timer(0.1, path.write_text, ["123\n"]).start()
        with pytest.raises(LockError, match=r"process 123"), lock.lock_folder(tmp_path / "b"):
            pytest.fail("two hold it")


def test_what_a_dead_process_left_behind_is_in_nobodys_way(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from forecaster.store import lock\n"
        "with lock.lock_folder(Path(sys.argv[1])): os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "b")], check=True)
    assert lock.lock_path(tmp_path / "b").exists()
    with lock.lock_folder(tmp_path / "b"):
        pass
    assert not list(tmp_path.iterdir())


def test_folders_made_for_the_lock_go_unless_the_block_fills_them(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="data"), lock.lock_folder(tmp_path / "deep" / "er" / "b"):
        raise ValueError("data")
    assert not list(tmp_path.iterdir())
    with lock.lock_folder(tmp_path / "deep" / "er" / "b"):
        (tmp_path / "deep" / "b").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["deep", "b"]


def test_a_folder_that_cannot_be_made_is_an_error_of_output(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError), lock.lock_folder(tmp_path / "file" / "b"):
        pytest.fail("it is held")


def test_who_holds_a_folder_is_told_while_it_is_held(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert lock.describe_owner(folder) is None
    with lock.lock_folder(folder):
        assert lock.describe_owner(folder) == f" (process {os.getpid()})"
    lock.lock_path(folder).write_text("1\n")  # of a process that was killed
    assert lock.describe_owner(folder) is None
