from pathlib import Path

import numpy as np
import pytest

from forecaster.errors import InputError
from forecaster.events import CheckpointWritten, Event
from forecaster.store.checkpoint import FolderCheckpoint


def test_a_checkpoint_appears_with_its_first_save(tmp_path: Path) -> None:
    seen: list[Event] = []
    checkpoint = FolderCheckpoint(tmp_path / "run.partial", files={"run.json": b"{}"}, watch=seen.append)
    assert checkpoint.load() == {}
    assert not checkpoint.folder.exists()
    for number in (1, 2):
        checkpoint.save({"fit.step": np.array([number])})
        assert checkpoint.load()["fit.step"].tolist() == [number]
    assert sorted(file.name for file in checkpoint.folder.iterdir()) == ["run.json", "state.safetensors"]
    assert seen == [CheckpointWritten(checkpoint.folder)] * 2


def test_a_save_is_due_after_its_time(tmp_path: Path) -> None:
    assert FolderCheckpoint(tmp_path, files={}, watch=print, seconds=0).is_due()
    assert not FolderCheckpoint(tmp_path, files={}, watch=print, seconds=1e9).is_due()


def test_a_truncated_state_is_refused(tmp_path: Path) -> None:
    checkpoint = FolderCheckpoint(tmp_path, files={}, watch=lambda event: None)
    checkpoint.save({"a": np.arange(100)})
    (tmp_path / "state.safetensors").write_bytes((tmp_path / "state.safetensors").read_bytes()[:50])
    with pytest.raises(InputError, match="cannot be read"):
        checkpoint.load()
