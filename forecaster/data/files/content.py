"""The content of a file or a stream, of which only the parts that are needed are in memory.

A memory map would do the same, but the system kills a process that reads a mapped file after another has shortened it.
"""

import io
import os
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa  # type: ignore[import-untyped]

from forecaster.data.memory_limit import free_memory
from forecaster.errors import DataError, InputError

BLOCK_BYTES = 1 << 20
_MAX_STREAM_BYTES = 1 << 30
_SHARE_OF_MEMORY = 4  # the columns of a table need about three times the bytes of its text


class FileContent:
    """The bytes of a regular file, read from the disk each time; a file that has become shorter has fewer bytes."""

    def __init__(self, place: str, path: Path) -> None:
        """Prepare to read a file that errors call `place`. An OSError passes."""
        self._place, self._path = place, path
        with path.open("rb") as file:
            self._identity = _identify(file)
            self._size = os.fstat(file.fileno()).st_size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        begin, end, _ = part.indices(self._size)
        with self.open() as file:
            file.seek(begin)
            return file.read(max(end - begin, 0))

    def open(self) -> BinaryIO:
        """Open the file.

        Raises: InputError: another file is in its place.
        """
        try:
            file = self._path.open("rb")
        except OSError as error:
            raise InputError(f"{self._place}: {error.strerror}", hint="run the command again") from error
        if _identify(file) != self._identity:
            file.close()
            raise InputError(f"{self._place}: was replaced while it was read", hint="run the command again")
        return file

    def find(self, byte: bytes, begin: int = 0, end: int | None = None) -> int:
        """Return the first position of a byte within a range; -1 if there is none."""
        with self.open() as file:
            file.seek(begin)
            end = self._size if end is None else end
            while begin < end and (block := file.read(min(BLOCK_BYTES, end - begin))):
                if (position := block.find(byte)) >= 0:
                    return begin + position
                begin += len(block)
        return -1


Content = bytes | FileContent


def to_arrow(content: Content) -> pa.NativeFile:
    """Return a file from which Arrow reads the content."""
    return pa.PythonFile(content.open()) if isinstance(content, FileContent) else pa.BufferReader(pa.py_buffer(content))


class LimitedStream:
    """A stream of unknown length, which ends in an error before its content fills the memory."""

    def __init__(self, source: str, stream: BinaryIO) -> None:
        self._source, self._stream = source, stream
        self._limit = min(_MAX_STREAM_BYTES, free_memory() // _SHARE_OF_MEMORY)
        self._count = 0

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes, or all if it is negative.

        Raises: DataError: the stream is longer than the limit.
        """
        content = bytearray()
        while (left := size - len(content) if size >= 0 else BLOCK_BYTES) > 0:
            block = self._stream.read(min(left, BLOCK_BYTES))
            if not block:
                break
            content += block
            self._count += len(block)
            if self._count > self._limit:
                raise DataError(
                    f"{self._source}: is longer than {self._limit >> 20:,} MiB, the limit for a stream",
                    hint="save it as a CSV or Parquet file, and name that file",
                )
        return bytes(content)


def join(head: bytes, stream: LimitedStream) -> BinaryIO:
    """Return a stream with the first bytes, which are read already."""
    return io.BufferedReader(_Joined(head, stream))


class _Joined(io.RawIOBase):
    """A stream whose first bytes are read already."""

    def __init__(self, head: bytes, stream: LimitedStream) -> None:
        self._head, self._stream = head, stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        block = self._head[: len(buffer)] or self._stream.read(len(buffer))
        self._head = self._head[len(buffer) :]
        buffer[: len(block)] = block
        return len(block)


def _identify(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino
