"""Copies from and to addresses: the one place that opens, lists and writes objects.

A store has no rename. An object appears at its address with its last byte, so a reader sees the old one or the new
one; several objects are published by one small object that is written last (see `bundles`). Files are complete on this
machine before they are sent, because Arrow publishes what an interrupted stream has written.
"""

import contextlib
import fnmatch
import glob
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from forecaster.addresses import is_web_address
from forecaster.errors import InputError, UsageError
from forecaster.store.objects import web
from forecaster.store.objects.failures import as_forecast_error
from forecaster.store.objects.location import Location

_SHARE_OF_DISK = 0.8
_DATA_HINT = "free some space, or name a larger folder for temporary files: TMPDIR=/data/tmp forecast ..."


class LocalCopy:
    """A temporary folder with copies of objects, which is deleted when nothing uses it any more.

    Attributes:
        folder: the folder.
        source: the file, folder or glob in it that stands for the address.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="forecast-"))
        self.source = str(self.folder)
        self._finalizer = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    @property
    def free_bytes(self) -> int:
        """The largest number of bytes to copy into the folder."""
        return int(shutil.disk_usage(self.folder).free * _SHARE_OF_DISK)


@dataclass(frozen=True)
class _Object:
    """An object below an address: its path for Arrow, its name relative to the copied folder, and its size."""

    path: str
    name: str
    size: int


def copy_data(text: str) -> LocalCopy:
    """Copy the table at an address: an object, the objects of a folder, or those that match a glob.

    Raises:
        UsageError: the address contains credentials, or is no address.
        InputError: nothing is there, it may not be read, or it is larger than the disk.
        DependencyError: the store cannot be reached.
    """
    location, copy = Location.parse(text), LocalCopy()
    with as_forecast_error(location.place, location.kind):
        if location.kind == "https":
            path = copy.folder / _check_name(location, web.name_of(location))
            with path.open("wb") as file:
                web.download(location, file, max_bytes=copy.free_bytes)
            copy.source = str(path)
            return copy
        filesystem = location.open()
        objects, copy.source = _list(filesystem, location, copy.folder)
        if sum(each.size for each in objects) > copy.free_bytes:
            size = sum(each.size for each in objects)
            raise InputError(f"{location.place}: {size:,} bytes do not fit into {copy.folder.parent}", hint=_DATA_HINT)
        for each in objects:
            _download(filesystem, each.path, copy.folder / _check_name(location, each.name))
    return copy


def read_object(text: str, *, max_bytes: int) -> bytes:
    """Return the content of a small object.

    Raises: ForecastError: as `copy_data`.
    """
    location = Location.parse(text)
    with as_forecast_error(location.place, location.kind):
        if location.kind == "https":
            return web.read(location, max_bytes=max_bytes)
        with location.open().open_input_file(location.path) as file:
            if file.size() > max_bytes:
                raise InputError(f"{location.place}: {file.size():,} bytes are too many", hint="check the address")
            content: bytes = file.read()
            return content


def download_object(text: str, path: Path, *, max_bytes: int) -> None:
    """Copy an object to a file.

    Raises: ForecastError: as `copy_data`.
    """
    location = Location.parse(text)
    with as_forecast_error(location.place, location.kind):
        if location.kind == "https":
            with path.open("wb") as file:
                web.download(location, file, max_bytes=max_bytes)
            return
        from pyarrow import fs  # type: ignore[import-untyped]

        filesystem = location.open()
        info = filesystem.get_file_info(location.path)
        if info.type != fs.FileType.File:
            raise FileNotFoundError(location.path)
        if info.size > max_bytes:
            raise InputError(f"{location.place}: {info.size:,} bytes are too many", hint="check the address")
        _download(filesystem, location.path, path)


def upload_file(path: Path, text: str) -> None:
    """Copy a complete file to an address, where it replaces an earlier object at once.

    Raises:
        UsageError: the address is on a web server, contains credentials, or names no object.
        OutputError: the bucket is missing, or this user may not write there.
        DependencyError: the store cannot be reached.
    """
    from pyarrow import fs

    location = parse_output(text)
    with as_forecast_error(location.place, location.kind, is_writing=True):
        fs.copy_files(str(path), location.path, fs.LocalFileSystem(), location.open(), use_threads=False)


def write_object(content: bytes, text: str) -> None:
    """Write an object by one request; see `upload_file` for the errors."""
    with tempfile.NamedTemporaryFile(prefix="forecast-") as file:
        file.write(content)
        file.flush()
        upload_file(Path(file.name), text)


def delete_object(text: str) -> None:
    """Delete an object, if it exists; see `upload_file` for the errors."""
    location = parse_output(text)
    with as_forecast_error(location.place, location.kind, is_writing=True):
        filesystem = location.open()
        with contextlib.suppress(FileNotFoundError):
            filesystem.delete_file(location.path)


@contextlib.contextmanager
def open_object(text: str) -> Iterator[Any]:
    """Open an object of a store as a file of Arrow, which reads only what is needed; see `copy_data` for the errors."""
    location = Location.parse(text)
    with as_forecast_error(location.place, location.kind), location.open().open_input_file(location.path) as file:
        yield file


def check_bucket(text: str) -> None:
    """Check that a bucket exists and can be reached, before any work; see `upload_file` for the errors."""
    from pyarrow import fs

    location = parse_output(text)
    with as_forecast_error(location.place, location.kind, is_writing=True):
        if location.open().get_file_info(location.bucket).type == fs.FileType.NotFound:
            raise FileNotFoundError(location.bucket)


def parse_output(text: str) -> Location:
    """Parse the address of an output.

    Raises: UsageError: it cannot be written to.
    """
    location = Location.parse(text)
    if is_web_address(text):
        raise UsageError(
            f"{location.place}: {text.partition(':')[0]} addresses can be read, not written",
            hint="name a file, or an address such as s3://BUCKET/NAME",
        )
    if not location.key or glob.has_magic(location.key):
        raise UsageError(f"{location.place}: names no single object", hint=f"write it as {location.kind}://BUCKET/NAME")
    return location


def _list(filesystem: object, location: Location, folder: Path) -> tuple[list[_Object], str]:
    """Return the objects that a location names, and the local source that stands for it in a folder."""
    from pyarrow import fs

    key = PurePosixPath(location.key)
    if glob.has_magic(location.key):
        first = next(number for number, part in enumerate(key.parts) if glob.has_magic(part))
        base = "/".join([location.bucket, *key.parts[:first]])
        pattern = key.parts[first:]
        objects = [each for each in _list_folder(filesystem, base) if _matches(PurePosixPath(each.name).parts, pattern)]
        source = str(folder.joinpath(*pattern))
    else:
        info = filesystem.get_file_info(location.path)  # type: ignore[attr-defined]
        if info.type == fs.FileType.File:
            return [_Object(location.path, key.name, info.size)], str(folder / key.name)
        objects = [each for each in _list_folder(filesystem, location.path) if _is_read(each.name)]
        source = str(folder)
    if not objects:
        raise InputError(f"{location.place}: no object matches", hint="check the bucket and the name")
    return objects, source


def _list_folder(filesystem: object, base: str) -> list[_Object]:
    from pyarrow import fs

    infos = filesystem.get_file_info(fs.FileSelector(base, recursive=True))  # type: ignore[attr-defined]
    return [
        _Object(info.path, info.path.removeprefix(base).lstrip("/"), info.size)
        for info in infos
        if info.type == fs.FileType.File
    ]


def _is_read(name: str) -> bool:
    """Return True for what the reader of a local folder reads: its own files, and those of `key=value` folders."""
    return all("=" in part for part in PurePosixPath(name).parts[:-1])


def _matches(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Return True if a name matches a glob, in which `**` stands for any folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(parts[number:], pattern[1:]) for number in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def _check_name(location: Location, name: str) -> str:
    """Return the name of an object if it can be a file below a folder; others would lead out of it.

    Raises: InputError: it cannot.
    """
    parts = name.split("/")
    if "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise InputError(f"{location.place}: {name!r} cannot be copied to a file", hint="rename the object")
    return name


def _download(filesystem: object, source: str, path: Path) -> None:
    from pyarrow import fs

    path.parent.mkdir(parents=True, exist_ok=True)
    fs.copy_files(source, str(path), filesystem, fs.LocalFileSystem(), use_threads=False)
