"""The resumable state of a run that is not finished, in `<out>.partial/`."""

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
    """Keep the state of one run in a folder that appears when it is first saved."""

    def __init__(
        self, folder: Path, *, files: dict[str, bytes], watch: Watch, is_resumed: bool = False, seconds: float = 30.0
    ) -> None:
        """Prepare to save.

        Args:
            is_resumed: whether what lies in the folder already is this run's.
            files: what stands beside the state and never changes: the resolved config, the data's fingerprint.
            seconds: how often a save is due.
        """
        self.folder = folder
        self._files = files
        self._watch = watch
        self._seconds = seconds
        self._is_ours = is_resumed
        self._saved_at = time.monotonic()

    def load(self) -> Arrays:
        return read_state(self.folder) if self._is_ours else {}

    def save(self, state: Arrays) -> None:
        with as_output_error(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        for name, content in self._files.items():
            if not (self.folder / name).exists():
                atomic_write(self.folder / name, content)
        atomic_write(self.folder / STATE, save({name: np.asarray(value, order="C") for name, value in state.items()}))
        self._saved_at = time.monotonic()
        self._is_ours = True
        self._watch(CheckpointWritten(self.folder))

    def is_due(self) -> bool:
        return time.monotonic() - self._saved_at >= self._seconds


def read_state(folder: Path) -> Arrays:
    """Read what a checkpoint saved.

    Raises: InputError: the file is not whole.
    """
    try:
        return dict(load_file(folder / STATE))
    except Exception as error:  # safetensors has one error class of its own for every fault
        raise InputError(f"{folder / STATE}: cannot be read: {error}", hint="start again without --resume") from error
