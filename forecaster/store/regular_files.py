"""Files that a stranger may have put into a folder: only regular files of bounded size are read.

A link could lead out of the folder or to a device, and opening a FIFO would wait for a writer that never comes.
"""

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forecaster.errors import InputError

MAX_TEXT_BYTES = 16 * 2**20  # JSON and YAML
MAX_BYTES = 2**30
_MAX_HASHED_BYTES = 2**28  # A larger file takes seconds.


def read_regular_file(path: Path, *, max_bytes: int = MAX_BYTES, hint: str) -> bytes:
    """Return the content of a regular file.

    Args:
        max_bytes: the largest file to read.
        hint: for the error.

    Raises: InputError: the file is missing, a link, a pipe, a device or a folder, or larger.
    """
    with _open(path, max_bytes, hint) as file:
        return file.read(max_bytes)


def read_text(path: Path, *, hint: str) -> str:
    """Return the text of a regular file.

    Raises: InputError: as `read_regular_file`, or it is not UTF-8.
    """
    try:
        return read_regular_file(path, max_bytes=MAX_TEXT_BYTES, hint=hint).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8", hint=hint) from error


def hash_regular_file(path: Path, *, hint: str) -> str | None:
    """Return the SHA-256 hash of a regular file without reading it at once; None if it is larger than 256 MB.

    Raises: InputError: as `read_regular_file`.
    """
    with _open(path, None, hint) as file:
        is_large = os.fstat(file.fileno()).st_size > _MAX_HASHED_BYTES
        return None if is_large else hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _open(path: Path, max_bytes: int | None, hint: str) -> Iterator[io.BufferedReader]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:  # noqa: PTH123 (a handle, not a path)
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{path}: is not a regular file", hint=hint)
            if max_bytes is not None and status.st_size > max_bytes:
                size = f"{status.st_size:,} bytes are more than {max_bytes:,}"
                raise InputError(f"{path}: is too large: {size}", hint=hint)
            yield file
    except OSError as error:
        reason = "is a link, not a regular file" if path.is_symlink() else error.strerror
        raise InputError(f"{path}: {reason}", hint=hint) from error
    except ValueError as error:  # a NUL in the path
        raise InputError(f"{str(path)!r}: {error}", hint=hint) from error
