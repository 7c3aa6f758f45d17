"""Folders of forecasts that consist of shards, on this machine or at an address.

    out/part-<name>.parquet   the forecasts of some series; the name is a digest of all that determines them
    out/manifest.json         the shards of the newest complete forecast, in order; written last

A shard appears with its last byte and never changes. A reader that begins with the manifest sees the last complete
forecast or the new one, because the shards of the last one stay until the next forecast is complete.
"""

import contextlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

from forecaster.addresses import hide_secrets
from forecaster.errors import InputError, OutputError
from forecaster.store import lock
from forecaster.store.files import as_output_error, atomic_file, atomic_write
from forecaster.store.parquet import write_parquet

MANIFEST = "manifest.json"
KIND = "forecasts"
_MAX_MANIFEST_BYTES = 1 << 28
_SHARD = re.compile(r"part-[0-9a-f]{32}\.parquet")


class ShardFolder(Protocol):
    """A place of shards.

    Attributes:
        place: the folder or address, as messages name it.
    """

    place: str

    def count_rows(self, name: str) -> int | None:
        """Return the number of rows of a shard; None if it is missing or damaged."""

    def write(self, name: str, frames: Iterable[pd.DataFrame]) -> None:
        """Write a shard as a whole."""

    def read_manifest(self) -> bytes | None:
        """Return the content of the manifest; None if there is none."""

    def write_manifest(self, content: bytes) -> None:
        """Replace the manifest as a whole."""

    def delete(self, name: str) -> None:
        """Delete a shard, if it exists."""


class LocalFolder:
    """A folder of this machine; see `ShardFolder`. An OutputError names a file that cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.place = str(folder)
        self._folder = folder

    def count_rows(self, name: str) -> int | None:
        """Return the number of rows of a shard; None if it is missing or damaged."""
        try:
            return int(pyarrow.parquet.read_metadata(self._folder / name).num_rows)
        except (OSError, pa.ArrowException):
            return None

    def write(self, name: str, frames: Iterable[pd.DataFrame]) -> None:
        """Write a shard as a whole."""
        with atomic_file(self._folder / name) as temporary:
            write_parquet(temporary, frames)

    def read_manifest(self) -> bytes | None:
        """Return the content of the manifest; None if there is none."""
        with as_output_error(self._folder / MANIFEST), contextlib.suppress(FileNotFoundError):
            return (self._folder / MANIFEST).read_bytes()
        return None

    def write_manifest(self, content: bytes) -> None:
        """Replace the manifest as a whole."""
        atomic_write(self._folder / MANIFEST, content)

    def delete(self, name: str) -> None:
        """Delete a shard, if it exists."""
        with as_output_error(self._folder / name):
            (self._folder / name).unlink(missing_ok=True)


class ObjectFolder:
    """A prefix of an object store; see `ShardFolder`. See `transfer.upload_file` for the errors."""

    def __init__(self, address: str) -> None:
        self.place = hide_secrets(address)
        self._address = address.rstrip("/")

    def count_rows(self, name: str) -> int | None:
        """Return the number of rows of a shard; None if it is missing or damaged."""
        from forecaster.store.objects.transfer import open_object

        try:
            with open_object(f"{self._address}/{name}") as file:
                return int(pyarrow.parquet.read_metadata(file).num_rows)
        except (InputError, pa.ArrowException):
            return None

    def write(self, name: str, frames: Iterable[pd.DataFrame]) -> None:
        """Write a shard as a whole."""
        from forecaster.store.objects.transfer import upload_file

        with tempfile.TemporaryDirectory(prefix="forecast-") as folder:
            write_parquet(Path(folder) / name, frames)
            upload_file(Path(folder) / name, f"{self._address}/{name}")

    def read_manifest(self) -> bytes | None:
        """Return the content of the manifest; None if there is none."""
        from forecaster.store.objects.failures import MissingObjectError
        from forecaster.store.objects.transfer import read_object

        try:
            return read_object(f"{self._address}/{MANIFEST}", max_bytes=_MAX_MANIFEST_BYTES)
        except MissingObjectError:
            return None

    def write_manifest(self, content: bytes) -> None:
        """Replace the manifest as a whole."""
        from forecaster.store.objects.transfer import write_object

        write_object(content, f"{self._address}/{MANIFEST}")

    def delete(self, name: str) -> None:
        """Delete a shard, if it exists."""
        from forecaster.store.objects.transfer import delete_object

        delete_object(f"{self._address}/{name}")


@contextlib.contextmanager
def open_folder(place: Path | str) -> Iterator[ShardFolder]:
    """Open a folder of shards for the length of the block. One on this machine is created, and locked.

    Raises:
        LockError: another run writes the folder.
        OutputError: the folder cannot be written, or has the manifest of something else.
    """
    if isinstance(place, str):
        yield ObjectFolder(place)
        return
    absolute = place.absolute()
    if not absolute.name:
        raise OutputError(f"{place}: cannot be a folder of shards", hint="name a new folder with --out")
    with lock.lock_folder(absolute):
        with as_output_error(place):
            place.mkdir(parents=True, exist_ok=True)
        yield LocalFolder(place)


def commit(folder: ShardFolder, values: dict[str, Any], names: list[str]) -> bool:
    """Publish shards by the manifest of a folder, and delete those that no reader needs any more.

    These are the shards of the forecast before the last one. If the same shards are published already, nothing changes.

    Args:
        values: further content of the manifest, which JSON can express.
        names: the shards, in order.

    Returns: False if the same shards were published already.
    Raises: OutputError: the manifest cannot be written, or is not that of a folder of shards.
    """
    last = read_manifest(folder)
    values = {"schema_version": 1, "kind": KIND, **values, "shards": names}
    if {**last, "earlier": None} == {**values, "earlier": None}:
        return False
    present = set(names)
    for name in last.get("earlier", ()):
        if name not in present and _SHARD.fullmatch(name):
            folder.delete(name)
    values["earlier"] = sorted(set(last.get("shards", ())) - present)
    folder.write_manifest(json.dumps(values, indent=1, sort_keys=True).encode() + b"\n")
    return True


def read_manifest(folder: ShardFolder) -> dict[str, Any]:
    """Return the manifest of a folder; an empty dictionary if there is none.

    Raises: OutputError: it is not that of a folder of shards.
    """
    content = folder.read_manifest()
    if content is None:
        return {}
    try:
        values = json.loads(content)
        is_ours = isinstance(values, dict) and values.get("kind") == KIND and values.get("schema_version") == 1
        is_ours = is_ours and all(isinstance(each, str) for key in ("shards", "earlier") for each in values[key])
    except (ValueError, KeyError, TypeError, RecursionError):
        is_ours = False
    if not is_ours:
        raise OutputError(
            f"{folder.place}: contains a {MANIFEST} that is not of forecasts", hint="name another folder with --out"
        )
    result: dict[str, Any] = values
    return result
