"""The notes for the user about a table: its column roles, its repairs, and values that contradict the config."""

from typing import Any

import numpy as np

from forecaster.config import DataConfig
from forecaster.data.columns.roles import Roles
from forecaster.data.grid.jumps import Jump, find_jumps
from forecaster.data.grid.spacing import describe_frequency
from forecaster.frequency import Frequency
from forecaster.panel import Panel

_TARGETS_SHOWN = 6
_EMPTY_SERIES_SHOWN = 5
_JUMPS_SHOWN = 3
_SERIES_SHOWN = 5


def describe_roles(roles: Roles, frequency: Frequency, series: int) -> str:
    """Describe in one line how each column is used."""
    time = f"{roles.time or 'order of rows'} -> time ({describe_frequency(frequency)})"
    targets = _shorten(roles.targets, _TARGETS_SHOWN)
    match roles.shape:
        case "long":
            text = f"{roles.id} -> {series} series, {time}, {targets} -> target"
        case "wide":
            text = f"{time}, {targets} -> {len(roles.targets)} series"
        case "single":
            text = f"{time}, {targets} -> target"
    covariates = {"past": roles.past, "known": roles.known, "static": roles.static}
    text += "".join(f", {', '.join(names)} -> {role}" for role, names in covariates.items() if names)
    unused = [f"{name} ({reason})" for name, reason in roles.left_out.items() if reason != "not a target"]
    return f"{text}; left out: {', '.join(unused)}" if unused else text


def describe_repairs(quality: dict[str, Any], empty: list[str], config: DataConfig) -> list[str]:
    """Describe what was repaired or left out, and how often.

    Args:
        quality: the counts, as in `quality.json`.
        empty: the series without a value.
        config: the data section of the config, for its policy for duplicates.
    """
    later = "{} after the last value, known columns only" if config.known else "{} after the last value, not used"
    repairs = {
        "{} without a row, masked": (quality["gaps"], "step"),
        "{} missing, masked": (quality["missing_values"], "value"),
        "{} out of order, sorted": (quality["out_of_order"], "row"),
        "{} repeated, dropped": (quality["duplicates_dropped"], "row"),
        f"{{}} with another value for the same time, merged ({config.duplicates})": (
            quality["duplicates_merged"],
            "row",
        ),
        "{} between two steps, left out": (quality["off_grid"], "row"),
        later: (quality["later_rows"], "row"),
    }
    texts = [text.format(_count(count, noun)) for text, (count, noun) in repairs.items() if count]
    if empty:
        texts.append(f"{len(empty)} series without a value, left out: {_shorten(empty, _EMPTY_SERIES_SHOWN)}")
    return texts


def describe_violations(panel: Panel) -> list[str]:
    """Describe targets that lie outside the bounds of the config, or are not the whole numbers that it promises."""
    target = panel.values[:, 0]
    violations = {}
    if panel.minimum is not None:
        violations[f"below the minimum {panel.minimum:g}; forecasts will not go below it"] = target < panel.minimum
    if panel.maximum is not None:
        violations[f"above the maximum {panel.maximum:g}; forecasts will not exceed it"] = target > panel.maximum
    if panel.is_integer:
        violations["with a fraction; forecasts will be whole numbers"] = ~np.isnan(target) & (target % 1 != 0)
    return [f"{_count(int(rows.sum()), 'value')} {text}" for text, rows in violations.items() if rows.any()]


def describe_ends(panel: Panel, horizon: int) -> list[str]:
    """Describe rows far from all others, series that ended a horizon before the newest one, and those of one value."""
    jumps = find_jumps(panel, horizon)
    notes = [_describe_jump(panel, jump) for jump in jumps[:_JUMPS_SHOWN]]
    if len(jumps) > _JUMPS_SHOWN:
        notes.append(
            f"{len(jumps) - _JUMPS_SHOWN} more series have such a gap before their last or after their first row"
        )
    has_ended = panel.has_ended(horizon)
    if has_ended.any():
        last = panel.frequency.format(np.array([panel.cutoff.max()]), panel.zone)[0]
        names = _shorten([str(name) for name in panel.ids[has_ended]], _SERIES_SHOWN)
        notes.append(
            f"{int(has_ended.sum())} of {len(panel)} series ended more than {horizon} steps before {last}, and their "
            f"forecasts start where they ended: {names}"
        )
    is_single = panel.lengths == 1
    if is_single.any() and len(panel) > 1:
        names = _shorten([str(name) for name in panel.ids[is_single]], _SERIES_SHOWN)
        count = f"{int(is_single.sum())} of {len(panel)} series"
        notes.append(f"{count} with a single value; a forecast repeats it, with the intervals of the others: {names}")
    return notes


def _describe_jump(panel: Panel, jump: Jump) -> str:
    stamps = panel.frequency.timestamps(panel.start[jump.row], np.array([jump.from_step, jump.to_step]))
    before, after = panel.frequency.format(stamps, panel.zone)
    is_one = jump.rows == 1
    rows, verb, dates = ("row", "is", "its date") if is_one else (f"{jump.rows} rows", "are", "their dates")
    if jump.is_at_end:
        text = f"the last {rows} ({after}) {verb} {jump.steps:,} steps after {before}, and the forecast starts there"
    else:
        text = f"the first {rows} ({before}) {verb} {jump.steps:,} steps before {after}"
    name = f"{panel.ids[jump.row]}: " if len(panel) > 1 else ""
    return f"{name}{text}: check {dates}"


def _shorten(names: list[str] | tuple[str, ...], count: int) -> str:
    return ", ".join(names[:count]) + (" ..." if len(names) > count else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
