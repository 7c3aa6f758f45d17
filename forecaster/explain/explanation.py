"""What an explanation says, as plain numbers and arrays with names; nothing here knows a network.

Lags count steps of the data back from the cutoff: lag 1 is the last observed step. Where a step of the recurrence reads
a segment of w steps, its lag is that of the oldest of them: the state at lag w has read the last segment.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

MEMORY_SHARE = 0.9  # of all influence, which the memory holds
_DIGITS = 6  # significant ones in JSON
_LONG, _SHORT = 3.0, 0.9  # the context is so many memories long, or the memory takes so much of the context
_VANISHED, _EXPLODED = 0.01, 10.0  # the oldest gradient as a share of the newest


@dataclass(frozen=True)
class CovariateNames:
    """What the covariates of a batch are called, and what is summed up under one name.

    Attributes:
        past, known, static: a name for each column; equal names are added up.
    """

    past: Sequence[str]
    known: Sequence[str]
    static: Sequence[str]


@dataclass(frozen=True)
class LayerTrace:
    """What one direction of a layer did, step by step.

    Attributes:
        layer: 1 is the lowest.
        direction: `forward` or `backward`.
        cell: `gru`.
        parts: by name [S, D], the oldest step first; `hidden` (and `cell`) before the gates. Gates lie in 0 .. 1.
        meanings: what a gate near 1 or 0 does, by its name.
    """

    layer: int
    direction: str
    cell: str
    parts: dict[str, Array]
    meanings: dict[str, str]


@dataclass(frozen=True)
class Unrolling:
    """A network reading one window.

    Attributes:
        series, cutoff: of the window.
        lags: [S] of each step of the recurrence, falling.
        times: [S] text, the time of the newest data that each step reads.
        input: [S] the scaled target that each step reads, on average; NaN where nothing was observed.
        layers: of the stack, from the bottom up, forward before backward.
    """

    series: str
    cutoff: str
    lags: list[int]
    times: list[str]
    input: Array
    layers: tuple[LayerTrace, ...]


@dataclass(frozen=True)
class Flow:
    """How much of the loss's gradient reaches the states of one layer: |d loss / d h_t|, by lag.

    Attributes:
        layer: 1 is the lowest; 0 for all layers together.
        direction: `forward` or `backward`.
        part: of the state, `hidden` or `cell`.
        lags: [S] rising.
        norm: [S] Euclidean norm, averaged over windows; each window's loss weighs as in training.
        low, high: [S] of which a tenth of the windows have less, or more.
        memory: the lag within which `MEMORY_SHARE` of the sum of `norm` lies. The memory of a backward state is counted
            from the beginning of the context, where its reading ends.
        fate: the oldest norm as a share of the newest, in the order of reading; 0 where it is lost.
    """

    layer: int
    direction: str
    part: str
    lags: list[int]
    norm: Array
    low: Array
    high: Array
    memory: int
    fate: float


@dataclass(frozen=True)
class Gradients:
    """Backpropagation through time, in a trained network.

    Attributes:
        windows: that were averaged over.
        flows: of each layer, direction and part of the state.
        total: of the forward hidden states of all layers together; its memory is the network's.
        step: steps of the data that a step of the recurrence reads, w.
        context: steps that the network reads.
        room: steps that it could read at most, the series being as long as they are; None where nobody knows.
    """

    windows: int
    flows: tuple[Flow, ...]
    total: Flow
    step: int
    context: int
    room: int | None = None

    @property
    def memory(self) -> int:
        return self.total.memory

    @property
    def fate(self) -> str:
        """`vanishes`, `explodes` or `is kept` on its way to the oldest state."""
        if self.total.fate < _VANISHED:
            return "vanishes"
        return "explodes" if self.total.fate > _EXPLODED else "is kept"

    @property
    def advice(self) -> str:
        """What the memory says of the context, where they do not fit each other; else empty.

        To a network that reads both ways the oldest step is as near as the newest, so nothing follows.
        """
        memory, context = self.memory, self.context
        is_both_ways = any(flow.direction == "backward" for flow in self.flows)
        if is_both_ways or len(self.total.lags) < 2 or not self.total.norm.any():
            return ""
        if context > _LONG * memory:
            times, shorter = context / memory, 2 * memory
            return f"The context is {times:.1f} times the memory: a shorter one may do, --set model.context={shorter}."
        if memory >= _SHORT * context and (self.room is None or 2 * context <= self.room):
            return f"The memory fills the context: a longer one may help, --set model.context={2 * context}."
        return ""


@dataclass(frozen=True)
class Influence:
    """What it costs when something the forecaster reads is exchanged between windows.

    Attributes:
        name: `lags 2-7`, `promo`, `calendar`.
        kind: `lags`, `past`, `known`, `static`, `calendar` or `series`.
        first, last: lags, of the kind `lags`; else None.
        lost: MASE with it exchanged, less MASE without.
        error: standard error of `lost` over windows; NaN for a single one.
    """

    name: str
    kind: str
    first: int | None
    last: int | None
    lost: float
    error: float


@dataclass(frozen=True)
class Importance:
    """Permutation importance on steps that are held out.

    Attributes:
        mase: of the forecasts as they are.
        windows: that were forecast; `independent` of them do not overlap.
        repeats: permutations of each influence.
    """

    mase: float
    windows: int
    independent: int
    repeats: int
    influences: tuple[Influence, ...]


@dataclass(frozen=True)
class Attribution:
    """One forecast as a sum: what the network says of a flat window with average covariates, and what each input adds.

    Attributes:
        series, cutoff: of the window.
        step: of the horizon; None for the mean of all that were attributed.
        steps: how many those are.
        forecast: what the network says, in the data's units (before an ensemble's median and the target's bounds).
        baseline: what it says of the flat window.
        level: value of the flat window; where steps are compared with other levels, their mean.
        lags: [L] rising.
        of_lags: [L] what the value at each lag adds.
        of_groups: what covariates add, by name.
        error: forecast - baseline - all that is added: 0 but for the numerical integration.
        points: at which the gradient was taken.
    """

    series: str
    cutoff: str
    step: int | None
    steps: int
    forecast: float
    baseline: float
    level: float
    lags: list[int]
    of_lags: Array
    of_groups: dict[str, float]
    error: float
    points: int


@dataclass(frozen=True)
class Explanation:
    """All that `forecast explain` finds; a part is None where there is nothing to look into.

    Attributes:
        bundle: its folder.
        model: name of the model.
        network: what was looked into, `network 1 of 3: gru, context 42, width 1`; None without a network.
        notes: sentences on what was left out or stands in.
    """

    bundle: str
    model: str
    network: str | None
    horizon: int
    notes: tuple[str, ...]
    unrolling: Unrolling | None
    gradients: Gradients | None
    importance: Importance | None
    attribution: Attribution | None

    def to_dict(self) -> dict[str, object]:
        """The same as JSON knows it: arrays as lists, six significant digits, None for NaN."""
        document = _plain(self)
        assert isinstance(document, dict)
        if self.gradients:
            told = {"memory": self.gradients.memory, "fate": self.gradients.fate, "advice": self.gradients.advice}
            document["gradients"] |= told
        return {"schema_version": 1, **document}


def memory_of(norm: Array, lags: list[int]) -> int:
    """The smallest lag within which at least `MEMORY_SHARE` of the sum of `norm` lies; `lags` rise with the distance.

    Norms, not their squares, so that influences add up: where every state changes by a vector of length 1, the loss
    changes by at most their sum (to first order). Without any influence it is the first lag.

    Source: norms of d loss / d h_t as in Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent
    neural networks", sec. 2; the share that is asked for is ours.
    """
    reached = np.cumsum(norm)
    return lags[int(np.searchsorted(reached, MEMORY_SHARE * reached[-1] * (1 - 1e-12)))]


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value
