"""The record of what this user began or trained on this machine, kept outside the folders that commands write.

A bundle, a checkpoint or a study names the data that it came from. Commands follow that name only if the record has the
hash of its content, because another user could have written the folder, and with it the address of any file or server.

Each entry is an empty file, named by the hash, in `$XDG_STATE_HOME/forecast/origins` (by default in `~/.local/state`).
"""

import contextlib
import hashlib
import os
from pathlib import Path


def record(*contents: bytes) -> bool:
    """Record what was begun or trained here.

    Args:
        contents: the bytes that identify it.

    Returns: False if the record cannot be written.
    """
    try:
        path = _path(contents)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except (OSError, RuntimeError):  # RuntimeError: the user has no home
        return False
    return True


def forget(*contents: bytes) -> None:
    """Remove a record that is not needed any more."""
    with contextlib.suppress(OSError, RuntimeError):
        _path(contents).unlink(missing_ok=True)


def is_known(*contents: bytes) -> bool:
    """Return True if the same contents were recorded."""
    try:
        return _path(contents).is_file()
    except (OSError, RuntimeError):
        return False


def _path(contents: tuple[bytes, ...]) -> Path:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    home = Path(os.environ.get("XDG_STATE_HOME", ""))
    state = home if home.is_absolute() else Path("~/.local/state").expanduser()
    return state / "forecast" / "origins" / digest.hexdigest()
