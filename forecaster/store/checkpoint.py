"""The state of an unfinished training in `<out>.partial/`, from which it can resume."""

import contextlib
import time
from pathlib import Path

from forecaster.events import CheckpointWritten, Watch
from forecaster.store.arrays import Arrays, dump_arrays, parse_arrays
from forecaster.store.files import atomic_write, new_folder, remove_files, write_through
from forecaster.store.regular_files import read_regular_file

STATE = "state.safetensors"

START_AGAIN = "start again without --resume"


class FolderCheckpoint:
    """The saved state of one training, in a folder that is created at the first save."""

    def __init__(
        self,
        folder: Path,
        *,
        files: dict[str, bytes],
        watch: Watch,
        is_resumed: bool = False,
        seconds: float = 30.0,
        owner: str | None = None,
    ) -> None:
        """Prepare to save, without writing anything.

        Args:
            files: files beside the state that do not change, by name: the resolved config, the data's fingerprint.
            watch: receives an event for each save.
            is_resumed: if True, the folder contains the state of this training already.
            seconds: time between two saves.
            owner: the id of the job that trains, for the names of temporary files; None for other commands.
        """
        self.folder = folder
        self._files = files
        self._watch = watch
        self._seconds = seconds
        self._owner = owner
        self._has_state = is_resumed
        self._saved_at = time.monotonic()

    def load(self) -> Arrays:
        return read_state(self.folder) if self._has_state else {}

    def save(self, state: Arrays) -> None:
        content = dump_arrays(state)
        if self._has_state:
            atomic_write(self.folder / STATE, content, owner=self._owner)
        else:  # The folder appears as a whole, so that run.json always proves whose it is.
            with new_folder(self.folder, owner=self._owner) as temporary:
                for name, each in {**self._files, STATE: content}.items():
                    write_through(temporary / name, each)
        self._saved_at = time.monotonic()
        self._has_state = True
        self._watch(CheckpointWritten(self.folder))

    def exists(self) -> bool:
        """Return True if the folder has a state from which the training can resume."""
        return self._has_state and (self.folder / STATE).exists()

    def remove(self) -> None:
        """Remove the saved state, but no file that others have put into its folder."""
        if self._has_state:
            with contextlib.suppress(OSError):
                remove_files(self.folder, (*self._files, STATE))

    def is_due(self) -> bool:
        return time.monotonic() - self._saved_at >= self._seconds


def read_state(folder: Path) -> Arrays:
    """Read the state that a checkpoint saved.

    Raises: InputError: the file is missing or damaged.
    """
    content = read_regular_file(folder / STATE, hint=START_AGAIN)
    return parse_arrays(content, folder / STATE, hint=START_AGAIN)
