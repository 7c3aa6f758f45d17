"""Tables of other commands, read as rows of forecasts beside actual values (see `evaluation.scored_rows`)."""

import io
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.errors import InputError
from forecaster.evaluation.metrics import seasonal_error
from forecaster.evaluation.scored_rows import BASELINES, QUANTILES
from forecaster.frequency import DAY, HOUR, MINUTE, WEEK, Frequency, Ints
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.panel import Floats, Panel

_NUMBERS = ("y", "mean", *QUANTILES.values())
_COLUMNS = ("unique_id", "ds", "y", "cutoff", "step", "model", *_NUMBERS[1:], "status")
_UNITS = {WEEK: "week", DAY: "day", HOUR: "hour", MINUTE: "minute"}
_MONTHS = {1: "month", 3: "quarter", 12: "year"}


def parse_rows(content: bytes, place: Path) -> pd.DataFrame:
    """Read holdout.csv or backtest.csv; names and times stay text, integer times become numbers.

    Raises:
        InputError: the content is not such a table.
    """
    if not content.strip():  # every series was too short
        return pd.DataFrame({name: [] for name in (*_COLUMNS, "scale", *BASELINES)})
    try:
        rows = pd.read_csv(
            io.BytesIO(content),
            dtype={"unique_id": str, "ds": str, "cutoff": str, **dict.fromkeys(_NUMBERS, np.float64)},
            keep_default_na=False,
            na_values={name: [""] for name in _NUMBERS},
        )
        rows = rows[list(_COLUMNS)]
    except (ValueError, KeyError) as error:
        raise InputError(
            f"{place}: is not a table of forecasts beside actual values", hint="run the command that wrote it again"
        ) from error
    if len(rows) and rows["ds"].str.fullmatch(r"-?\d+").all():
        rows = rows.astype({"ds": np.int64, "cutoff": np.int64})
    return rows.assign(scale=np.nan, **dict.fromkeys(BASELINES, np.nan))


def add_baselines(rows: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Add the naive forecasts and the scale of errors to rows with one cutoff for each series.

    They stay NaN for series that the panel lacks, or whose cutoff it does not reach.
    """
    horizon = int(rows["step"].max()) if len(rows) else 0
    firsts = rows[rows["step"] == 1]
    if not horizon or len(firsts) * horizon != len(rows):
        return rows
    places = {name: place for place, name in enumerate(panel.ids)}
    indices = np.array([places.get(name, -1) for name in firsts["unique_id"]])
    stamps = parse_stamps(firsts["cutoff"], panel.frequency, panel.zone)
    visible_steps = np.zeros(len(indices), np.int64)
    is_known = indices >= 0
    visible_steps[is_known] = panel.frequency.index(panel.start[indices[is_known]], stamps[is_known]) + 1
    is_known &= (visible_steps > 0) & (visible_steps <= panel.lengths[indices])
    if not is_known.any():
        return rows
    selected = panel.select(indices[is_known])
    cut = selected.cut(selected.lengths - visible_steps[is_known])
    columns = {
        "scale": np.repeat(seasonal_error(cut, panel.season), horizon),
        "seasonal_naive": SeasonalNaive().predict(cut, horizon).median.ravel(),
        "naive": Naive().predict(cut, horizon).median.ravel(),
    }
    mask = np.repeat(is_known, horizon)
    filled = {}
    for name, values in columns.items():
        filled[name] = np.full(len(rows), np.nan)
        filled[name][mask] = values
    return rows.assign(**filled)


def parse_stamps(texts: pd.Series, frequency: Frequency, zone: str | None) -> Ints:
    """Parse timestamps that `Frequency.format` wrote."""
    if frequency.is_integer:
        return texts.to_numpy(np.int64)
    if zone is None:
        return pd.to_datetime(texts, format="ISO8601").to_numpy("datetime64[us]").astype(np.int64)
    if frequency.is_wall_clock:
        texts = texts.str.replace(r"(Z|[+-]\d\d:?\d\d(:\d\d)?)$", "", regex=True)
        return pd.to_datetime(texts, format="ISO8601").to_numpy("datetime64[us]").astype(np.int64)
    moments = pd.to_datetime(texts, format="ISO8601", utc=True)
    return moments.dt.tz_localize(None).to_numpy("datetime64[us]").astype(np.int64)


def unit_of(frequency: Frequency) -> str:
    """Return the length of a step in words, for `12 months`; `step` if there is no word for it."""
    if frequency.days:
        return "step"
    if frequency.kind == "business" and not frequency.times:
        return "business day" if frequency.name == "B" else "trading day"
    names = {"fixed": _UNITS, "months": _MONTHS}.get(frequency.kind, {})
    return names.get(frequency.every, "step")


def past_of(panel: Panel, series: int, steps: int) -> tuple[list[object], Floats]:
    """Return the last steps of a series: times as text (or integers), and values."""
    begin = max(int(panel.begin[series]), int(panel.end[series]) - steps)
    index = np.arange(begin, int(panel.end[series])) - panel.begin[series]
    stamps = panel.frequency.format(panel.frequency.timestamps(panel.start[series], index), panel.zone)
    return stamps.tolist(), panel.values[begin : panel.end[series], 0]
