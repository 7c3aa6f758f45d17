"""What a run announces while it works; the command line draws these, tests collect them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DataRead:
    """A table became a panel; `roles` says in one line which column became what."""

    source: str
    series: int
    rows: int
    roles: str


@dataclass(frozen=True)
class Note:
    """Something the user should know: a column left out, a default that was chosen."""

    text: str


@dataclass(frozen=True)
class TrainingStarted:
    """A stage (`fit` or `refit`) begins with its first step after `done` of at most `steps`."""

    stage: str
    steps: int
    done: int


@dataclass(frozen=True)
class TrainingStep:
    """One optimizer step: losses in scaled units, the gradient's norm before clipping."""

    step: int
    seconds: float
    train_loss: float
    validation_loss: float | None
    learning_rate: float
    gradient_norm: float


@dataclass(frozen=True)
class TrainingEnded:
    """A stage is over.

    Attributes:
        best_step: the step whose weights were kept.
        lengths: of each network's schedule, if it shall take the same steps without a limit of time.
        is_exact: whether these would then be the same to the bit: not where time ran short and a schedule hurried.
    """

    stage: str
    steps: int
    best_step: int
    seconds: float
    lengths: tuple[int, ...]
    is_exact: bool = True


@dataclass(frozen=True)
class FoldsForecast:
    """A backtest has forecast `done` of its `folds`; `seconds_left` is None before there is a pace."""

    done: int
    folds: int
    seconds_left: float | None


@dataclass(frozen=True)
class TrialStarted:
    """A search begins with its trial `number`, 1 the first, of `trials` (None where time alone ends it)."""

    number: int
    trials: int | None


@dataclass(frozen=True)
class TrialEnded:
    """A trial is over: `done`, `pruned` or `failed`; so many are in all, and the best of them reached this loss."""

    number: int
    state: str
    loss: float | None
    best: float | None
    best_number: int | None
    done: int
    trials: int | None
    seconds_left: float | None


@dataclass(frozen=True)
class ModelCompared:
    """A comparison comes to a model, with `done` of its `models` behind it."""

    model: str
    done: int
    models: int


@dataclass(frozen=True)
class CheckpointWritten:
    """The state of a run that is not finished was saved; `--resume path` goes on from it."""

    path: Path


@dataclass(frozen=True)
class BundleWritten:
    """A trained model lies on disk."""

    path: Path


@dataclass(frozen=True)
class ForecastsWritten:
    """A forecasts table lies on disk (or went to stdout, `-`)."""

    path: str
    series: int
    steps: int


Event = (
    DataRead
    | Note
    | TrainingStarted
    | TrainingStep
    | TrainingEnded
    | FoldsForecast
    | TrialStarted
    | TrialEnded
    | ModelCompared
    | CheckpointWritten
    | BundleWritten
    | ForecastsWritten
)
Watch = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Watch nothing."""
