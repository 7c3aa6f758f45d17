import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import race, tables
from benchmarks.fresh import Usage
from forecaster.settings import load


def test_a_ratio_is_the_median_of_the_rounds_and_not_that_of_two_medians() -> None:
    ours, bare = (
        [Usage(1, 1, 50), Usage(4, 1, 70), Usage(9, 2, 60)],
        [Usage(2, 1, 90), Usage(4, 1, 90), Usage(6, 1, 90)],
    )
    row = race.compare_sides("gru", {"ours": ours, "bare": bare}, 1.05, 0.95)
    assert row.value == 1.0
    assert row.is_reached
    assert row.line() == (
        "gru             1 x bare (to reach 1.05, aim 0.95): reached; ours 4.00 s, 1.00 s of CPU, 60 MB; "
        "bare 4.00 s, 1.00 s of CPU, 90 MB; of CPU 1 x"
    )


def test_a_fast_row_that_is_not_good_enough_is_not_reached() -> None:
    assert not race.Row("hourly", 10.0, "s", 40, 20, is_good=False).is_reached
    assert race.Row("hourly", 40.0, "s", 40, 20).is_reached
    assert not race.Row("hourly", 40.1, "s", 40, 20).is_reached


def test_a_row_asks_for_the_files_that_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        race.main(["help", "hourly"])
    assert "hourly needs --data FILE and --test FILE" in capsys.readouterr().err


def test_a_row_that_fails_is_reported_and_the_others_are_raced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(command: Sequence[str]) -> Usage:
        raise subprocess.CalledProcessError(1, command, stderr="the disk is full")

    monkeypatch.setattr(race, "run_command", fail)
    monkeypatch.setattr(race.floor, "help_seconds", lambda given: {"cpu_s": 0.25})
    with pytest.raises(SystemExit) as caught:
        race.main(["large", "help", "--json", str(tmp_path / "found.json")])
    assert caught.value.code == 1
    told = capsys.readouterr()
    assert "the disk is full" in told.err
    assert told.out == "help            0.25 s of CPU (to reach 0.3, aim 0.2): reached\n"
    assert [row["what"] for row in json.loads((tmp_path / "found.json").read_text())["rows"]] == ["help"]


def test_the_training_that_is_raced_is_one_plain_network_read_step_by_step() -> None:
    command = race.train_command(Path("data.csv"), "lstm", 48, 200, Path("bundle"))
    settings = tuple(command[index + 1] for index, part in enumerate(command) if part == "--set")
    config = load(overrides={"model.kind": "lstm"}, settings=settings)
    assert (config.ensemble.seeds, config.ensemble.variants, config.embed.width) == (1, (), 1)
    assert (config.training.steps, config.training.validate_every, config.head.kind) == (200, 200, "point")


@pytest.mark.slow
def test_a_forecast_is_raced_against_an_import_and_a_bare_script(tmp_path: Path) -> None:
    data, out = tmp_path / "data.csv", tmp_path / "found.json"
    tables.write_large(data, series=3, steps=300)
    files = ["--data", str(data), "--json", str(out)]
    race.main(
        [
            "gru",
            "one",
            "large",
            *files,
            "--rounds",
            "1",
            "--threads",
            "1",
            "--steps",
            "3",
            "--series",
            "4",
            "--preset",
            "fast",
        ]
    )
    found = json.loads(out.read_text())
    assert [row["what"] for row in found["rows"]] == ["gru, threads 1", "predict one", "large"]
    assert [list(row["sides"]) for row in found["rows"]] == [["ours", "bare"], ["ours", "import"], ["ours", "bare"]]
    assert all(len(spent) == 1 for row in found["rows"] for spent in row["sides"].values())
    assert set(found["versions"]) >= {"torch", "pandas"}
