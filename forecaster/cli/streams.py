"""The standard streams of the process, which may be closed, full, or of any encoding.

A reader that closes the pipe early is no error. A closed stream reads or writes nothing. A full standard output is an
error, and a full standard error is none. Tables and other text for programs are UTF-8 whatever the encoding is; JSON is
UTF-8, or ASCII where the encoding is another one; text for people has `?` for characters that the encoding lacks.
"""

import codecs
import contextlib
import errno
import io
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import BinaryIO, TextIO

from forecaster.cli.control_characters import escape_controls, escape_controls_in_json
from forecaster.errors import OutputError

_HINT = "free some disk space, or name a file with --out"


class _Stdout(io.TextIOWrapper):
    """Standard output that ignores a closed pipe, and reports another failure as an OutputError."""

    def write(self, text: str) -> int:
        with _report_errors(self):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with _report_errors(self):
            super().flush()


class _QuietStderr(io.TextIOWrapper):
    """Standard error that discards what cannot be written: a full log must not stop a run."""

    def write(self, text: str) -> int:
        with _ignore_errors(self):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with _ignore_errors(self):
            super().flush()


def prepare() -> None:
    """Open the null device in place of closed streams, and let no character or full disk end the process."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # otherwise a data file could get the number of the stream
            _discard(number)
    if isinstance(sys.stdout, io.TextIOWrapper):
        stdout = sys.stdout
        sys.stdout = _Stdout(
            stdout.buffer,
            stdout.encoding,
            errors="replace",
            line_buffering=stdout.line_buffering,
            write_through=stdout.write_through,
        )
    if isinstance(sys.stderr, io.TextIOWrapper):
        stderr = sys.stderr
        sys.stderr = _QuietStderr(stderr.buffer, stderr.encoding, errors="backslashreplace", line_buffering=True)
    elif sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115


def stdin() -> BinaryIO | None:
    """Return the bytes of standard input; None if it is closed."""
    return sys.stdin.buffer if sys.stdin else None


def stdout_encoding() -> str:
    """Return the encoding of standard output."""
    return (sys.stdout and sys.stdout.encoding) or "utf-8"


@contextlib.contextmanager
def until_closed(*, is_needed: bool = False) -> Iterator[None]:
    """Write to stdout until its reader closes the pipe, which is no error.

    Args:
        is_needed: if True, a stdout that was closed before is an error.

    Raises: OutputError: the disk is full, for example.
    """
    if sys.stdout is None and is_needed:
        raise _error(OSError(errno.EBADF, "it is closed"))
    with _report_errors(sys.stdout):
        yield
        if sys.stdout:
            sys.stdout.flush()


def write_json(document: Mapping[str, object] | str) -> None:
    """Write a document, or the text of one, as a line to stdout."""
    text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False, allow_nan=False)
    if codecs.lookup(stdout_encoding()).name != "utf-8":
        text = re.sub(r"[^\x00-\x7f]", lambda match: json.dumps(match[0])[1:-1], text)
    _write(escape_controls_in_json(text) + "\n")


def write_view(text: str) -> None:
    """Write text for people to stdout."""
    _write(text)


def write_text(text: str) -> None:
    """Write text for programs to stdout: the bytes of its UTF-8, but for a terminal without control characters."""
    if sys.stdout and not sys.stdout.isatty() and hasattr(sys.stdout, "buffer"):
        sys.stdout.flush()
        sys.stdout.buffer.write(_encode(text))
    else:
        _write(escape_controls(text))


def discard_stderr() -> None:
    """Write nothing to stderr from now on."""
    _discard(sys.stderr.fileno())


def flush_stdout(code: int) -> int:
    """Write what remains for stdout at the end of the process.

    Args:
        code: the exit code so far.

    Returns: the exit code: that of an OutputError if stdout cannot be written and nothing else has failed.
    """
    try:
        with until_closed():
            pass
    except OutputError as error:
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)  # noqa: T201
        return code or error.code
    return code


def _write(text: str) -> None:
    if sys.stdout:
        sys.stdout.write(text.encode(stdout_encoding(), "replace").decode(stdout_encoding(), "replace"))


def _encode(text: str) -> bytes:
    """Return text as UTF-8; undecodable bytes of file names are as they were."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _error(error: OSError) -> OutputError:
    return OutputError(f"standard output: cannot write: {error.strerror}", hint=_HINT)


@contextlib.contextmanager
def _report_errors(stream: TextIO) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        _discard(stream.fileno())
    except OSError as error:
        _discard(stream.fileno())
        raise _error(error) from error


@contextlib.contextmanager
def _ignore_errors(stream: TextIO) -> Iterator[None]:
    try:
        yield
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            _discard(stream.fileno())


def _discard(number: int) -> None:
    """Connect a file descriptor with the null device."""
    handle = os.open(os.devnull, os.O_RDWR)
    if handle != number:
        os.dup2(handle, number)
        os.close(handle)
