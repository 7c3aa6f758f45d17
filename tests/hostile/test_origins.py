"""The word of a bundle on its data is not the user's: only who trained it on this machine may leave DATA out."""

import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from forecaster.store import origins
from tests.cli.conftest import QUICK, Forecast, sales
from tests.hostile import forge

__all__ = ["sales"]

COMMANDS = {
    "predict": ["predict", "--bundle", "b"],
    "backtest": ["backtest", "--bundle", "b"],
    "explain": ["explain", "b"],
}


class Listener:
    """A server that counts its connections."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener()
    yield server
    server.close()


def name_source(folder: Path, source: str) -> None:
    """Let a bundle say that it was trained on a source."""
    manifest = forge.read(folder / "manifest.json")
    manifest["data"]["path"] = manifest["data"]["absolute"] = source
    config = (folder / "config.yaml").read_text()
    query = "SELECT * FROM secrets"
    text = config.replace("path: sales.csv", f"path: {json.dumps(source)}").replace("query: null", f"query: {query}")
    (folder / "config.yaml").write_text(text)
    forge.seal_manifest(folder, manifest)
    forge.seal(folder)


def assert_data_is_asked_for(done: object, hint: str) -> None:
    assert done.code == 2, done  # type: ignore[attr-defined]
    error, last = done.err.splitlines()[-2:]  # type: ignore[attr-defined]
    assert error.startswith("error: DATA is missing")
    assert hint in last


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("predict", "forecast predict DATA --bundle b"),
        ("backtest", "forecast backtest DATA --bundle b"),
        ("explain", "forecast explain b --data DATA"),
    ],
)
@pytest.mark.parametrize("source", ["server", "pipe", "file", "glob", "golden"])
def test_a_foreign_bundle_asks_for_data(
    forecast: Forecast, tmp_path: Path, listener: Listener, source: str, command: str, hint: str
) -> None:
    folder = forge.copy_bundle(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    places = {
        "server": f"postgresql://u@127.0.0.1:{listener.port}/d",
        "pipe": str(tmp_path / "pipe"),
        "file": str(tmp_path / "sales.csv"),
        "glob": "/**/*.csv",
    }
    if source in places:
        name_source(folder, places[source])
    assert_data_is_asked_for(forecast(*COMMANDS[command]), hint)
    assert listener.connections == 0


@pytest.mark.parametrize("source", ["server", "pipe"])
def test_a_foreign_bundle_is_shown_and_reported_without_its_data(
    forecast: Forecast, tmp_path: Path, listener: Listener, source: str
) -> None:
    folder = forge.copy_bundle(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    name_source(folder, f"postgresql://u@127.0.0.1:{listener.port}/d" if source == "server" else str(tmp_path / "pipe"))
    shown = forecast("show", "b")
    assert shown.code == 0
    assert "next: forecast predict DATA --bundle b" in shown.err
    assert "did not train it on this machine" in " ".join(shown.out.split())
    pytest.importorskip("plotly")
    done = forecast("report", "b", "-o", "b.html")
    assert done.code == 0
    assert "forecast report b --data DATA" in done.err
    assert "The data is not read" in (tmp_path / "b.html").read_text()
    assert listener.connections == 0


def test_a_foreign_bundle_is_reported_with_data_that_is_named(forecast: Forecast, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    forge.copy_bundle(tmp_path)
    done = forecast("report", "b", "--data", "sales.csv", "-o", "b.html")
    assert done.code == 0
    assert "The data is not read" not in (tmp_path / "b.html").read_text()
    assert forecast("report", "b", "--data", "nothing.csv", "-o", "b.html").code == 66


def test_the_query_of_a_foreign_bundle_does_not_run(forecast: Forecast, tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    name_source(forge.copy_bundle(tmp_path), "sqlite:///d.db")
    (tmp_path / "d.db").touch()
    done = forecast("predict", "sqlite:///d.db", "--bundle", "b")
    assert (done.code, "a database needs a query" in done.err) == (2, True)


def test_a_bundle_trained_here_names_its_data_wherever_it_moves(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, *QUICK, "-o", "b").code == 0
    assert forecast("predict", "--bundle", "b").code == 0
    shutil.move("b", "c")
    assert forecast("predict", "--bundle", "c").code == 0
    assert "next: forecast predict --bundle c" in forecast("show", "c").err
    name_source(Path("c"), str(sales))
    assert_data_is_asked_for(forecast("predict", "--bundle", "c"), "forecast predict DATA --bundle c")


def test_the_record_of_another_user_or_machine_does_not_count(
    forecast: Forecast, sales: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert forecast("train", sales, *QUICK, "-o", "b").code == 0
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    assert_data_is_asked_for(forecast("predict", "--bundle", "b"), "forecast predict DATA --bundle b")
    assert forecast("predict", sales, "--bundle", "b").code == 0


def test_a_home_that_cannot_be_written_costs_a_note_only(
    forecast: Forecast, sales: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    done = forecast("train", sales, *QUICK, "-o", "b")
    assert done.code == 0
    assert "name DATA with them" in done.err
    assert forecast("predict", "--bundle", "b").code == 2


@pytest.mark.parametrize("home", ["", "relative"])
def test_without_a_state_folder_the_record_is_in_the_home(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", home)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert origins.record(b"a", b"b")
    assert origins.is_known(b"a", b"b")
    assert not origins.is_known(b"ab")
    assert len(list((tmp_path / ".local/state/forecast/origins").iterdir())) == 1
    origins.forget(b"a", b"b")
    assert not origins.is_known(b"a", b"b")


def test_a_foreign_checkpoint_asks_for_data_and_writes_beside_itself_only(
    forecast: Forecast, tmp_path: Path, listener: Listener
) -> None:
    folder = tmp_path / "b.partial"
    folder.mkdir()
    shutil.copy(forge.GOLDEN / "network/bundle/config.yaml", folder)
    (tmp_path / "away").mkdir()
    run = {"out": str(tmp_path / "away/b"), "is_default": True, "fingerprint": "", "chosen": None, "told": {}}
    source = f"postgresql://u@127.0.0.1:{listener.port}/d"
    (folder / "run.json").write_text(json.dumps({**run, "data": source}))
    (folder / "state.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    assert_data_is_asked_for(forecast("train", "--resume", "b.partial"), "forecast train DATA --resume b.partial")
    shutil.copy(forge.GOLDEN / "sales.csv", tmp_path / "sales.csv")
    done = forecast("train", "sales.csv", "--resume", "b.partial")
    assert (done.code, "has changed since the run began" in done.err) == (65, True)
    assert list((tmp_path / "away").iterdir()) == []
    assert listener.connections == 0
    folder.rename(tmp_path / "c")
    assert forecast("train", "--resume", "c").code == 66
