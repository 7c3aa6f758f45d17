"""The values of an explanation: plain numbers and arrays with names, independent of any network.

Lags count steps of the data back from the cutoff: lag 1 is the last observed step. Where a step of the recurrence reads
a segment of w steps, its lag is that of the oldest step in it: the state at lag w has read the last segment.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

MEMORY_SHARE = 0.9  # the memory is the smallest number of lags that carry this share of the gradient
_JSON_DIGITS = 6  # significant digits
_LONG_CONTEXT = 3.0  # contexts longer than this multiple of the memory are longer than necessary
_SHORT_CONTEXT = 0.9  # contexts of which the memory fills this share may be too short
_FATES = {0.01: "vanishes", 0.1: "fades", 10.0: "lasts"}  # name of all shares left that are below a limit


@dataclass(frozen=True)
class CovariateNames:
    """Names for the covariates of a batch.

    Attributes:
        past, known, static: a name for each column; the influences of columns with equal names are added up.
    """

    past: Sequence[str]
    known: Sequence[str]
    static: Sequence[str]


@dataclass(frozen=True)
class LayerTrace:
    """The states and gates of one direction of a layer, step by step.

    Attributes:
        layer: number of the layer; 1 is the lowest.
        direction: `forward` or `backward`.
        cell: kind of the cell, such as `gru`.
        parts: states and gates [S, D] by name, the oldest step first; `hidden` (and `cell`) before the gates. Gates are
            between 0 and 1.
        meanings: the effect of a gate near 1 or 0, by the gate's name.
    """

    layer: int
    direction: str
    cell: str
    parts: dict[str, Array]
    meanings: dict[str, str]


@dataclass(frozen=True)
class Unrolling:
    """The states of a network while it reads one window.

    Attributes:
        series, cutoff: id and cutoff of the window.
        lags: [S] the lag of each step of the recurrence, falling.
        times: [S] the time of the newest data that each step reads, as text.
        input: [S] mean of the scaled target that each step reads; NaN where nothing was observed.
        layers: the layers of the stack from the bottom up, forward before backward.
    """

    series: str
    cutoff: str
    lags: list[int]
    times: list[str]
    input: Array
    layers: tuple[LayerTrace, ...]


@dataclass(frozen=True)
class Flow:
    """The gradient of the loss that reaches the states of one layer: |d loss / d h_t|, by lag.

    That of a cell state includes its path through the hidden state of the same step; that of the whole `state` has the
    two as parts of one vector, so the hidden state is constant where the cell state varies.

    Attributes:
        layer: number of the layer, 1 for the lowest; 0 for all layers together.
        direction: `forward` or `backward`.
        part: part of the state: `hidden`, `cell`, or `state` for everything that a step passes to the next.
        lags: [S] rising.
        norm: [S] Euclidean norm, averaged over windows; each window's loss weighs as in training.
        low, high: [S] the 10 % and 90 % quantile of the norm over windows.
        memory: the smallest number of lags that carry `MEMORY_SHARE` of the sum of `norm`. For backward states lags are
            counted from the beginning of the context, where the backward reading ends.
        fate: the norm at the state that was computed first as a share of that at the last; 0 if no gradient is left.
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

    @property
    def fate_in_words(self) -> str:
        """`vanishes` below 1 % of the gradient, `fades` below 10 %, `explodes` above 1,000 %, otherwise `lasts`."""
        return next((name for limit, name in _FATES.items() if self.fate < limit), "explodes")


@dataclass(frozen=True)
class Gradients:
    """The gradients of a trained network's loss, propagated back through time.

    Attributes:
        windows: number of windows that the gradients are averaged over.
        flows: the gradients by layer, direction and part of the state.
        total: the gradient of the whole forward state of all layers; its memory is the network's memory.
        step: steps of the data that one step of the recurrence reads, w.
        context: steps that the network reads.
        room: largest possible context in the longest series; None if unknown.
        backward: the gradient of the whole backward state of all layers; None if the network only reads forward.
    """

    windows: int
    flows: tuple[Flow, ...]
    total: Flow
    step: int
    context: int
    room: int | None = None
    backward: Flow | None = None

    @property
    def memory(self) -> int:
        """The memory of the network's forward reading, in steps of the data."""
        return self.total.memory

    @property
    def fate(self) -> str:
        """`Flow.fate_in_words` of the direction of reading in which most of the gradient is left."""
        return max(self.directions, key=lambda flow: flow.fate).fate_in_words

    @property
    def directions(self) -> tuple[Flow, ...]:
        """The gradient of the whole state in each direction of reading, forward first."""
        return (self.total, self.backward) if self.backward else (self.total,)

    @property
    def advice(self) -> str:
        """A sentence that suggests another context if the memory does not fit; empty if the network reads both ways."""
        memory, context = self.memory, self.context
        if self.backward or len(self.total.lags) < 2 or not self.total.norm.any():
            return ""
        if context > _LONG_CONTEXT * memory:
            times, shorter = context / memory, 2 * memory
            return f"The context is {times:.1f} times the memory: a shorter one may do, --set model.context={shorter}."
        if memory >= _SHORT_CONTEXT * context and (self.room is None or 2 * context <= self.room):
            return f"The memory fills the context: a longer one may help, --set model.context={2 * context}."
        return ""


