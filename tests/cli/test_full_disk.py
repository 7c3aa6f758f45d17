"""A write that fails never removes the only copy of a result or a checkpoint."""

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forecaster.errors import Interrupted
from forecaster.events import Event, TrainingStep
from forecaster.store import bundle
from forecaster.store.checkpoint import FolderCheckpoint
from forecaster.workflows import train as workflow
from tests.cli.conftest import QUICK, Forecast


@pytest.fixture
def partial(forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An interrupted training."""

    def interrupt(self: object, event: Event) -> None:
        if isinstance(event, TrainingStep) and event.step == 4:
            raise Interrupted(2)

    with monkeypatch.context() as patch:
        patch.setattr("forecaster.cli.console.Console.watch", interrupt)
        assert forecast("train", sales, *QUICK, "-o", "out").code == 130
    return sales.with_name("out.partial")


def fail(*arguments: Any, **named: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("function", ["bundle.write_through", "files.tempfile.mkdtemp", "files.sync_folder"])
def test_a_bundle_that_cannot_be_written_leaves_the_checkpoint(
    forecast: Forecast, partial: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(f"forecaster.store.{function}", fail)
        done = forecast("train", "--resume", partial.name)
    assert done.code == 73
    assert "the training is saved in out.partial" in done.err
    assert "forecast train --resume out.partial" in done.err
    assert sorted(path.name for path in partial.iterdir()) == ["config.yaml", "run.json", "state.safetensors"]
    assert forecast("train", "--resume", partial.name).code == 0
    assert not partial.exists()


def test_a_checkpoint_that_cannot_be_saved_leaves_the_one_before(
    forecast: Forecast, partial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (partial / "state.safetensors").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(FolderCheckpoint, "is_due", lambda self: True)
        patch.setattr("forecaster.store.files.write_through", fail)
        done = forecast("train", "--resume", partial.name)
    assert (done.code, "the training is saved in out.partial" in done.err) == (73, True)
    assert (partial / "state.safetensors").read_bytes() == before
    assert [path.name for path in partial.iterdir() if path.name.startswith(".")] == []


def test_files_of_others_in_a_checkpoint_stay(forecast: Forecast, partial: Path) -> None:
    (partial / "notes.txt").write_text("mine")
    assert forecast("train", "--resume", partial.name).code == 0
    assert [path.name for path in partial.iterdir()] == ["notes.txt"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        is_mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        is_mounted = False
    if not is_mounted:
        pytest.skip("needs the permission to mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_checkpoint(
    forecast: Forecast, sales: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (small_disk / "ballast").write_bytes(b"")

    def fill_disk(self: object, event: Event) -> None:
        if isinstance(event, TrainingStep) and event.step == 4:
            with contextlib.suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass

    monkeypatch.setattr(FolderCheckpoint, "is_due", lambda self: True)
    monkeypatch.setattr("forecaster.cli.console.Console.watch", fill_disk)
    done = forecast("train", sales, *QUICK, "-o", "disk/out")
    assert done.code == 73
    assert "the training is saved in disk/out.partial" in done.err
    monkeypatch.undo()
    monkeypatch.chdir(small_disk.parent)
    (small_disk / "ballast").unlink()
    workflow.resume(small_disk / "out.partial")
    assert bundle.read(small_disk / "out").manifest.training.steps["fit"] == 6
