"""Hashes of what commands write, before and after a change."""

import json
from pathlib import Path

import pytest

from benchmarks import frozen

ROOT = Path(__file__).parents[2]


def test_a_comparison_names_what_differs_what_is_gone_and_what_is_new() -> None:
    recorded = {"a": "1", "b": "2", "c": "3"}
    assert frozen.find_differences(recorded, dict(recorded)) == []
    assert frozen.find_differences(recorded, {"d": "4", "b": "0", "a": "1"}) == [
        "b",
        "c (no longer written)",
        "d (not recorded)",
    ]


def test_only_another_processor_or_another_version_is_doubtful() -> None:
    here = {"processor": "P", "versions": {"numpy": "2.0", "torch": "2.4"}}
    assert list(frozen.find_doubts(here, here)) == []
    told = list(frozen.find_doubts({"processor": "Q", "versions": {"numpy": "2.0", "torch": "2.5"}}, here))
    assert [line.split(" when ")[0] for line in told] == [
        "warning: processor was Q",
        "warning: torch was 2.5",
    ]
    assert "is not there now" in next(frozen.find_doubts(here, {"processor": "P", "versions": {"numpy": "2.0"}}))


def test_columns_of_seconds_do_not_count() -> None:
    first = b'model,seconds,name,train_seconds\ngru,1.5,"a,b",2\n'
    assert frozen.drop_seconds(first) == b'model,name\ngru,"a,b"\n'


def test_a_record_is_compared_to_what_is_found_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {"a": "1", "b": "2"}
    file = tmp_path / "frozen.json"
    monkeypatch.setattr(frozen, "take_hashes", lambda tree: dict(found))
    frozen.main(["record", str(file)])
    assert json.loads(file.read_text()) == {**frozen.describe_machine(), "hashes": found}
    frozen.main(["compare", str(file)])
    told = capsys.readouterr()
    assert told.out.splitlines() == ["2 hashes recorded", "2 hashes unchanged"]
    assert told.err == ""
    found["b"] = "0"
    with pytest.raises(SystemExit) as ended:
        frozen.main(["compare", str(file)])
    assert ended.value.code == 1
    assert capsys.readouterr().out == "b\n"


def test_a_folder_without_the_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "tree").mkdir()
    with pytest.raises(SystemExit, match="contains no package forecaster"):
        frozen.Place(tmp_path, tmp_path / "tree")


@pytest.mark.slow
def test_the_same_seed_gives_the_same_hashes_and_another_number_of_steps_others(tmp_path: Path) -> None:
    hashes = []
    for number, steps in enumerate((2, 2, 3)):
        folder = tmp_path / str(number)
        folder.mkdir()
        place = frozen.Place(folder, ROOT)
        frozen.write_tables(place.folder)
        flags = ("--preset", "fast", "--set", "model.hidden=4", "--set", f"training.steps={steps}")
        hashes.append(frozen.hash_bundle(place, "tiny", "air_passengers.csv", *flags))
    assert hashes[0] == hashes[1]
    assert hashes[0]["tiny/forecasts.csv"] != hashes[2]["tiny/forecasts.csv"]
