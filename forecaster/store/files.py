"""Atomic writes: a reader sees the old file or the new one, never half of one."""

import contextlib
import errno
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from forecaster.errors import OutputError


@contextlib.contextmanager
def as_output_error(path: Path, hint: str | None = None) -> Iterator[None]:
    """Turn an OSError of the block into an OutputError.

    Args:
        path: the output that the error names.
        hint: what the user can do; None chooses a hint by the error.

    Raises: OutputError: with the path and the system's message.
    """
    try:
        yield
    except OSError as error:
        message = f"{path}: cannot write: {error.strerror or error}"
        raise OutputError(message, hint=hint or _hint(error.errno, path)) from error


def _hint(number: int | None, path: Path) -> str:
    match number:
        case errno.ENOENT:
            return f"create its folder first: {shlex.join(['mkdir', '-p', str(path.parent)])}"
        case errno.EEXIST | errno.ENOTDIR:
            return "a file is in the place of a folder: name another place with --out"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "name a place that you may write to with --out"
        case errno.ENOSPC | errno.EDQUOT:
            return "free some space, or name another place with --out"
    return "name another place with --out"


def atomic_write(path: Path, content: bytes) -> None:
    """Replace a file as `atomic_file` does."""
    with atomic_file(path) as temporary:
        write_through(temporary, content)


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file in the same folder, which replaces `path` at the end of the block.

    The block has to sync the file. If `path` is a pipe or a device, it is yielded itself.

    Raises: OutputError: the folder is missing, or the file cannot be written; the old file is unchanged.
    """
    with as_output_error(path):
        path = path.resolve()  # replace the target of a link, not the link
        if path.exists() and not path.is_file() and not path.is_dir():
            yield path
            return
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        try:
            os.close(handle)
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
            sync_folder(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder, which becomes `path` at the end of the block.

    Raises: OutputError: as `atomic_write`, or `path` is no longer empty.
    """
    with as_output_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            sync_folder(temporary)
            temporary.rename(path)
            sync_folder(path.parent)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def write_through(path: Path, content: bytes) -> None:
    """Write a file, and wait until it is on disk. An OSError passes."""
    with path.open("wb") as file:
        file.write(content)
        sync_file(file)


def sync_file(file: BinaryIO) -> None:
    """Wait until the content of an open file is on disk."""
    file.flush()
    os.fsync(file.fileno())


def replace_link(link: Path, target: Path) -> None:
    """Point a symbolic link at a folder beside it. The link is replaced by a rename, so it is never missing."""
    with as_output_error(link):
        temporary = link.with_name(f".{link.name}.{os.getpid()}")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target.name)
        temporary.replace(link)


def check_free(path: Path) -> None:
    """Check that a folder can be written at `path`, before any work is done for it.

    Raises: OutputError: it exists and is not an empty folder, or nothing can be written there.
    """
    with as_output_error(path):
        if path.is_symlink() or (path.exists() and (not path.is_dir() or any(path.iterdir()))):
            raise OutputError(
                f"{path}: exists and is not an empty folder",
                hint="name another with --out, or go on with an interrupted run by --resume",
            )
        parent = next(folder for folder in path.absolute().parents if folder.exists() or folder.is_symlink())
        with tempfile.TemporaryFile(dir=parent) as probe:
            probe.write(b"\0" * 4096)
            probe.flush()


def sync_folder(path: Path) -> None:
    """Wait until renames within a folder are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
