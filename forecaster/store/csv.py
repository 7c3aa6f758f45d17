"""Large frames as CSV."""

import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]

from forecaster.store.files import sync_file

ROWS_PER_FRAME = 100_000  # Text columns make frames of more rows too large for the memory.


def write_csv(path: Path, frames: Iterable[pd.DataFrame]) -> None:
    """Write frames with the same columns below each other, and wait until they are on disk.

    This is ten times as fast as pandas. NaN becomes an empty cell. If one text of a frame needs quotes, all texts of
    that frame get quotes. An OSError passes.
    """
    with path.open("wb") as file:
        for text in format_csv(frames):
            file.write(text)
        sync_file(file)


def to_csv(frame: pd.DataFrame) -> bytes:
    """Return the bytes that `write_csv` writes for a frame."""
    return b"".join(format_csv([frame]))


def format_csv(frames: Iterable[pd.DataFrame]) -> Iterator[bytes]:
    """Return the bytes that `write_csv` writes, frame by frame; those of the first frame begin with the header."""
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
