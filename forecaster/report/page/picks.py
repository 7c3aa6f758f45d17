"""Which of many series are drawn, and how much of their past: a page has to open at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.errors import UsageError, did_you_mean

MOST = 500  # series with charts
ASKED = "asked for"
_BYTES = 5_000_000  # of their numbers, about
_PAST_STEPS = 60_000  # of all series together
_FEWEST, _LONGEST = 30, 20_000


@dataclass(frozen=True)
class Pick:
    """A series to draw, and why: `asked for`, `worst`, `best`, `sample`; empty where all are drawn."""

    name: str
    group: str = ""


def pick(
    names: Sequence[str], error: pd.Series, *, horizon: int, columns: int = 15, wanted: Sequence[str] = ()
) -> list[Pick]:
    """Choose the series to draw: all where they are few, else the worst, the best, and some evenly between.

    Those that are wanted stand first, whatever else is drawn.

    Args:
        names: of all series, in order.
        error: by name; those without one are never the worst or best.
        horizon, columns: how many numbers a series takes, beside its past.

    Raises: UsageError: a wanted series is not among them.
    """
    known = {*names} if wanted else set()
    for name in wanted:
        if name not in known:
            raise UsageError(
                f"--series {name}: there is no such series{did_you_mean(name, names)}",
                hint="name one as the table of all series on the page does",
            )
    rest = [each for each in _pick(names, error, horizon, columns) if each.name not in wanted]
    return [*(Pick(name, ASKED) for name in dict.fromkeys(wanted)), *rest]


def _pick(names: Sequence[str], error: pd.Series, horizon: int, columns: int) -> list[Pick]:
    most = int(np.clip(_BYTES // (9 * columns * horizon + 28 * past_steps(MOST, horizon)), _FEWEST, MOST))
    if len(names) <= most:
        return [Pick(name) for name in names]
    ranked = [str(name) for name in error.dropna().sort_values(ascending=False, kind="stable").index]
    third = min(most // 3, len(ranked) // 2)
    worst, best = ranked[:third], ranked[::-1][:third]
    taken = {*worst, *best}
    rest = [name for name in names if name not in taken]
    some = [rest[place] for place in np.linspace(0, len(rest) - 1, most - len(taken)).astype(int)]
    groups = {"worst": worst, "best": best, "sample": some}
    return [Pick(name, group) for group, members in groups.items() for name in dict.fromkeys(members)]


def past_steps(series: int, horizon: int) -> int:
    """How many of the last steps of each series are drawn."""
    return int(np.clip(_PAST_STEPS // max(series, 1), max(2 * horizon, 100), _LONGEST))


def note(picks: Sequence[Pick], series: int) -> str:
    """Which series there are to choose among; nothing where all are."""
    if len(picks) >= series:
        return ""
    count = {group: sum(each.group == group for each in picks) for group in ("worst", "best", "sample", ASKED)}
    told = f"Drawn are {len(picks):,} of {series:,} series:"
    told += f" {count[ASKED]:,} asked for," if count[ASKED] else ""
    return (
        f"{told} the {count['worst']:,} worst, the {count['best']:,} best and {count['sample']:,} others."
        f" All {series:,} stand in the table; `forecast report --series NAME` draws any of them."
    )
