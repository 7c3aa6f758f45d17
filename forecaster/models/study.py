"""What a search has tried, in a database file: it outlives its process, and several processes can add to it."""

import math
import shlex
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from forecaster.errors import DependencyError, InputError, OutputError
from forecaster.models.space import Choice, Dimension, Value, Values
from forecaster.store.presence import Presence, is_present

if TYPE_CHECKING:
    import optuna

DATABASE = "study.db"

_NAME, _FACTS = "forecast", "facts"
_WORKER, _AGAIN, _SURPLUS = "worker", "again", "surplus"  # attributes of a trial
_PATIENT_TRIALS = 5  # that end before any is pruned
_PATIENT_TENTHS = 3  # of a schedule that no trial is pruned in: the learning rate rises until then
_SECONDS_TO_NAME = 10.0  # in which a process that took a trial has said who it is
_SECONDS_LOCKED = 60.0  # that the database may be in use by another process
_SEEDS = 2**32

Report = Callable[[int, float], None]
State = Literal["done", "pruned", "failed"]
_STATES: dict[str, State] = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed"}


@dataclass(frozen=True)
class Trial:
    """A trial that is over.

    Attributes:
        number: 1 is the first.
        state: `failed` where its loss was no number, or its settings were refused.
        loss: None unless done.
    """

    number: int
    state: State
    loss: float | None
    values: dict[str, Value]
    seconds: float


class Running:
    """A trial that this process runs."""

    def __init__(self, study: "optuna.Study", trial: "optuna.Trial", place: int) -> None:
        self._study = study
        self._trial = trial
        self.place = place

    def draw(self, space: Collection[Dimension], seed: int) -> dict[str, Value]:
        """Draw values by what other trials reached, and by random numbers of this trial's own.

        Source: Bergstra et al. 2011, "Algorithms for hyper-parameter optimization" (TPE).
        """
        self._study.sampler = load_optuna().samplers.TPESampler(seed=(seed + self.place) % _SEEDS)
        return {each.key: _suggest(self._trial, each) for each in space}

    def is_hopeless(self, tenth: int, loss: float) -> bool:
        """Note what was reached after some tenths of the schedule; whether the median of others was better there."""
        self._trial.report(loss, tenth)
        return self._trial.should_prune()

    def end(self, state: State, loss: float | None = None) -> None:
        states = load_optuna().trial.TrialState
        whole = {"done": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL}
        self._study.tell(self._trial, loss, state=whole[state])

    def give_up(self) -> None:
        """Leave it to be tried again."""
        _try_again(self._study, self._trial.number, self._trial.params, self.place)

    def name_worker(self, name: str) -> None:
        self._trial.set_user_attr(_WORKER, name)

    def discard(self) -> None:
        """End it as one too many."""
        self._trial.set_user_attr(_SURPLUS, True)
        self.end("failed")


