"""The events of a run. The command line prints them; tests and job logs collect them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DataRead:
    """A table has been loaded as a panel; `roles` is one line that says how each column is used."""

    source: str
    series: int
    rows: int
    roles: str


@dataclass(frozen=True)
class Note:
    """A message for the user, such as a column that is left out or a default that applies."""

    text: str


@dataclass(frozen=True)
class TrainingStarted:
    """A training stage (`fit` or `refit`) begins after `done` of at most `steps` steps."""

    stage: str
    steps: int
    done: int


@dataclass(frozen=True)
class TrainingStep:
    """One optimizer step; losses are in scaled units, and the gradient's norm is from before clipping."""

    step: int
    seconds: float
    train_loss: float
    validation_loss: float | None
    learning_rate: float
    gradient_norm: float


@dataclass(frozen=True)
class TrainingEnded:
    """A training stage has ended.

    Attributes:
        best_step: the step whose weights the model uses.
        lengths: steps in the schedule of each network, to repeat the stage without a time limit.
        is_exact: True if a repetition with `lengths` gives the same bytes; False if a time limit shortened a schedule.
    """

    stage: str
    steps: int
    best_step: int
    seconds: float
    lengths: tuple[int, ...]
    is_exact: bool = True


@dataclass(frozen=True)
class FoldsForecast:
    """A backtest has forecast `done` of its `folds`; `seconds_left` is None until it can be estimated."""

    done: int
    folds: int
    seconds_left: float | None


@dataclass(frozen=True)
class TrialStarted:
    """A trial of a study begins: `number` counts from 1; `trials` is None if only time limits the study."""

    number: int
    trials: int | None


@dataclass(frozen=True)
class TrialEnded:
    """A trial of a study has ended.

    Attributes:
        state: `done`, `pruned` or `failed`.
        loss: the loss of this trial; `best` is the lowest loss so far, of trial `best_number`.
        done: ended trials of the study; `trials` is their limit, None if only time limits the study.
    """

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
    """A comparison begins to evaluate `model`, after `done` of its `models`."""

    model: str
    done: int
    models: int


@dataclass(frozen=True)
class CheckpointWritten:
    """The state of an unfinished run has been saved; `--resume path` continues it."""

    path: Path


@dataclass(frozen=True)
class BundleWritten:
    """A trained model has been written."""

    path: Path


@dataclass(frozen=True)
class ForecastsWritten:
    """A forecasts table has been written to a file, or to stdout (`-`)."""

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
    """Discard an event."""
