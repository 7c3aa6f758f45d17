"""Small panels that tests share."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from forecaster import runtime
from forecaster.frequency import DAY, Frequency
from forecaster.panel import Panel
from forecaster.store import pretrained

runtime.prepare_torch(threads=1)

pytest_plugins = ["tests.object_store"]

MakePanel = Callable[..., Panel]


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Record what tests train in a folder of their own instead of the user's home."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def leave_out_graphs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write bundles without ONNX graphs, as where `onnx` is not installed, but for tests marked `graphs`: writing one
    takes longer than these small trainings.
    """
    if not request.node.get_closest_marker("graphs"):
        monkeypatch.setattr("forecaster.network.export.find_spec", lambda name: None)


@pytest.fixture(autouse=True)
def leave_out_pretrained(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run as if the package contained no pretrained network, but for tests marked `shipped`: it would join `auto`
    and `compare`.
    """
    if not request.node.get_closest_marker("shipped"):
        monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "no_pretrained_weights")


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a toy network, within a folder that contains nothing else."""
    pytest.importorskip("onnx")
    from tests.toy_weights import write_weights

    return write_weights(tmp_path_factory.mktemp("pretrained"))


@pytest.fixture
def toy_weights(toy_folder: Path, leave_out_pretrained: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run as if the package contained a toy network, and give its folder."""
    monkeypatch.setattr(pretrained, "FOLDER", toy_folder.parent)
    return toy_folder


@pytest.fixture(scope="session")
def network_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a small network of the pretrained kind, within a folder that contains nothing else."""
    pytest.importorskip("onnx")
    from tests.toy_weights import write_network

    return write_network(tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="session")
def two_networks(toy_folder: Path, network_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the toy network and, under an older name, the small network."""
    folder = tmp_path_factory.mktemp("networks")
    shutil.copytree(toy_folder, folder / toy_folder.name)
    shutil.copytree(network_folder, folder / "2020-01")
    card = folder / "2020-01" / "card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"name": "2020-01"}))
    return folder


@pytest.fixture
def small_network(network_folder: Path, leave_out_pretrained: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run as if the package contained a small network of the pretrained kind, and give its folder."""
    monkeypatch.setattr(pretrained, "FOLDER", network_folder.parent)
    return network_folder


@pytest.fixture
def make_panel() -> MakePanel:
    """Give a function that builds a daily panel from lists of values."""

    def make(series: Sequence[Sequence[float]], *, season: int = 1, frequency: Frequency | None = None) -> Panel:
        lengths = np.array([len(values) for values in series])
        end = np.cumsum(lengths)
        return Panel(
            values=np.concatenate([np.asarray(values, np.float32) for values in series])[:, None],
            begin=end - lengths,
            end=end,
            start=np.full(len(series), np.datetime64("2024-01-01", "us").astype(np.int64)),
            ids=np.array([f"s{number}" for number in range(len(series))], object),
            frequency=frequency or Frequency("fixed", DAY),
            season=season,
        )

    return make


def fake_holidays() -> SimpleNamespace:
    """Stand in for the package `holidays`: Germany with New Year and 9 May, Bavaria with 30 May besides."""

    def country_holidays(code: str, *, subdiv: str | None, years: Iterable[int]) -> dict[date, str]:
        days = [(1, 1), (5, 9)] + [(5, 30)] * (subdiv == "BY")
        return {date(year, *day): code for year in years for day in days}

    return SimpleNamespace(
        list_supported_countries=lambda: {"DE": ["BE", "BY"], "FR": []}, country_holidays=country_holidays
    )
