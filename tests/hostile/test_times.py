"""Times at the edges of what can be counted, and headers that take long to read."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.data.table import to_frame
from forecaster.errors import DataError
from forecaster.frequency import DAY, Frequency
from tests.cli.conftest import Forecast

INT64 = 2**63 - 1
# Times, and whether they can be read; None if only a traceback would be wrong.
TEXTS: dict[str, tuple[list[str], bool | None]] = {
    "an offset of 24 hours": ([f"2024-01-{day:02}T00:00:00+24:00" for day in range(1, 29)], False),
    "an offset of 99 hours": ([f"2024-01-{day:02}T00:00:00+99:99" for day in range(1, 29)], False),
    "a negative offset of 30 hours": ([f"2024-01-{day:02}T00:00:00-3000" for day in range(1, 29)], False),
    "an offset of 60 minutes": ([f"2024-01-{day:02}T00:00:00+01:60" for day in range(1, 29)], False),
    "an offset just below 24 hours": ([f"2024-01-{day:02}T00:00:00+23:59" for day in range(1, 29)], True),
    "two offsets of days": ([f"2024-01-{day:02}T00:00:00+{24 + day % 2}:00" for day in range(1, 29)], False),
    "one offset of 24 hours": (
        ["2024-01-01T00:00:00+24:00", *(f"2024-01-{day:02}T00:00:00+01:00" for day in range(2, 29))],
        False,
    ),
    "the year 0": ([f"0000-01-{day:02}" for day in range(1, 29)], False),
    "the first days": ([f"0001-01-{day:02}" for day in range(2, 29)], True),
    "the first days with a zone": ([f"0001-01-{day:02}T00:00:00+14:00" for day in range(3, 29)], True),
    "the last days": ([f"9999-12-{day:02}" for day in range(1, 29)], None),
    "the last years": ([f"{year}-01-01" for year in range(9980, 10000)], None),
    "all years": ([f"{year:04}-01-01" for year in range(1, 9000, 250)], None),
    "the last hours with a zone": ([f"9999-12-29T{hour:02}:00:00+01:00" for hour in range(24)], None),
    "from the first day to the last": (["0001-01-02", "9999-12-30", "0001-01-03"], None),
}
INTEGERS = {
    "all of int64": [-INT64, 0, INT64],
    "the largest": [INT64 - 2, INT64 - 1, INT64],
    "unsigned": [2**64 - 3, 2**64 - 2, 2**64 - 1],
    "two far apart": [0, 10**18],
    "far apart with a small step": [0, 1, 2, 3, 10**18],
    "beyond 10^18": [10**18 + step for step in range(20)],
    "of 30 digits": [10**30 + step * 10**29 for step in range(20)],
    "large steps": [step * 10**17 for step in range(10)],
    "negative": [-(10**18) + step for step in range(20)],
}


@pytest.mark.parametrize(("times", "is_readable"), TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("command", ["inspect", "train"])
def test_times_in_text(
    forecast: Forecast, tmp_path: Path, times: list[str], is_readable: bool | None, command: str
) -> None:
    write(tmp_path, times)
    done = run(forecast, command)
    assert done[0] in ((0, 65) if is_readable is None else (0,) if is_readable else (65,)), done[1]


@pytest.mark.parametrize("times", INTEGERS.values(), ids=INTEGERS)
@pytest.mark.parametrize("command", ["inspect", "train"])
def test_integer_times(forecast: Forecast, tmp_path: Path, times: list[int], command: str) -> None:
    write(tmp_path, times)
    code, err = run(forecast, command)
    assert code in (0, 65), err
    assert "Traceback" not in err


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_parquet(forecast: Forecast, tmp_path: Path, unit: str) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    for zone in (None, "UTC", "Europe/Berlin"):
        stamps = pa.array([INT64 // 1000 - 2, INT64 // 1000 - 1, INT64 // 1000, 0, 1], pa.timestamp(unit, zone))
        parquet.write_table(pa.table({"ds": stamps, "y": [1.0, 2, 3, 4, 5]}), tmp_path / "t.parquet")
        code, err = run(forecast, "inspect", "t.parquet")
        assert code in (0, 65, 66), err


@pytest.mark.parametrize("alias", ["integer", "D", "MS", "B", "YE", "999999999999D", "99999999999999999999MS"])
def test_a_named_frequency_that_leaves_the_range(forecast: Forecast, tmp_path: Path, alias: str) -> None:
    for times in (["2024-01-01", "2024-01-02", "2024-01-03"], [0, 1, 2]):
        write(tmp_path, times)
        code, err = run(forecast, "inspect", "t.csv", "--freq", alias)
        assert code in (0, 2, 65), err


@pytest.mark.parametrize(
    "frequency",
    [Frequency("integer", 10**17), Frequency("fixed", DAY), Frequency("months", 12), Frequency("business")],
    ids=lambda frequency: frequency.kind,
)
def test_steps_that_leave_the_range_are_refused(frequency: Frequency) -> None:
    start = np.array([0])
    assert len(frequency.timestamps(start, np.arange(5))) == 5
    for index in (10**7, -(10**7), 10**12):
        with pytest.raises(DataError, match="would leave"):
            frequency.timestamps(start, np.array([index]))


def test_equal_names_are_numbered_quickly() -> None:
    pa = pytest.importorskip("pyarrow")
    names = ["a"] * 5000 + ["b", "a.1", "a.5000", "", " b "]
    frame = to_frame(pa.table([pa.array([1.0])] * len(names), names=names))
    assert len(set(frame.columns)) == len(names)
    assert list(frame.columns[:3]) == ["a", "a.1", "a.2"]
    assert list(frame.columns[-5:]) == ["b", "a.1.1", "a.5000", "column5004", "b.1"]


@pytest.mark.parametrize("name", ["c{}", "a", ""])
def test_a_header_of_70005_fields_over_a_row_of_four_is_refused(forecast: Forecast, tmp_path: Path, name: str) -> None:
    (tmp_path / "t.csv").write_text(",".join(name.format(number) for number in range(70_005)) + "\n1,2,3,4\n")
    code, err = run(forecast, "inspect")
    assert (code, "line 2 has 4 fields" in err) == (65, True)


def write(folder: Path, times: list[str] | list[int]) -> None:
    frame = pd.DataFrame({"ds": [str(time) for time in times], "y": np.arange(len(times)) % 7 + 1.0})
    frame.to_csv(folder / "t.csv", index=False)


def run(forecast: Forecast, command: str, data: str = "t.csv", *flags: str) -> tuple[int, str]:
    flags = (*flags, "--model", "naive") if command == "train" else flags
    done = forecast(command, data, *flags)
    return done.code, done.err


@pytest.mark.parametrize("flags", [[], ["--time", "none"], ["--id", "name"]], ids=str)
def test_ids_without_any_name_are_refused(forecast: Forecast, tmp_path: Path, flags: list[str]) -> None:
    rows = [f"2024-01-{day:02},,{day}\n" for day in range(1, 20)]
    (tmp_path / "t.csv").write_text("ds,unique_id,y\n" + "".join(rows))
    code, err = run(forecast, "inspect", "t.csv", *flags)
    assert code in ((65,) if "--id" not in flags else (2, 65)), err
    assert "Traceback" not in err
