"""Mutated files of other formats than text: compressed, JSON, Arrow, workbooks."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

from benchmarks.fuzz_inputs import Random, mutate_bytes

_DAYS = pd.date_range("2024-01-01", periods=60)
_FRAME = pd.DataFrame({"id": ["001"] * 60 + ["002"] * 60, "day": [*_DAYS, *_DAYS], "y": [n / 4 for n in range(120)]})


def make_file(random: Random) -> bytes:
    """Return a file with a few mutations of its bytes."""
    content = bytearray(_content(random.choice(sorted(_FORMATS))))
    for _ in range(random.few(8)):
        mutate_bytes(content, random)
    return bytes(content)


@cache
def _content(name: str) -> bytes:
    return _FORMATS[name]()


def _csv() -> bytes:
    return _FRAME.to_csv(index=False).encode()


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("table.csv", _csv())
    return stream.getvalue()


def _rows() -> list[dict[str, object]]:
    return [{"id": row.id, "day": f"{row.day:%Y-%m-%d}", "y": row.y} for row in _FRAME.itertuples()]


def _arrow(open_writer: Callable[..., Any]) -> bytes:
    table, sink = pa.Table.from_pandas(_FRAME), pa.BufferOutputStream()
    with open_writer(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _parquet() -> bytes:
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pandas(_FRAME), stream)
    return stream.getvalue()


def _workbook() -> bytes:
    stream = io.BytesIO()
    _FRAME.to_excel(stream, index=False)
    return stream.getvalue()


_FORMATS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: gzip.compress(_csv()),
    "bzip2": lambda: bz2.compress(_csv()),
    "xz": lambda: lzma.compress(_csv()),
    "zstd": lambda: pa.compress(_csv(), codec="zstd", asbytes=True),
    "zip": _zip,
    "json lines": lambda: "\n".join(map(json.dumps, _rows())).encode(),
    "json": lambda: json.dumps(_rows()).encode(),
    "arrow file": lambda: _arrow(pa.ipc.new_file),
    "arrow stream": lambda: _arrow(pa.ipc.new_stream),
    "parquet": _parquet,
    "workbook": _workbook,
}
