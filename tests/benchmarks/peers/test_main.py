"""The runner of peers: whom it asks for what, and what it makes of failures."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.fresh import Usage
from benchmarks.peers import __main__ as peers

HERE = Path(peers.__file__).parent


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run nothing; the commands that would have run, from the module on. Darts fails."""
    commands: list[str] = []

    def spend(command: Sequence[str], *, threads: int = 1) -> Usage:
        text = " ".join(command[2:])
        commands.append(text)
        if "darts" in text:
            raise subprocess.CalledProcessError(1, command, stderr="out of luck")
        return Usage(1.0 + len(commands), 1.0, 100.0)

    monkeypatch.setattr(peers, "run_command", spend)
    monkeypatch.setattr(peers, "version_of", lambda venvs, peer: "1.0")
    return commands


def venvs(folder: Path, *names: str) -> str:
    for name in names:
        python = folder / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.touch()
    return str(folder)


def test_every_peer_has_a_script_and_an_environment() -> None:
    made = (HERE / "make_venvs.sh").read_text("utf-8")
    scripts = {path.stem for path in HERE.glob("*.py")} - {"__init__", "__main__", "task"}
    assert scripts == set(peers.CELLS)
    assert all(f"[{peer}]=" in made for peer in scripts - {"bare"})


def test_a_model_is_saved_once_and_forecasts_every_round(tmp_path: Path, ran: list[str]) -> None:
    peers.main([venvs(tmp_path), "--data", "F", "--tasks", "many", "--cells", "gru", "--rounds", "3"])
    assert [text.split()[:2] for text in ran] == [["benchmarks.peers.bare", "save"]] + 3 * [
        ["benchmarks.peers.bare", "predict"]
    ]


def test_a_peer_is_only_asked_for_cells_that_it_has(tmp_path: Path, ran: list[str]) -> None:
    folder = venvs(tmp_path, "gluonts", "neuralforecast")
    peers.main([folder, "--data", "F", "--peers", "gluonts,neuralforecast", "--tasks", "steps", "--rounds", "1"])
    asked = [(text.split()[0].rsplit(".", 1)[1], text.split("--cell ")[1].split()[0]) for text in ran]
    assert asked == [("gluonts", "lstm"), ("neuralforecast", "gru"), ("neuralforecast", "lstm")]


def test_a_peer_that_fails_is_told_once_and_the_others_go_on(
    tmp_path: Path, ran: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "found.json"
    flags = ["--data", "F", "--tasks", "steps", "--cells", "gru", "--rounds", "2", "--json", str(out)]
    peers.main([venvs(tmp_path, "darts"), *flags])
    assert capsys.readouterr().err.count("out of luck") == 1
    found = {row["peer"]: row["seconds"] for row in json.loads(out.read_text())["rows"]}
    assert found == {"bare": 3.0, "darts": None}  # the median of 2 and 4


def test_a_peer_that_is_not_installed_says_how_to_install_it(
    tmp_path: Path, ran: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        peers.main([str(tmp_path), "--data", "F", "--peers", "gluonts"])
    assert f"run benchmarks/peers/make_venvs.sh {tmp_path} gluonts" in capsys.readouterr().err
