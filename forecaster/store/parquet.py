"""Large frames as Parquet."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

from forecaster.store.files import sync_file


def write_parquet(path: Path, frames: Iterable[pd.DataFrame]) -> None:
    """Write frames with the same columns as one row group each, and wait until they are on disk. An OSError passes."""
    with path.open("wb") as file, contextlib.ExitStack() as stack:
        writer = None
        for frame in frames:
            table = pa.Table.from_pandas(frame, preserve_index=False)
            writer = writer or stack.enter_context(pyarrow.parquet.ParquetWriter(file, table.schema))
            writer.write_table(table)
        stack.close()
        sync_file(file)
