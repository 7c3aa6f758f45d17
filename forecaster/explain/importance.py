"""What a forecast hangs on: how much worse it gets when something is exchanged between windows. For any Forecaster."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from forecaster.evaluation.metrics import mase
from forecaster.explain.explanation import Array, Importance, Influence
from forecaster.forecast import Forecaster
from forecaster.frequency import Ints
from forecaster.panel import Floats, Panel

_BLOCKS = 8  # of lags, at most, beside the last step

Kind = Literal["lags", "past", "known", "static", "calendar", "series"]


@dataclass(frozen=True)
class InputGroup:
    """What is exchanged together.

    Attributes:
        first, last: lags, of the kind `lags`.
        columns: numbers of the panel's columns, or of its static columns.
    """

    name: str
    kind: Kind
    first: int | None = None
    last: int | None = None
    columns: tuple[int, ...] = ()


def group_lags(context: int, season: int) -> list[InputGroup]:
    """The last step, the rest of its season, the seasons before; of a long context several seasons at once.

    Without a season that fits twice, blocks are equal parts of the context.
    """
    block = season if 1 < season <= context // 2 else max(-(-context // _BLOCKS), 1)
    block *= max(1, -(-context // (block * _BLOCKS)))
    bounds = [(1, 1), *((max(first, 2), min(first + block - 1, context)) for first in range(1, context + 1, block))]
    return [InputGroup(_lag_name(first, last), "lags", first, last) for first, last in bounds if first <= last]


def group_columns(panel: Panel, source_of: Callable[[str], str]) -> list[InputGroup]:
    """One for each column of the table; text, which is a column a word in the panel, is exchanged whole.

    Args:
        source_of: the table's column that a column of the panel comes from.
    """
    groups: dict[tuple[Kind, str], list[int]] = {}
    for number, (name, role) in enumerate(zip(panel.columns, panel.roles, strict=True)):
        if role != "target":
            groups.setdefault((role, source_of(name)), []).append(number)
    for number, name in enumerate(panel.static_columns):
        groups.setdefault(("static", source_of(name)), []).append(number)
    return [InputGroup(name, kind, columns=tuple(numbers)) for (kind, name), numbers in groups.items()]


def measure_importance(
    forecaster: Forecaster,
    seen: Panel,
    actual: Floats,
    scale: Array,
    groups: list[InputGroup],
    *,
    context: int,
    repeats: int,
    independent: int,
    seed: int,
) -> Importance:
    """Exchange each group between windows, forecast again, and compare the errors.

    Values at a lag are exchanged in units of each window's own mean and deviation over the context, and kept within
    what the window itself holds, so that a window keeps its level, its size and its sign. Covariates move as they are,
    over all of a window's time and of its horizon; `calendar` gives a window the dates of another, `series` its id.

    Args:
        seen: the windows, R cuts of series; the target after a cut is hidden, known columns may be seen.
        actual: [R, H] what came true.
        scale: [R] that MASE divides by.
        repeats: permutations of each group.
        independent: windows that do not overlap; the standard errors count no more.

    Source: Breiman 2001, "Random forests", sec. 10; model-agnostic: Fisher, Rudin & Dominici 2019, arXiv:1801.01489.
    """
    horizon = actual.shape[1]
    apart = _apart(seen, horizon)
    whole = _errors(forecaster, apart, actual, scale)
    generator = np.random.default_rng(seed)
    influences = []
    for group in groups:
        lost = np.mean(
            [
                _errors(forecaster, _exchange(apart, group, donors, context, horizon), actual, scale) - whole
                for donors in _permutations(generator, len(apart), repeats)
            ],
            axis=0,
        )  # [R]
        mean, error = _mean_and_error(lost[~np.isnan(lost)], independent)
        influences.append(Influence(group.name, group.kind, group.first, group.last, mean, error))
    return Importance(
        _mean_and_error(whole[~np.isnan(whole)], independent)[0], len(seen), independent, repeats, tuple(influences)
    )


def _mean_and_error(values: Array, independent: int) -> tuple[float, float]:
    """Mean and standard error; NaN where there are too few."""
    if not len(values):
        return float("nan"), float("nan")
    counted = min(independent, len(values))
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(counted)) if counted > 1 else float("nan")


def _permutations(generator: np.random.Generator, rows: int, repeats: int) -> Iterator[Ints]:
    """[R] for each window another one to take from, never itself."""
    for _ in range(repeats):
        order = generator.permutation(rows)
        donors = np.empty(rows, np.int64)
        donors[order] = np.roll(order, 1)
        yield donors


def _errors(forecaster: Forecaster, panel: Panel, actual: Floats, scale: Array) -> Array:
    """[R] MASE of each window."""
    return mase(actual.astype(np.float64), forecaster.predict(panel, actual.shape[1]).mean, scale).astype(np.float64)


def _apart(seen: Panel, horizon: int) -> Panel:
    """The same windows, each in memory of its own, so that one can be changed alone."""
    ahead = np.minimum(seen.stop - seen.end, horizon)
    sizes = seen.lengths + ahead
    begin = np.cumsum(sizes) - sizes
    position = np.repeat(seen.begin - begin, sizes) + np.arange(sizes.sum())
    return replace(seen, values=seen.values[position], begin=begin, end=begin + seen.lengths, stop=begin + sizes)


def _exchange(panel: Panel, group: InputGroup, donors: Ints, context: int, horizon: int) -> Panel:
    match group.kind:
        case "lags":
            return replace(panel, values=_with_lags(panel, group, donors, context))
        case "past" | "known":
            return replace(panel, values=_with_columns(panel, group, donors, context, horizon))
        case "static":
            static = panel.static.copy()
            static[:, group.columns] = panel.static[donors][:, group.columns]
            return replace(panel, static=static)
        case "series":
            return replace(panel, ids=panel.ids[donors])
        case "calendar":
            shift = panel.lengths[donors] - panel.lengths
            return replace(panel, start=panel.frequency.timestamps(panel.start[donors], shift))


def _with_lags(panel: Panel, group: InputGroup, donors: Ints, context: int) -> Floats:
    window = _at(panel, np.arange(-context, 0))  # [R, L] positions, -1 where there is none
    target = np.where(window >= 0, panel.values[window, 0], np.nan).astype(np.float64)
    bare = np.logical_and.reduce(np.isnan(target), axis=1)
    target[bare] = 0  # nothing to exchange
    centre, spread = np.nanmean(target, axis=1, keepdims=True), np.nanstd(target, axis=1, keepdims=True)
    standard = (target - centre) / np.where(spread > 0, spread, 1)
    taken = standard[donors] * spread + centre
    taken = np.clip(taken, np.nanmin(target, axis=1, keepdims=True), np.nanmax(target, axis=1, keepdims=True))
    lags = np.arange(context, 0, -1)
    is_asked = (lags >= (group.first or 1)) & (lags <= (group.last or context))
    is_moved = is_asked & (window >= 0) & ~np.isnan(target) & ~np.isnan(taken) & ~bare[:, None]
    values = panel.values.copy()
    values[window[is_moved], 0] = taken[is_moved]
    return values


def _with_columns(panel: Panel, group: InputGroup, donors: Ints, context: int, horizon: int) -> Floats:
    steps = np.arange(-context, horizon if group.kind == "known" else 0)
    own = _at(panel, steps)
    other = own[donors]
    is_moved = (own >= 0) & (other >= 0)
    values = panel.values.copy()
    for column in group.columns:
        values[own[is_moved], column] = panel.values[other[is_moved], column]
    return values


def _at(panel: Panel, steps: Ints) -> Ints:
    """[R, S] positions of steps counted from each cut, -1 outside of a window's own memory."""
    position = panel.end[:, None] + steps
    return np.where((position >= panel.begin[:, None]) & (position < panel.stop[:, None]), position, -1)


def _lag_name(first: int, last: int) -> str:
    return f"lag {first}" if first == last else f"lags {first}-{last}"
