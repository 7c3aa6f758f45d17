"""Compressed files: gzip, bzip2, xz, zstd, and zip archives of one file."""

import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast

import pyarrow as pa  # type: ignore[import-untyped]

from forecaster.errors import DataError

ZIP = b"PK\x03\x04"
SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zip")
# `zipfile` computes with the numbers of damaged archives before it checks them.
_ZIP_ERRORS = (zipfile.BadZipFile, ValueError, KeyError, NotImplementedError, struct.error)
ERRORS = (EOFError, OSError, RuntimeError, zlib.error, lzma.LZMAError, pa.ArrowException, *_ZIP_ERRORS)


@dataclass(frozen=True)
class Compression:
    """A way to compress one stream.

    Attributes:
        name: for messages.
        magic: the first bytes.
        open: opens the decompressed stream.
    """

    name: str
    magic: bytes
    open: Callable[[BinaryIO], BinaryIO]


_COMPRESSIONS = (
    Compression("gzip", b"\x1f\x8b", lambda stream: cast(BinaryIO, gzip.GzipFile(fileobj=stream))),
    Compression("bzip2", b"BZh", lambda stream: cast(BinaryIO, bz2.BZ2File(stream))),
    Compression("xz", b"\xfd7zXZ", lambda stream: cast(BinaryIO, lzma.LZMAFile(stream))),  # noqa: SIM115
    Compression("zstd", b"\x28\xb5\x2f\xfd", lambda stream: pa.CompressedInputStream(pa.PythonFile(stream), "zstd")),
)


def find_compression(head: bytes) -> Compression | None:
    """Return the compression of a stream with these first bytes; None if it is not compressed."""
    return next((each for each in _COMPRESSIONS if head.startswith(each.magic)), None)


def strip_suffix(name: str) -> str:
    """Return the name of a file without that of its compression."""
    suffix = next((each for each in SUFFIXES if name.lower().endswith(each)), "")
    return name[: len(name) - len(suffix)]


def is_workbook(content: bytes) -> bool:
    """Return True if a zip archive is a workbook of Excel or LibreOffice.

    Raises: zipfile.BadZipFile: the archive is damaged.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = set(archive.namelist())
    return "content.xml" in names or any(name.startswith("xl/workbook.") for name in names)


def open_member(source: str, content: bytes) -> BinaryIO:
    """Open the only file of a zip archive.

    Args:
        source: names the archive in errors.

    Raises:
        DataError: the archive has several files, or a password.
        zipfile.BadZipFile: the archive is damaged.
    """
    archive = zipfile.ZipFile(io.BytesIO(content))
    files = [each for each in archive.infolist() if not each.is_dir() and not _is_metadata(each.filename)]
    if len(files) != 1:
        names = ", ".join(each.filename for each in files[:5])
        raise DataError(
            f"{source}: the zip archive has {len(files)} files{f': {names}' if files else ''}",
            hint="extract the archive, and name the file with the table",
        )
    if files[0].flag_bits & 1:
        raise DataError(f"{source}: the zip archive has a password", hint="extract it, and name the file")
    return cast(BinaryIO, archive.open(files[0]))


def _is_metadata(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".")
