"""Which of several processes that share a folder are still alive."""

import contextlib
import uuid
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout


class Presence:
    """Shows other processes that this one is there, for as long as the block lasts: a locked file in the folder.

    The system lets go of the lock however the process ends, so nobody waits for one that was killed.

    Attributes:
        name: by which others ask for this process.
    """

    def __init__(self, folder: Path) -> None:
        self.name = uuid.uuid4().hex
        self._lock = FileLock(_path(folder, self.name))

    def __enter__(self) -> "Presence":
        self._lock.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


def is_present(folder: Path, name: str) -> bool:
    """Whether the process of a name is alive; what one that is gone has left is removed."""
    path = _path(folder, name)
    if not path.exists():
        return False
    with contextlib.suppress(Timeout), FileLock(path, timeout=0):
        path.unlink(missing_ok=True)
        return False
    return True


def _path(folder: Path, name: str) -> Path:
    return folder / f".{name}.lock"
