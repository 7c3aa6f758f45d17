"""Forecasts tables as files. This module loads little, so that `forecast predict` starts fast."""

import io
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import pandas as pd

from forecaster.events import ForecastsWritten, Watch, ignore
from forecaster.store import workbook
from forecaster.store.csv import to_csv, write_csv
from forecaster.store.files import atomic_file
from forecaster.store.parquet import write_parquet


def publish(frames: Iterable[pd.DataFrame], out: Path | str, *, watch: Watch = ignore) -> None:
    """Write a forecasts table frame by frame, as Parquet, a workbook or CSV by its name, and atomically.

    Args:
        frames: each with all rows of its series.
        out: a file, or an address as text.

    Raises:
        OutputError: the table cannot be written; an earlier file is still there.
        DependencyError: the store of the address cannot be reached.
    """
    series = rows = 0

    def count_rows() -> Iterator[pd.DataFrame]:
        nonlocal series, rows
        for frame in frames:
            series, rows = series + frame["unique_id"].nunique(), rows + len(frame)
            yield frame

    suffix = PurePosixPath(out).suffix
    write = {".parquet": write_parquet, ".xlsx": workbook.write_workbook}.get(suffix, write_csv)
    if isinstance(out, str):
        from forecaster.store.objects.transfer import upload_file

        with tempfile.TemporaryDirectory(prefix="forecast-") as folder:
            write(Path(folder) / "table", count_rows())
            upload_file(Path(folder) / "table", out)
    else:
        with atomic_file(out) as temporary:
            write(temporary, count_rows())
    watch(ForecastsWritten(str(out), series, rows))


def render(frame: pd.DataFrame, out: Path) -> bytes:
    """Return a table as the content of a file: Parquet if the name ends in `.parquet`, otherwise CSV."""
    if out.suffix != ".parquet":
        return to_csv(frame)
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()
