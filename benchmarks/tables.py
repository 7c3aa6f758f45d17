"""Write long tables for the benchmarks.

python -m benchmarks.tables large FILE.csv [--series 10000] [--steps 500]
python -m benchmarks.tables one FILE.csv --data F

large    hourly series with a daily season and noise; a series is the same however many there are
one      a series of another long table (columns unique_id, ds, y), its rows unchanged
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]

_BLOCK = 1000  # series that are generated together


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["large", "one"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--data", type=Path, help="the table from which to copy one series")
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=500)
    arguments = parser.parse_args(argv)
    if arguments.what == "large":
        write_large(arguments.file, series=arguments.series, steps=arguments.steps)
    elif arguments.data:
        write_one(arguments.file, arguments.data)
    else:
        parser.error("one needs --data FILE")


def write_large(path: Path, *, series: int, steps: int) -> None:
    """Write hourly series of `steps` rows each, 35 bytes per row."""
    hours = np.datetime64("2024-01-01T00", "s") + np.arange(steps) * np.timedelta64(3600, "s")
    schema = pa.schema([("unique_id", pa.string()), ("ds", pa.timestamp("s")), ("y", pa.float64())])
    options = pa.csv.WriteOptions(quoting_style="none")
    with pa.csv.CSVWriter(path, schema, write_options=options) as writer:
        for first in range(0, series, _BLOCK):
            count = min(_BLOCK, series - first)
            draw = np.random.default_rng([7, first])
            size, phase = draw.uniform(20, 200, (_BLOCK, 1)), draw.uniform(0, 2 * np.pi, (_BLOCK, 1))
            noise = 0.05 * draw.normal(size=(_BLOCK, steps))
            y = size * (1 + 0.3 * np.sin(2 * np.pi * np.arange(steps) / 24 + phase) + noise)  # [_BLOCK, T]
            names = np.repeat([f"S{number:05}" for number in range(first, first + count)], steps)
            columns = [pa.array(names), pa.array(np.tile(hours, count)), pa.array(y[:count].round(3).ravel())]
            writer.write_table(pa.table(columns, schema))


def write_one(path: Path, data: Path) -> None:
    """Write the rows of the first among the series that end last."""
    header, *rows = data.read_text("utf-8").splitlines(keepends=True)
    ends = {key: stamp for key, stamp, _ in (row.split(",", 2) for row in rows)}
    first = max(ends, key=ends.__getitem__)
    path.write_text(header + "".join(row for row in rows if row.startswith(f"{first},")), "utf-8")


if __name__ == "__main__":
    main()
