"""Markers of the processes that work in a folder, so that others see which of them are still alive."""

import contextlib
import re
import uuid
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

_NAME = "[0-9a-f]{32}"


class AliveMarker:
    """A locked file in a folder, which marks this process as alive for the length of a block.

    The system releases the lock however the process ends, so a killed process counts as dead at once.

    Attributes:
        name: the name of the marker, which other processes pass to `is_alive`.
    """

    def __init__(self, folder: Path) -> None:
        self.name = uuid.uuid4().hex
        self._lock = FileLock(_path(folder, self.name))

    def __enter__(self) -> "AliveMarker":
        self._lock.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


def is_alive(folder: Path, name: str) -> bool:
    """Return True if the process of a marker is alive; the file of a dead process is removed."""
    path = _path(folder, name)
    if not re.fullmatch(_NAME, name) or path.is_symlink() or not path.is_file():
        return False
    with contextlib.suppress(Timeout), FileLock(path, timeout=0):
        path.unlink(missing_ok=True)
        return False
    return True


def _path(folder: Path, name: str) -> Path:
    return folder / f".{name}.lock"
