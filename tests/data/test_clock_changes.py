"""Local times of a zone whose clocks change are read once the zone is known, and the error names one."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.config import DataConfig
from forecaster.config.table_format import TableFormat
from forecaster.data.load import LoadedData, load
from forecaster.errors import DataError

ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "Australia/Sydney")
Writer = Callable[[pd.DatetimeIndex], pd.DataFrame]


def number_periods(index: pd.DatetimeIndex, minutes: int) -> pd.DataFrame:
    """Number the periods of each local day from 1."""
    day = index.tz_localize(None).normalize()
    number = pd.Series(1, index=index).groupby(day).cumsum().to_numpy()
    return pd.DataFrame({"Settlement Date": day.strftime("%Y-%m-%d"), "Settlement Period": number})


WRITERS: dict[str, tuple[str, Writer]] = {
    "hourly clocks": ("1h", lambda index: pd.DataFrame({"time": index.strftime("%Y-%m-%d %H:%M")})),
    "quarter hours": ("15min", lambda index: pd.DataFrame({"time": index.strftime("%d.%m.%Y %H:%M")})),
    "date and clock": (
        "1h",
        lambda index: pd.DataFrame({"date": index.strftime("%Y-%m-%d"), "time": index.strftime("%H:%M")}),
    ),
    "half-hourly periods": ("30min", lambda index: number_periods(index, 30)),
    "quarter-hourly periods": ("15min", lambda index: number_periods(index, 15)),
    "hours since midnight": (
        "1h",
        lambda index: number_periods(index, 60).set_axis(["date", "hour"], axis=1),
    ),
}


def write(path: Path, kind: str, zone: str, *, backwards: bool = False) -> pd.DatetimeIndex:
    """Write the local times of more than a year with their numbers, and return the moments."""
    step, writer = WRITERS[kind]
    index = pd.date_range("2021-12-20", "2022-12-10", freq=step, tz=zone)
    frame = writer(index).assign(load=np.arange(len(index)) + 0.5)
    frame.iloc[:: -1 if backwards else 1].to_csv(path, index=False)
    return index


def read(path: Path, zone: str | None) -> LoadedData:
    return load(str(path), DataConfig(format=TableFormat(zone=zone)))


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("kind", WRITERS)
def test_every_row_is_at_its_moment(tmp_path: Path, kind: str, zone: str, backwards: bool) -> None:
    path = tmp_path / "load.csv"
    index = write(path, kind, zone, backwards=backwards)
    panel = read(path, zone).panel
    stamps = panel.frequency.timestamps(panel.start, np.arange(len(panel.values)))
    np.testing.assert_array_equal(stamps, index.tz_convert("UTC").tz_localize(None).as_unit("us").asi8)
    np.testing.assert_array_equal(panel.values[:, 0], np.arange(len(index), dtype=np.float32) + 0.5)
    assert panel.zone == zone
    assert panel.frequency.format(panel.cutoff, panel.zone)[0] == index[-1].isoformat()


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("kind", WRITERS)
def test_the_hint_leads_to_a_right_reading(tmp_path: Path, kind: str, zone: str) -> None:
    path = tmp_path / "load.csv"
    index = write(path, kind, zone)
    with pytest.raises(DataError, match=r"clocks went back") as failure:
        read(path, None)
    words = shlex.split(str(failure.value.hint).replace(",", ""))
    panel = read(path, words[words.index("--zone") + 1]).panel
    assert len(panel.values) == len(index)
    assert not np.isnan(panel.values).any()


def test_a_time_that_the_clocks_left_out_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    times = pd.date_range("2022-03-26", periods=72, freq="1h")
    pd.DataFrame({"time": times, "load": np.arange(72)}).to_csv(path, index=False)
    with pytest.raises(DataError, match="never showed 2022-03-27T02:00:00"):
        read(path, "Europe/Berlin")


def test_times_with_an_offset_are_shown_in_the_zone(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    times = pd.date_range("2022-03-26", periods=72, freq="1h", tz="UTC")
    pd.DataFrame({"time": times.strftime("%Y-%m-%dT%H:%MZ"), "load": np.arange(72)}).to_csv(path, index=False)
    panel = read(path, "Europe/Berlin").panel
    assert len(panel.values) == 72
    assert re.search(r"\+01:00$", panel.frequency.format(panel.start, panel.zone)[0])


def test_repeated_times_beyond_a_clock_change_are_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    write(path, "hourly clocks", "Europe/Berlin")
    text = path.read_text().splitlines()
    path.write_text("\n".join([*text, "2022-05-01 12:00,9"]))
    with pytest.raises(DataError, match=r"with different values$") as failure:
        read(path, None)
    assert "--duplicates" in str(failure.value.hint)
