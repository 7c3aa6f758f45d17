"""One run at a time for a folder or a job."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from forecaster.errors import LockError
from forecaster.store.files import as_output_error

_LOOKS = 10
_BETWEEN_LOOKS = 0.05  # seconds


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keep other runs from a folder for the length of the block, by a locked file beside it.

    Raises: LockError, OutputError: as `hold_file`.
    """
    told = f"{folder}: another run{{}} is writing it"
    with hold_file(path_of(folder), told, "wait for it, or name another with --out", place=folder):
        yield


@contextlib.contextmanager
def hold_file(path: Path, told: str, hint: str, *, place: Path | None = None) -> Iterator[None]:
    """Keep other processes out for the length of the block, by a locked file.

    The system lets go of the lock of a process that dies, so what that left behind is in nobody's way. Folders that had
    to be made to hold the lock are removed where the block left them empty.

    Args:
        told: what to say where another process has it; `{}` becomes who that is.
        place: what to name where nothing can be written; None names the file.

    Raises:
        LockError: another process has it.
        OutputError: nothing can be written there.
    """
    lock = FileLock(path)
    with as_output_error(place or path):
        made = [parent for parent in path.absolute().parents if not parent.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise LockError(told.format(_holder(path)), hint=hint) from error
    try:
        with as_output_error(place or path):
            path.write_text(f"{os.getpid()}\n")
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()
        for parent in made:  # the nearest first
            with contextlib.suppress(OSError):
                parent.rmdir()


def holder(folder: Path) -> str | None:
    """Who is writing a folder: ` (process 123)`; None where nobody is."""
    path = path_of(folder)
    if not path.exists():
        return None
    try:
        with FileLock(path, timeout=0):
            return None
    except (Timeout, OSError):
        return _holder(path)


def path_of(folder: Path) -> Path:
    """The file that is locked while a run writes to a folder."""
    return folder.with_name(f".{folder.name}.lock")


def _holder(path: Path) -> str:
    for _ in range(_LOOKS):  # who has just taken it has yet to write its number
        with contextlib.suppress(OSError):
            if number := path.read_text().strip():
                return f" (process {number})"
        time.sleep(_BETWEEN_LOOKS)
    return ""