class Study:
    """Trials, and the facts that going on with them takes.

    The same seed gives the same trials in the same order, whether or not a single process was interrupted: a trial's
    draws come from its place in the order, and one that was lost is tried again at its own place.
    """

    def __init__(self, study: "optuna.Study", folder: Path) -> None:
        self._study = study
        self._folder = folder
        study.pruner = load_optuna().pruners.MedianPruner(_PATIENT_TRIALS, _PATIENT_TENTHS)

    @classmethod
    def create(cls, folder: Path, facts: dict[str, Any], first: Values) -> "Study":
        """Begin a study in a folder.

        Args:
            facts: plain values.
            first: what its first trial tries.

        Raises: OutputError: it cannot be written.
        """
        with writable(folder):
            study = load_optuna().create_study(storage=_storage(folder), study_name=_NAME)
            study.set_user_attr(_FACTS, facts)
            study.enqueue_trial(dict(first))
        return cls(study, folder)

    @classmethod
    def open(cls, folder: Path) -> "Study":
        """Go on with the study of a folder.

        Raises: InputError: none lies there, or it never began.
        """
        error = InputError(f"{folder}: holds no study", hint="name the folder that `forecast tune` told")
        try:
            with (folder / DATABASE).open("rb") as file:
                is_database = file.read(16) == b"SQLite format 3\0"
        except OSError:
            is_database = False
        if not is_database:
            raise error
        try:
            study = cls(load_optuna().load_study(storage=_storage(folder), study_name=_NAME), folder)
        except KeyError as missing:
            raise error from missing
        if not study.facts:
            raise error
        return study

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def facts(self) -> dict[str, Any]:
        return dict(self._study.user_attrs.get(_FACTS, {}))

    @property
    def is_at_work(self) -> bool:
        """Whether a process that is alive runs a trial."""
        return any(each.state.name == "RUNNING" and not self._is_lost(each) for each in self._all())

    def trials(self) -> list[Trial]:
        """Those that are over, in order; without the ones that were lost and are tried again."""
        last = {  # of those at one place: the others were lost
            place: each for place, each in self._placed() if _SURPLUS not in each.user_attrs
        }
        return [
            Trial(
                number=place + 1,
                state=_STATES[each.state.name],
                loss=each.value if each.state.name == "COMPLETE" else None,
                values={key: _short(value) for key, value in each.params.items()},
                seconds=each.duration.total_seconds() if each.duration else 0.0,
            )
            for place, each in sorted(last.items(), key=lambda item: item[0])
            if each.state.name in _STATES
        ]

    def leaders(self) -> list[Trial]:
        """Trials that went to their end, the best first, each set of values once."""
        distinct: dict[str, Trial] = {}
        done = (each for each in self.trials() if each.loss is not None)
        for each in sorted(done, key=lambda trial: (trial.loss or 0.0, trial.number)):
            distinct.setdefault(repr(each.values), each)
        return list(distinct.values())

    def take(self, presence: Presence, most: float) -> Running | None:
        """Take on the next trial; None where `most` were begun and none is waiting to be tried again."""
        self._take_up_lost(presence)
        placed = self._placed()
        is_waiting = any(each.state.name == "WAITING" for _, each in placed)
        if not is_waiting and max((place for place, _ in placed), default=-1) + 1 >= most:
            return None
        trial = self._study.ask()
        running = Running(self._study, trial, self._placed()[trial.number][0])
        running.name_worker(presence.name)
        if running.place < most:
            return running
        running.discard()  # another process was faster
        return None

    def _take_up_lost(self, presence: Presence) -> None:
        """Let what processes that are gone have left unfinished be tried again."""
        for place, each in self._placed():
            is_own = each.user_attrs.get(_WORKER) == presence.name
            if each.state.name == "RUNNING" and not is_own and self._is_lost(each):
                _try_again(self._study, each.number, each.params, place)

    def _is_lost(self, running: "optuna.trial.FrozenTrial") -> bool:
        """Whether the process of a trial that runs is gone."""
        worker = running.user_attrs.get(_WORKER)
        if worker is not None:
            return not is_present(self._folder, worker)
        started = running.datetime_start.timestamp() if running.datetime_start else 0.0
        return time.time() - started > _SECONDS_TO_NAME

    def _placed(self) -> "list[tuple[int, optuna.trial.FrozenTrial]]":
        """Every trial with its place: 0, 1, 2 ... in the order as it would be had none been lost."""
        placed: list[tuple[int, optuna.trial.FrozenTrial]] = []
        begun = 0
        for each in self._all():
            placed.append((each.user_attrs.get(_AGAIN, begun), each))
            begun += not (_AGAIN in each.user_attrs or _SURPLUS in each.user_attrs)
        return placed

    def _all(self) -> "list[optuna.trial.FrozenTrial]":
        return self._study.get_trials(deepcopy=False)


def load_optuna() -> Any:
    """Import the library that searches; it speaks through our events alone.

    Raises: DependencyError: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise DependencyError("tuning needs the package optuna", hint="pip install optuna") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Turn a database that refuses into the failure users know.

    Raises: OutputError: says how to go on.
    """
    try:
        yield
    except load_optuna().exceptions.StorageInternalError as error:
        raise OutputError(
            f"{folder / DATABASE}: cannot write: {error.__cause__}",
            hint=f"free some space, then: forecast tune --resume {shlex.quote(str(folder))}",
        ) from error


def _storage(folder: Path) -> Any:
    """The database file, opened by its path: in a URL some of its characters would mean something else."""
    path = folder / DATABASE

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=_SECONDS_LOCKED, check_same_thread=False)

    return load_optuna().storages.RDBStorage(f"sqlite:///{DATABASE}", engine_kwargs={"creator": connect})


def _try_again(study: "optuna.Study", number: int, values: dict[str, Any], place: int) -> None:
    try:
        study.tell(number, state=load_optuna().trial.TrialState.FAIL)
    except ValueError:  # it is over by now
        return
    study.enqueue_trial(values, user_attrs={_AGAIN: place})


def _suggest(trial: "optuna.Trial", dimension: Dimension) -> Value:
    if isinstance(dimension, Choice):
        value: Value = trial.suggest_categorical(dimension.key, dimension.values)  # type: ignore[assignment]
        return value
    low, high, step = dimension.low, dimension.high, dimension.step
    if step is not None and step >= 1:
        return trial.suggest_int(dimension.key, int(low), int(high), step=int(step))
    return _short(trial.suggest_float(dimension.key, low, high, step=step, log=step is None))


def _short(value: Value) -> Value:
    """A number as people can read it in a config."""
    return float(f"{value:.3g}") if isinstance(value, float) and math.isfinite(value) else value
