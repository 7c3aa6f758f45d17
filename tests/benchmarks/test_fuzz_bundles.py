"""The fuzzer of bundles finds what it looks for, and a few dozen of its inputs end well."""

import signal
from pathlib import Path

import pytest

from benchmarks.fuzz_bundles import CHANGES, Tally, make_input, run_here

INPUTS = 40


@pytest.mark.parametrize("part", range(4))
def test_changed_bundles_end_with_an_error_line_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("plotly")
    tally = Tally()
    for number in range(part, INPUTS, 4):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        arguments = make_input(folder, 7, number)
        signal.alarm(60)  # a pipe would be waited for without an end
        code, output = run_here(arguments)
        signal.alarm(0)
        tally.add(number, code, output, 0, 0.0)
    assert tally.failures == {}


def test_an_input_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        arguments = make_input(tmp_path / name, 1, 5)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file() and not path.is_symlink())
        contents.append((arguments, [path.read_bytes() for path in files]))
    assert contents[0] == contents[1]


def test_every_failure_is_counted() -> None:
    tally = Tally()
    tally.add(0, 66, "error: x", 0, 1)
    tally.add(1, 1, "Traceback (most recent call last)", 0, 1)
    tally.add(2, -signal.SIGALRM, "", 0, 11)
    tally.add(3, -signal.SIGSEGV, "", 0, 1)
    tally.add(4, 0, "", 2**40, 1)
    tally.add(5, 73, "", 0, 1)
    assert tally.failures == {"traceback": [1], "hang": [2], "crash": [3], "memory": [4], "code": [5]}
    assert len(set(CHANGES)) > 8
