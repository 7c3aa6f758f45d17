"""Large tables as CSV."""

import contextlib
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

from forecaster.store.files import sync_file

ROWS = 100_000  # of a frame, which texts make large


def write_csv(path: Path, frames: Iterable[pd.DataFrame]) -> None:
    """Write frames of the same columns, one below the other, and wait until the disk has them.

    Ten times as fast as pandas. NaN becomes an empty cell. The texts of a frame are quoted, all of them, where a single
    one needs it. An OSError passes.
    """
    with path.open("wb") as file:
        for text in csv_texts(frames):
            file.write(text)
        sync_file(file)


def write_parquet(path: Path, frames: Iterable[pd.DataFrame]) -> None:
    """Write frames of the same columns, a row group each, and wait until the disk has them. An OSError passes."""
    with path.open("wb") as file, contextlib.ExitStack() as stack:
        writer = None
        for frame in frames:
            columns = pa.Table.from_pandas(frame, preserve_index=False)
            writer = writer or stack.enter_context(pyarrow.parquet.ParquetWriter(file, columns.schema))
            writer.write_table(columns)
        stack.close()
        sync_file(file)


def to_csv(frame: pd.DataFrame) -> bytes:
    """Lay a frame out as `write_csv` does."""
    return b"".join(csv_texts([frame]))


def csv_texts(frames: Iterable[pd.DataFrame]) -> Iterator[bytes]:
    """Lay frames out as `write_csv` does: the text of each, the first one's with the header."""
    for number, frame in enumerate(frames):
        buffer = io.BytesIO()
        if number == 0:
            buffer.write((",".join(frame.columns) + "\n").encode())
        style = "needed" if _needs_quotes(frame) else "none"
        options = pyarrow.csv.WriteOptions(include_header=False, batch_size=10_000, quoting_style=style)
        pyarrow.csv.write_csv(pa.Table.from_pandas(frame, preserve_index=False), buffer, options)
        yield buffer.getvalue()


def _needs_quotes(frame: pd.DataFrame) -> bool:
    texts = (frame[name].unique() for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name]))
    return any(re.search('[",\r\n]', str(text)) for distinct in texts for text in distinct)