@dataclass(frozen=True)
class Influence:
    """The increase of the error when an input of the forecaster is exchanged between windows.

    Attributes:
        name: name of the input, such as `lags 2-7`, `promo` or `calendar`.
        kind: `lags`, `past`, `known`, `static`, `calendar` or `series`.
        first, last: the smallest and largest lag if the kind is `lags`; otherwise None.
        lost: MASE with the input exchanged, less MASE without.
        error: standard error of `lost` over windows; NaN for a single window.
    """

    name: str
    kind: str
    first: int | None
    last: int | None
    lost: float
    error: float


@dataclass(frozen=True)
class Importance:
    """Permutation importance on held-out steps.

    Attributes:
        mase: MASE of the forecasts from unchanged inputs.
        windows: number of windows that were forecast.
        independent: number of these windows that do not overlap.
        repeats: permutations of each input.
        influences: the influence of each input.
    """

    mase: float
    windows: int
    independent: int
    repeats: int
    influences: tuple[Influence, ...]


@dataclass(frozen=True)
class Attribution:
    """One forecast as a sum: the forecast from a flat window with average covariates, and a contribution of each input.

    Attributes:
        series, cutoff: id and cutoff of the window.
        step: step of the horizon; None for the mean of several steps.
        steps: number of steps that the mean is taken over.
        forecast: the network's forecast in the data's units (before an ensemble's median and the target's bounds).
        baseline: the network's forecast from the flat window.
        level: value of the flat window; the mean of these values if they differ between the steps of the horizon.
        lags: [L] rising.
        of_lags: [L] the contribution of the value at each lag.
        of_groups: the contributions of covariates, by name.
        error: forecast - baseline - all contributions: the error of the numerical integration.
        points: number of points at which the gradient was computed.
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
    """The result of `forecast explain`; a part that does not apply to the model is None.

    Attributes:
        bundle: folder of the bundle.
        model: name of the model.
        network: the network that is explained, as `network 1 of 3: gru, context 42 steps`; None without a network.
        notes: sentences about parts that were left out or replaced.
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
        """Convert the explanation for JSON: arrays become lists, numbers have six digits, NaN becomes None."""
        document = to_plain(self)
        assert isinstance(document, dict)
        if self.gradients:
            summary = {"memory": self.gradients.memory, "fate": self.gradients.fate, "advice": self.gradients.advice}
            document["gradients"] |= summary
        return {"schema_version": 1, **document}


def memory_of(norm: Array, lags: list[int]) -> int:
    """Return the smallest lag within which at least `MEMORY_SHARE` of the sum of `norm` is reached.

    Norms are summed, not their squares, so that influences add up: if every state changes by a vector of length 1, the
    loss changes by at most the sum of the norms (to first order). Without any influence it is the first lag.

    Args:
        norm: [S] norms of the gradient, in the order of `lags`.
        lags: [S] rising.

    Source: norms of d loss / d h_t as in Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent
    neural networks", sec. 2; the share is our choice.
    """
    reached = np.cumsum(norm)
    target = MEMORY_SHARE * reached[-1] * (1 - 1e-12)  # rounding of the sum must not add a lag
    return lags[int(np.searchsorted(reached, target))]


def to_plain(value: object) -> object:
    """Convert dataclasses and arrays for JSON: numbers have six digits, NaN becomes None."""
    if is_dataclass(value):
        return {each.name: to_plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(each) for each in value]
    if isinstance(value, np.ndarray):
        return to_plain(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.{_JSON_DIGITS}g}") if math.isfinite(value) else None
    return value
