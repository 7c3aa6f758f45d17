"""The cutoffs of a foreign table's forecasts: from a flag, from a column, inferred, or those of overridden runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from forecaster.data.forecast_table import ForecastRows, place_on_clock
from forecaster.errors import DataError, UsageError, did_you_mean
from forecaster.evaluation.value_added import NAMES
from forecaster.frequency import Ints
from forecaster.store.ledger import queries, sources
from forecaster.workflows.ledger.scope import LedgerScope
from forecaster.workflows.ledger.source_cells import Grid, find_step

_SAME = 1e-6  # relative difference of two values that were written with seven digits


@dataclass(frozen=True)
class SourceRequest:
    """The forecasts to record.

    Attributes:
        source: the name of whoever made them.
        cutoff: the last time that was known when they were made, as text; None if a column has it, or to infer it.
        cutoff_column: the column of cutoffs; None to find it by its name.
        is_override: True for changes of the job's own forecasts.
        run: the key of the run that is overridden; None for the newest one up to the cutoff.
        is_replacing: True to record other values than the recorded ones as revisions.

    Raises: UsageError: the name is empty or that of a step of the process, or options contradict each other.
    """

    source: str
    cutoff: str | None = None
    cutoff_column: str | None = None
    is_override: bool = False
    run: str | None = None
    is_replacing: bool = False

    def __post_init__(self) -> None:
        if not self.source.strip() or self.source in NAMES:
            raise UsageError(
                f"--source {self.source!r}: is not a name for a source", hint="pass another, such as --source planner"
            )
        if self.cutoff is not None and self.cutoff_column is not None:
            raise UsageError("--cutoff and --cutoff-column exclude each other", hint="leave one of them out")
        if self.run is not None and not self.is_override:
            raise UsageError("--run names the run that --overrides change", hint="add --overrides, or leave --run out")
        if self.run is not None and (self.cutoff is not None or self.cutoff_column is not None):
            raise UsageError("--run already says which forecasts are overridden", hint="leave the cutoff out")


@dataclass(frozen=True)
class ForeignTable:
    """A table of forecasts, and the job beside whose forecasts they are recorded.

    Attributes:
        place: names the table in errors.
        note: receives notes for the user.
    """

    scope: LedgerScope
    grid: Grid
    rows: ForecastRows
    place: str
    note: Callable[[str], None]

    def find_cutoffs(self, cells: pd.DataFrame, request: SourceRequest) -> pd.DataFrame:
        """Add `cutoff_at` and `step`, and leave out what is not ahead of a cutoff that the user named.

        Raises: DataError: a forecast is not ahead of the cutoff of its row, or none is ahead of that of the user.
        """
        anchor, at = cells["anchor"].to_numpy(np.int64), cells["at"].to_numpy(np.int64)
        if request.cutoff is not None:
            named = np.full(len(cells), self.grid.parse(request.cutoff, "--cutoff"))
            cutoff, reason = find_step(self.grid, anchor, named), f"--cutoff {request.cutoff}"
        elif self.rows.cutoffs is not None:
            cutoff, reason = self._read_cutoffs(cells), "its column"
        else:
            cutoff, reason = self._infer_cutoffs(cells), "the last known actual before the first forecast"
        first, last = self.grid.format(np.array([cutoff.min(), cutoff.max()]))
        text = f"cutoff {first}" if first == last else f"cutoffs {first} to {last}"
        self.note(text if request.cutoff == first == last else f"{text}, by {reason}")
        if request.cutoff is None and self.rows.cutoffs is None:
            self.note("--cutoff or --cutoff-column overrides this guess")
        is_past = at <= cutoff
        if is_past.all() or (is_past.any() and request.cutoff is None):
            position = int(np.flatnonzero(is_past)[0])
            times = self.grid.format(np.array([at[position], cutoff[position]]))
            raise DataError(
                f"{self.rows.place(int(cells['row'].iloc[position]))}: a forecast for {times[0]} is not ahead of its "
                f"cutoff {times[1]}",
                hint="remove the rows that were known already, or pass another --cutoff or --cutoff-column",
            )
        if is_past.any():
            self.note(f"{int(is_past.sum())} cells up to the cutoff are no forecasts, left out")
        step = self.grid.frequency.index(cutoff, at)
        return cells.assign(cutoff_at=cutoff, step=step, run_id=np.nan, is_ours=False)[~is_past]

    def find_runs(self, cells: pd.DataFrame, request: SourceRequest) -> pd.DataFrame:
        """Add the run that each override changes: `run_id`, and the `cutoff_at` and `step` of its forecast.

        Raises:
            UsageError: there is no such run.
            DataError: the run has no forecast to override.
        """
        job, ledger = self.scope.job_name, self.scope.ledger
        until: Ints | None = None
        if request.cutoff is not None:
            named = np.full(len(cells), self.grid.parse(request.cutoff, "--cutoff"))
            until = find_step(self.grid, cells["anchor"].to_numpy(np.int64), named)
        elif request.run is None and self.rows.cutoffs is not None:
            until = self._read_cutoffs(cells)
        groups = [(None, cells)] if until is None else [*cells.groupby(until)]
        parts = []
        for cutoff, part in groups:
            run = sources.find_run(ledger, job, key=request.run, until=None if cutoff is None else int(cutoff))
            if run is None:
                raise self._no_run(request, None if cutoff is None else int(cutoff))
            run_cells = sources.read_run_cells(ledger, run[0])
            joined = part.merge(run_cells.drop(columns="cutoff"), how="left", on=["series_id", "at"])
            self._refuse_without_forecast(joined, run_cells, run[1])
            distances = joined[["mean", "median"]].sub(joined["value"], axis=0).abs()
            is_ours = distances.min(axis=1) <= _SAME * joined["mean"].abs()
            parts.append(joined.assign(run_id=float(run[0]), is_ours=is_ours).drop(columns=["mean", "median"]))
            self.note(f"overrides run {run[1]}, cutoff {self.grid.format(np.array([joined['cutoff_at'].max()]))[0]}")
        if self.rows.quantiles:
            self.note("quantiles of overrides are left out")
        overridden: pd.DataFrame = pd.concat(parts).astype({"cutoff_at": np.int64, "step": np.int64})
        return overridden

    def merge_duplicates(self, cells: pd.DataFrame, policy: str) -> pd.DataFrame:
        """Merge the forecasts of a series for the same time from the same cutoff; equal ones count once.

        Raises: DataError: they differ, and the policy is `error`; names the second line.
        """
        key = ["series_id", "at", "cutoff_at"]
        if policy in ("sum", "mean"):
            values = cells.groupby(key)["value"].agg(policy).rename("merged")
            merged = cells.drop_duplicates(key).merge(values, left_on=key, right_index=True)
            return merged.assign(value=merged["merged"]).drop(columns="merged")
        repeated = int(cells.duplicated([*key, "value"]).sum())
        if repeated:
            self.note(f"{repeated} repeated {'row' if repeated == 1 else 'rows'}, dropped")
        cells = cells.drop_duplicates([*key, "value"])
        is_repeated = cells.duplicated(key)
        if not is_repeated.any() or policy != "error":
            keep: Literal["first", "last"] = "last" if policy == "last" else "first"
            return cells.drop_duplicates(key, keep=keep)
        row = cells[is_repeated].iloc[0]
        name = str(self.rows.names[int(row["row"])])
        time, cutoff = self.grid.format(np.array([row["at"], row["cutoff_at"]], np.int64))
        raise DataError(
            f"{self.rows.place(int(row['row']))}: series {name!r} has another forecast for {time} from the same "
            f"cutoff {cutoff}",
            hint="pass --cutoff-column if a column says when each was made, or --duplicates last (first, mean, sum)",
        )

    def _read_cutoffs(self, cells: pd.DataFrame) -> Ints:
        rows, grid = self.rows, self.grid
        assert rows.cutoffs is not None
        if rows.cutoffs.is_integer != grid.frequency.is_integer:
            raise DataError(f"{self.place}: the cutoffs are no times of the job", hint="pass --cutoff with one time")
        stamps = place_on_clock(self.place, rows.cutoffs, rows.names, grid.frequency, grid.zone)
        return find_step(grid, cells["anchor"].to_numpy(np.int64), stamps[cells["row"].to_numpy(np.int64)])

    def _infer_cutoffs(self, cells: pd.DataFrame) -> Ints:
        """Return the last time before the first forecast of the table at which a value of each series was known.

        If the ledger knows none, the step before the first forecast: an earlier cutoff would flatter the source.
        """
        first, anchor = int(cells["at"].min()), cells["anchor"].to_numpy(np.int64)
        last_times = sources.list_last_known(self.scope.ledger, self.scope.job_name, first)
        before = self.grid.frequency.timestamps(
            anchor, self.grid.frequency.index(anchor, np.full(len(cells), first - 1))
        )
        last = cells["series_id"].map(last_times)
        return np.where(last.notna(), last.fillna(0), before).astype(np.int64)

    def _no_run(self, request: SourceRequest, cutoff: int | None) -> UsageError:
        job = self.scope.job_name
        if request.run is not None:
            keys = queries.history(self.scope.ledger, job)["key"].tolist()
            return UsageError(
                f"--run {request.run}: job {job!r} has no such run with forecasts{did_you_mean(request.run, keys)}",
                hint="list its runs: forecast ledger history",
            )
        time = self.grid.format(np.array([cutoff]))[0] if cutoff is not None else "now"
        return UsageError(
            f"job {job!r} has no run with a cutoff up to {time}", hint="list its runs: forecast ledger history"
        )

    def _refuse_without_forecast(self, joined: pd.DataFrame, run_cells: pd.DataFrame, key: str) -> None:
        missing = joined[joined["step"].isna()]
        if not len(missing):
            return
        times = self.grid.format(
            np.array([missing["at"].iloc[0], run_cells["at"].min(), run_cells["at"].max()], np.int64)
        )
        name = str(missing["unique_id"].iloc[0])
        raise DataError(
            f"{self.rows.place(int(missing['row'].iloc[0]))}: run {key} has no forecast of {name!r} for {times[0]} to "
            f"override; it forecasts {times[1]} to {times[2]}",
            hint="name the run with --run (forecast ledger history lists them), or leave --overrides out",
        )
