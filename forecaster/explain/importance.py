"""The inputs that matter to any Forecaster: how much its errors grow when an input is exchanged between windows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from forecaster.evaluation.metrics import mase
from forecaster.explain.explanation import Array, Importance, Influence
from forecaster.forecast import Forecaster
from forecaster.frequency import Ints
from forecaster.panel import Floats, Panel

_MAX_LAG_BLOCKS = 8  # groups of lags besides the last step

Kind = Literal["lags", "past", "known", "static", "calendar", "series"]


@dataclass(frozen=True)
class InputGroup:
    """Inputs that are exchanged together.

    Attributes:
        name: the name that the group has in an explanation, such as `lags 2-7`.
        kind: the kind of input.
        first, last: the smallest and the largest lag of a group of lags; None otherwise.
        columns: numbers of the panel's columns, or of its static columns if the kind is `static`.
    """

    name: str
    kind: Kind
    first: int | None = None
    last: int | None = None
    columns: tuple[int, ...] = ()


@dataclass(frozen=True)
class HeldOutWindows:
    """Windows to forecast, and the values that came true.

    Attributes:
        panel: R cuts of series. The target after a cut is hidden; known covariates may be visible.
        actual: [R, H] the target after each cut.
        scale: [R] divisors of MASE.
        independent: the number of windows that do not overlap; standard errors are computed for at most that many.
    """

    panel: Panel
    actual: Floats
    scale: Array
    independent: int

    def errors(self, forecaster: Forecaster) -> Array:
        """Compute the [R] MASE of a forecaster in each window."""
        forecast = forecaster.predict(self.panel, self.actual.shape[1])
        return mase(self.actual.astype(np.float64), forecast.mean, self.scale).astype(np.float64)


def group_lags(context: int, season: int) -> list[InputGroup]:
    """Group the lags of a context: the last step, the rest of its season, and the seasons before it.

    In a long context a group contains several seasons. Without a season that fits twice into the context, the groups
    are equal parts of it.
    """
    block = season if 1 < season <= context // 2 else max(-(-context // _MAX_LAG_BLOCKS), 1)
    block *= max(1, -(-context // (block * _MAX_LAG_BLOCKS)))
    bounds = [(1, 1), *((max(first, 2), min(first + block - 1, context)) for first in range(1, context + 1, block))]
    return [InputGroup(_lag_name(first, last), "lags", first, last) for first, last in bounds if first <= last]


def group_columns(panel: Panel, source_of: Callable[[str], str]) -> list[InputGroup]:
    """Group the covariates of a panel by their column in the table.

    A text column of the table is several columns of the panel, one for each category (its value is 0 or 1); they are
    exchanged together.

    Args:
        source_of: returns the column of the table that a column of the panel comes from.
    """
    groups: dict[tuple[Kind, str], list[int]] = {}
    for number, (name, role) in enumerate(zip(panel.columns, panel.roles, strict=True)):
        if role != "target":
            groups.setdefault((role, source_of(name)), []).append(number)
    for number, name in enumerate(panel.static_columns):
        groups.setdefault(("static", source_of(name)), []).append(number)
    return [InputGroup(name, kind, columns=tuple(numbers)) for (kind, name), numbers in groups.items()]


def measure_importance(
    forecaster: Forecaster, windows: HeldOutWindows, groups: list[InputGroup], *, context: int, repeats: int, seed: int
) -> Importance:
    """Exchange each group of inputs between windows, forecast again, and compare the errors.

    Values at a lag are exchanged in units of each window's own mean and deviation over the context, and clipped to the
    range of the window's own values, so that a window keeps its level, its size and its sign. Covariates are exchanged
    unchanged, over the context and the horizon of a window; `calendar` replaces the dates of a window by those of
    another window, and `series` its id.

    Args:
        forecaster: the forecaster, which is not fitted again.
        windows: R windows.
        groups: the inputs to exchange, one group after the other.
        context: number of lags that the forecaster reads, or that are exchanged at most.
        repeats: permutations of each group.
        seed: seed of the permutations.

    Source: Breiman 2001, "Random forests", sec. 10; model-agnostic: Fisher, Rudin & Dominici 2019, arXiv:1801.01489.
    """
    horizon = windows.actual.shape[1]
    apart = replace(windows, panel=_copy_apart(windows.panel, horizon))
    unchanged = apart.errors(forecaster)
    generator = np.random.default_rng(seed)
    influences = []
    for group in groups:
        lost = np.mean(
            [
                replace(apart, panel=_exchange(apart.panel, group, donors, context, horizon)).errors(forecaster)
                - unchanged
                for donors in _permutations(generator, len(apart.panel), repeats)
            ],
            axis=0,
        )  # [R]
        mean, error = _mean_and_error(lost[~np.isnan(lost)], windows.independent)
        influences.append(Influence(group.name, group.kind, group.first, group.last, mean, error))
    mean, _ = _mean_and_error(unchanged[~np.isnan(unchanged)], windows.independent)
    return Importance(mean, len(windows.panel), windows.independent, repeats, tuple(influences))


def _mean_and_error(values: Array, independent: int) -> tuple[float, float]:
    """Compute the mean and its standard error; NaN where there are too few values."""
    if not len(values):
        return float("nan"), float("nan")
    count = min(independent, len(values))
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(count)) if count > 1 else float("nan")


def _permutations(generator: np.random.Generator, rows: int, repeats: int) -> Iterator[Ints]:
    """Draw permutations [R] that assign to each window another one as its donor, never itself."""
    for _ in range(repeats):
        order = generator.permutation(rows)
        donors = np.empty(rows, np.int64)
        donors[order] = np.roll(order, 1)
        yield donors


def _copy_apart(panel: Panel, horizon: int) -> Panel:
    """Copy windows so that no two share memory and each can be changed alone."""
    ahead = np.minimum(panel.stop - panel.end, horizon)
    sizes = panel.lengths + ahead
    begin = np.cumsum(sizes) - sizes
    position = np.repeat(panel.begin - begin, sizes) + np.arange(sizes.sum())
    return replace(panel, values=panel.values[position], begin=begin, end=begin + panel.lengths, stop=begin + sizes)


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
    window = _positions(panel, np.arange(-context, 0))  # [R, L]
    target = np.where(window >= 0, panel.values[window, 0], np.nan).astype(np.float64)
    is_blank = np.logical_and.reduce(np.isnan(target), axis=1)
    target[is_blank] = 0  # these windows have nothing to exchange
    centre, spread = np.nanmean(target, axis=1, keepdims=True), np.nanstd(target, axis=1, keepdims=True)
    standard = (target - centre) / np.where(spread > 0, spread, 1)
    exchanged = standard[donors] * spread + centre
    exchanged = np.clip(exchanged, np.nanmin(target, axis=1, keepdims=True), np.nanmax(target, axis=1, keepdims=True))
    lags = np.arange(context, 0, -1)
    is_in_group = (lags >= (group.first or 1)) & (lags <= (group.last or context))
    is_moved = is_in_group & (window >= 0) & ~np.isnan(target) & ~np.isnan(exchanged) & ~is_blank[:, None]
    values = panel.values.copy()
    values[window[is_moved], 0] = exchanged[is_moved]
    return values


def _with_columns(panel: Panel, group: InputGroup, donors: Ints, context: int, horizon: int) -> Floats:
    steps = np.arange(-context, horizon if group.kind == "known" else 0)
    own = _positions(panel, steps)
    other = own[donors]
    is_moved = (own >= 0) & (other >= 0)
    values = panel.values.copy()
    for column in group.columns:
        values[own[is_moved], column] = panel.values[other[is_moved], column]
    return values


def _positions(panel: Panel, steps: Ints) -> Ints:
    """Return the [R, S] positions of steps [S] counted from each cut; -1 outside of a window's own memory."""
    position = panel.end[:, None] + steps
    return np.where((position >= panel.begin[:, None]) & (position < panel.stop[:, None]), position, -1)


def _lag_name(first: int, last: int) -> str:
    return f"lag {first}" if first == last else f"lags {first}-{last}"
