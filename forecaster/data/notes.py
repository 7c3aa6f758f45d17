"""What the user is told of a table: which column became what, what was repaired, what is doubtful."""

from typing import Any

import numpy as np

from forecaster.config import DataConfig
from forecaster.data.roles import Roles
from forecaster.data.spacing import describe_frequency
from forecaster.frequency import Frequency
from forecaster.panel import Panel


def describe_roles(roles: Roles, frequency: Frequency, series: int) -> str:
    """Say in one line which column became what."""
    time = f"{roles.time or 'order of rows'} -> time ({describe_frequency(frequency)})"
    shown = ", ".join(roles.targets[:6]) + (" ..." if len(roles.targets) > 6 else "")
    match roles.shape:
        case "long":
            told = f"{roles.id} -> {series} series, {time}, {shown} -> target"
        case "wide":
            told = f"{time}, {shown} -> {len(roles.targets)} series"
        case "single":
            told = f"{time}, {shown} -> target"
    named = {"past": roles.past, "known": roles.known, "static": roles.static}
    told += "".join(f", {', '.join(names)} -> {role}" for role, names in named.items() if names)
    surprises = {name: reason for name, reason in roles.left_out.items() if reason != "not a target"}
    left_out = ", ".join(f"{name} ({reason})" for name, reason in surprises.items())
    return f"{told}; left out: {left_out}" if left_out else told


def describe_repairs(quality: dict[str, Any], empty: list[str], config: DataConfig) -> list[str]:
    """Say what was repaired or left out, and how often.

    Args:
        quality: the counts, as in `quality.json`.
        empty: series without a value.
    """
    names = ", ".join(empty[:5]) + (" ..." if len(empty) > 5 else "")
    told = {
        "{} without a row, masked": (quality["gaps"], "step"),
        "{} missing, masked": (quality["missing_values"], "value"),
        "{} out of order, sorted": (quality["out_of_order"], "row"),
        "{} repeated, dropped": (quality["duplicates_dropped"], "row"),
        f"{{}} differing for one time, merged ({config.duplicates})": (quality["duplicates_merged"], "row"),
        "{} between two steps, left out": (quality["off_grid"], "row"),
        "{} after the last value, known columns only": (quality["later_rows"], "row"),
        f"{{}} series without a value, left out: {names}": (len(empty), ""),
    }
    return [text.format(_count(*count)) for text, count in told.items() if count[0]]


def describe_violations(panel: Panel) -> list[str]:
    """Say where the data is not what it was said to be."""
    target = panel.values[:, 0]
    found = {}
    if panel.minimum is not None:
        found[f"below the minimum {panel.minimum:g} that forecasts get"] = (target < panel.minimum).sum()
    if panel.maximum is not None:
        found[f"above the maximum {panel.maximum:g} that forecasts get"] = (target > panel.maximum).sum()
    if panel.is_integer:
        found["no whole numbers, though forecasts will be"] = (target[~np.isnan(target)] % 1 != 0).sum()
    return [f"{_count(int(count), 'value')} {what}" for what, count in found.items() if count]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}" if noun else f"{number}"
