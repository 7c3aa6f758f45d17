"""Bundles at addresses.

    NAME/bundle.json           the hash of the bundle that readers read; written last
    NAME/<hash>/manifest.json  the files of that bundle, as in its folder
    NAME/<hash>/...

An object cannot be renamed, so every bundle has a folder of its own, and the small object `bundle.json` publishes it:
a reader sees the old bundle or the new one. A folder that another program has copied, without `bundle.json`, is read as
well.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

from forecaster.addresses import hide_secrets
from forecaster.errors import DependencyError, ForecastError, InputError, OutputError
from forecaster.store import bundle
from forecaster.store.bundle import Bundle
from forecaster.store.objects.failures import MissingObjectError
from forecaster.store.objects.location import Location
from forecaster.store.objects.transfer import (
    LocalCopy,
    download_object,
    parse_output,
    read_object,
    upload_file,
    write_object,
)
from forecaster.store.regular_files import MAX_BYTES, MAX_TEXT_BYTES

POINTER = "bundle.json"
_SCHEMA_VERSION = 1
_MAX_POINTER_BYTES = 1 << 16
_HASH = re.compile("[0-9a-f]{64}")


def upload(folder: Path, text: str) -> None:
    """Publish a bundle at an address, where it replaces an earlier one at once.

    Raises: ForecastError: as `transfer.upload_file`, and names the folder; readers still see the earlier bundle.
    """
    location = parse_output(text)
    trained = bundle.read(folder)
    base = f"{location.text}/{trained.hash}"
    pointer = bundle.json_bytes({"schema_version": _SCHEMA_VERSION, "bundle": trained.hash})
    try:
        for name in [*trained.manifest.files, bundle.MANIFEST]:
            upload_file(folder / name, f"{base}/{name}")
        write_object(pointer, f"{location.text}/{POINTER}")
    except (OutputError, DependencyError) as error:
        raise type(error)(f"{error.message}; the trained bundle is in {folder}", hint=error.hint) from error


def read(text: str) -> Bundle:
    """Copy the bundle at an address to a temporary folder, which exists as long as the result, and read it there.

    Raises:
        InputError: there is no bundle, it is damaged, or it may not be read.
        DependencyError: the store cannot be reached.
    """
    location, copy = Location.parse(text), LocalCopy()
    place = hide_secrets(location.text)
    expected = _read_pointer(location)
    base = location.text if expected is None else f"{location.text}/{expected}"
    folder = copy.folder / (location.key.rpartition("/")[2] or location.bucket)
    try:
        folder.mkdir()
        _download(base, place, bundle.MANIFEST, folder, MAX_TEXT_BYTES)
        for name in bundle.read_manifest(folder).files:
            _download(base, place, name, folder, min(MAX_BYTES, copy.free_bytes))
        result = bundle.read(folder)
        if expected is not None and result.hash != expected:
            raise InputError(f"{place}: is another bundle than {POINTER} names", hint="publish the bundle again")
    except ForecastError as error:
        error.message = error.message.replace(str(folder), place)
        error.args = (error.message,)
        raise
    return replace(result, address=place, copy=copy)


def _read_pointer(location: Location) -> str | None:
    """Return the hash of the published bundle; None if the address has no pointer."""
    try:
        content = read_object(f"{location.text}/{POINTER}", max_bytes=_MAX_POINTER_BYTES)
    except MissingObjectError:
        return None
    try:
        values = json.loads(content)
        version, digest = int(values["schema_version"]), str(values["bundle"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{location.place}: {POINTER} is damaged", hint="publish the bundle again") from error
    if version > _SCHEMA_VERSION:
        raise InputError(
            f"{location.place}: schema {version} is newer than this program reads ({_SCHEMA_VERSION})",
            hint="upgrade with `pip install --upgrade forecast-rnn`",
        )
    if not _HASH.fullmatch(digest):
        raise InputError(f"{location.place}: {POINTER} is damaged", hint="publish the bundle again")
    return digest


def _download(base: str, place: str, name: str, folder: Path, max_bytes: int) -> None:
    try:
        download_object(f"{base}/{name}", folder / name, max_bytes=max_bytes)
    except MissingObjectError as error:
        if name != bundle.MANIFEST:
            raise
        hint = f"publish one with `forecast train DATA --out {place}`, or name another with --bundle"
        raise InputError(f"{place}: no such bundle", hint=hint) from error
