"""The fuzzer finds nothing in a few dozen inputs, repeats an input, and notices what it looks for."""

import os
import time

import pytest

from benchmarks import fuzz
from benchmarks.fuzz_formats import make_file
from benchmarks.fuzz_inputs import Random, make_command, make_csv, make_yaml


@pytest.mark.parametrize(("what", "count"), [("csv", 40), ("formats", 20), ("yaml", 40), ("commands", 5)])
def test_a_few_inputs_give_no_finding(what: str, count: int) -> None:
    findings = fuzz.run(what, 1, range(count), max_seconds=60)
    assert findings.lines == []
    assert findings.inputs == count


def test_a_number_and_a_seed_give_the_same_input(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    for make in (make_csv, make_file, make_yaml, make_command):
        assert make(Random(3, 7)) == make(Random(3, 7))
    assert len({make_csv(Random(3, number)) for number in range(20)}) > 10


def wait(random: Random) -> int:
    time.sleep(60)
    return 0


def end(random: Random) -> int:
    os._exit(3)


def allocate(random: Random) -> int:
    return len(bytearray(3 * fuzz.MAX_BYTES))


def divide(random: Random) -> int:
    return 1 // 0


@pytest.mark.parametrize(
    ("execute", "kind"), [(wait, "hang"), (end, "died"), (allocate, "memory"), (divide, "traceback")]
)
def test_each_kind_of_finding_is_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], execute: fuzz.Execute, kind: str
) -> None:
    monkeypatch.setitem(fuzz._KINDS, "csv", execute)
    findings = fuzz.run("csv", 0, range(2), max_seconds=1 if kind == "hang" else 30)
    assert [line.split()[2] for line in findings.lines] == [kind, kind]
    assert findings.stalls == ([0] if kind == "hang" else [])
    with pytest.raises(SystemExit) as ended:
        fuzz.main(["csv", "--inputs", "1"] if kind != "hang" else ["yaml", "--inputs", "0"])
    assert ended.value.code == (0 if kind == "hang" else 1)
    assert "findings" in capsys.readouterr().out
