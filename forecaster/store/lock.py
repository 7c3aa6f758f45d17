"""Locks that admit one run at a time to a folder or a job."""

import contextlib
import os
import re
import shlex
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from forecaster.errors import LockError, OutputError
from forecaster.store.files import as_output_error

_MAX_BYTES = 32
_ATTEMPTS = 10
_SECONDS_BETWEEN_ATTEMPTS = 0.05


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock a folder for the length of the block, by a file beside it.

    Raises: LockError, OutputError: as `lock_file`.
    """
    message = f"{folder}: another run{{}} is writing it"
    with lock_file(lock_path(folder), message, "wait for it, or name another with --out", place=folder):
        yield


@contextlib.contextmanager
def lock_file(path: Path, message: str, hint: str, *, place: Path | None = None) -> Iterator[None]:
    """Lock a file for the length of the block, and remove it afterwards.

    The system releases the lock of a process that dies, so the file that it leaves blocks nobody. Folders that were
    created for the lock are removed if they are empty afterwards.

    Args:
        message: the error if another process has the lock; `{}` becomes that process.
        hint: the hint of the same error.
        place: the path that an error names if nothing can be written; None for the file.

    Raises:
        LockError: another process has the lock.
        OutputError: nothing can be written there, or another program made the file.
    """
    check_ours(path)
    lock = FileLock(path)
    with as_output_error(place or path):
        new_folders = [parent for parent in path.absolute().parents if not parent.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise LockError(message.format(_describe_process(path)), hint=hint) from error
    try:
        with as_output_error(place or path):
            path.write_text(f"{os.getpid()}\n")
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()
        for parent in new_folders:  # the innermost first
            with contextlib.suppress(OSError):
                parent.rmdir()


def check_ours(path: Path) -> None:
    """Check that a file, if it exists, is a lock of this program, which may be overwritten and removed.

    Raises: OutputError: it is a symbolic link, another program's file, or no file.
    """
    try:
        status = path.lstat()
        is_ours = stat.S_ISREG(status.st_mode) and status.st_size <= _MAX_BYTES
        is_ours = is_ours and re.fullmatch(rb"(\d+\n?)?", path.read_bytes()) is not None
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}", hint="remove it, or rename it") from error
    if not is_ours:
        backup = shlex.join(["mv", str(path), f"{path}.old"])
        raise OutputError(f"{path}: is not a lock of this program, which needs the name", hint=f"rename it: {backup}")


def describe_owner(folder: Path) -> str | None:
    """Return the process that writes a folder, as ` (process 123)`; None if there is none."""
    path = lock_path(folder)
    if not path.exists():
        return None
    try:
        check_ours(path)
        with FileLock(path, timeout=0):
            return None
    except (Timeout, OSError):
        return _describe_process(path)
    except OutputError:
        return None


def lock_path(folder: Path) -> Path:
    """Return the file that is locked while a run writes a folder."""
    return folder.with_name(f".{folder.name}.lock")


def identify_file(path: Path) -> str | None:
    """Return a name of a lock's file that no other file on any machine has; None where the system offers none.

    It names the running kernel, whose locks are exact, so that two machines that share a folder have different names.
    """
    try:
        kernel = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        folder = path.parent.stat()
    except OSError:
        return None
    return f"{kernel} {folder.st_dev} {folder.st_ino} {path.name}"


def _describe_process(path: Path) -> str:
    """Return the process that a lock file names, as ` (process 123)`; empty if it names none."""
    for _ in range(_ATTEMPTS):  # a process writes its number shortly after it has the lock
        with contextlib.suppress(OSError):
            if number := path.read_text().strip():
                return f" (process {number})"
        time.sleep(_SECONDS_BETWEEN_ATTEMPTS)
    return ""
