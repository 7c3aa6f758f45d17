"""The state of an unfinished training in `<out>.partial/`, from which it can resume."""

import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save

from forecaster.errors import InputError
from forecaster.events import CheckpointWritten, Watch
from forecaster.store.files import as_output_error, atomic_write

STATE = "state.safetensors"

Arrays = dict[str, npt.NDArray[np.generic]]


class FolderCheckpoint:
    """The saved state of one training, in a folder that is created at the first save."""

    def __init__(
        self, folder: Path, *, files: dict[str, bytes], watch: Watch, is_resumed: bool = False, seconds: float = 30.0
    ) -> None:
        """Prepare to save, without writing anything.

        Args:
            files: files beside the state that do not change, by name: the resolved config, the data's fingerprint.
            watch: receives an event for each save.
            is_resumed: if True, the folder contains the state of this training already.
            seconds: time between two saves.
        """
        self.folder = folder
        self._files = files
        self._watch = watch
        self._seconds = seconds
        self._has_state = is_resumed
        self._saved_at = time.monotonic()

    def load(self) -> Arrays:
        return read_state(self.folder) if self._has_state else {}

    def save(self, state: Arrays) -> None:
        with as_output_error(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        for name, content in self._files.items():
            if not (self.folder / name).exists():
                atomic_write(self.folder / name, content)
        atomic_write(self.folder / STATE, save({name: np.asarray(value, order="C") for name, value in state.items()}))
        self._saved_at = time.monotonic()
        self._has_state = True
        self._watch(CheckpointWritten(self.folder))

    def is_due(self) -> bool:
        return time.monotonic() - self._saved_at >= self._seconds


def read_state(folder: Path) -> Arrays:
    """Read the state that a checkpoint saved.

    Raises: InputError: the file is missing or damaged.
    """
    try:
        return dict(load_file(folder / STATE))
    except Exception as error:  # safetensors raises its own error class for every fault
        raise InputError(f"{folder / STATE}: cannot be read: {error}", hint="start again without --resume") from error
