"""Files on web servers, which can be read only."""

import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from forecaster.store.objects.location import Location

_SECONDS = 30
_BLOCK_BYTES = 1 << 20


def name_of(location: Location) -> str:
    """Return the name of the file at an address."""
    path = urllib.parse.urlsplit(location.text).path
    return urllib.parse.unquote(path.rstrip("/").rpartition("/")[2]) or "data"


def read(location: Location, *, max_bytes: int) -> bytes:
    """Return the content of a small file. An OSError passes."""
    with _open(location) as answer:
        content: bytes = answer.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ValueError(f"more than {max_bytes:,} bytes")
    return content


def download(location: Location, file: BinaryIO, *, max_bytes: int) -> None:
    """Copy a file from a server. An OSError passes.

    Raises: ValueError: the file is larger than `max_bytes`.
    """
    size = 0
    with _open(location) as answer:
        while block := answer.read(_BLOCK_BYTES):
            size += len(block)
            if size > max_bytes:
                raise ValueError(f"more than {max_bytes:,} bytes")
            file.write(block)
        expected = answer.headers.get("Content-Length")
    if expected is not None and int(expected) != size:
        raise OSError(f"the connection ended after {size:,} of {int(expected):,} bytes")


@contextmanager
def _open(location: Location) -> Iterator[Any]:
    request = urllib.request.Request(location.text, headers={"User-Agent": "forecast-rnn"})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        error.close()
        raise OSError(f"HTTP {error.code}") from error
    except urllib.error.URLError as error:
        raise OSError(str(error.reason)) from error
    except http.client.HTTPException as error:
        raise OSError(f"the server broke off: {type(error).__name__}") from error
