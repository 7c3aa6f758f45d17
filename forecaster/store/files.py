"""Atomic writes: a reader sees the old file or the new one, never half of one.

Temporary files and folders are named `.forecast-<owner>-<name>.<random>`. A job passes its id as the owner, so that its
next run recognises what a killed run left.
"""

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shlex
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from forecaster.errors import OutputError

OWNER_ID = "[0-9a-f]{16}"
_NO_OWNER = "tmp"
_MAX_NAME_BYTES = 150  # A longer name is replaced by its hash, because systems limit a name to 255 bytes.


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


def temporary_prefix(name: str, owner: str | None) -> str:
    """Return how the temporary file or folder for a name begins; an owner that is no id counts as none."""
    if not re.fullmatch(OWNER_ID, str(owner)):
        owner = None
    is_short = len(os.fsencode(name)) <= _MAX_NAME_BYTES
    label = name if is_short else hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return f".forecast-{owner or _NO_OWNER}-{label}."


def find_temporaries(folder: Path, owner: str) -> list[Path]:
    """Return the temporary files and folders of an owner within a folder."""
    return sorted(folder.glob(f".forecast-{owner}-*"))


def atomic_write(path: Path, content: bytes, *, owner: str | None = None) -> None:
    """Replace a file as `atomic_file` does."""
    with atomic_file(path, owner=owner) as temporary:
        write_through(temporary, content)


@contextlib.contextmanager
def atomic_file(path: Path, *, owner: str | None = None) -> Iterator[Path]:
    """Yield a temporary file in the same folder, which replaces `path` at the end of the block.

    The block has to sync the file. If `path` is a pipe or a device, it is yielded itself. A file that is replaced
    passes its permissions on to the new one.

    Args:
        owner: the id of the job that writes, for the temporary name; None for other commands.

    Raises: OutputError: the folder is missing, or the file cannot be written; the old file is unchanged.
    """
    with as_output_error(path):
        path = path.resolve()  # replace the target of a link, not the link
        if path.exists() and not path.is_file() and not path.is_dir():
            yield path
            return
        handle, name = tempfile.mkstemp(prefix=temporary_prefix(path.name, owner), dir=path.parent)
        temporary = Path(name)
        try:
            os.close(handle)
            yield temporary
            _set_permissions(temporary, path, 0o666)
            temporary.replace(path)
            sync_folder(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def new_folder(path: Path, *, owner: str | None = None) -> Iterator[Path]:
    """Yield a temporary folder, which becomes `path` at the end of the block.

    Args:
        owner: as in `atomic_file`.

    Raises: OutputError: as `atomic_write`, or `path` is no longer empty.
    """
    with as_output_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=temporary_prefix(path.name, owner), dir=path.parent))
        try:
            yield temporary
            _set_permissions(temporary, path, 0o777)
            sync_folder(temporary)
            temporary.rename(path)
            sync_folder(path.parent)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def _set_permissions(temporary: Path, path: Path, mode: int) -> None:
    """Set the permissions of the file or folder that `temporary` replaces, or for a new one those of the umask.

    The owner and the group are passed on as well where the system permits it.
    """
    try:
        before = path.stat()
    except FileNotFoundError:
        temporary.chmod(mode & ~_umask())
        return
    with contextlib.suppress(PermissionError):
        if (before.st_uid, before.st_gid) != (os.getuid(), os.getgid()):
            os.chown(temporary, before.st_uid, before.st_gid)
    temporary.chmod(stat.S_IMODE(before.st_mode))


def remove_files(folder: Path, names: Iterable[str]) -> None:
    """Remove files of a folder in the given order, and the folder if nothing else is in it. An OSError passes."""
    for name in names:
        (folder / Path(name).name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def write_through(path: Path, content: bytes) -> None:
    """Write a file, and wait until it is on disk. An OSError passes."""
    with path.open("wb") as file:
        file.write(content)
        sync_file(file)


def sync_file(file: BinaryIO) -> None:
    """Wait until the content of an open file is on disk."""
    file.flush()
    os.fsync(file.fileno())


def replace_link(link: Path, target: Path, *, owner: str | None = None) -> None:
    """Point a symbolic link at a folder beside it. The link is replaced by a rename, so it is never missing.

    Args:
        owner: as in `atomic_file`.

    Raises: OutputError: the link cannot be written, or a file or folder is in its place.
    """
    with as_output_error(link):
        if link.exists() and not link.is_symlink():
            raise OutputError(
                f"{link}: is not a symbolic link", hint=f"rename it: {shlex.join(['mv', str(link), f'{link}.old'])}"
            )
        temporary = link.with_name(temporary_prefix(link.name, owner) + secrets.token_hex(4))
        temporary.symlink_to(target.name)
        try:
            temporary.replace(link)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


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
