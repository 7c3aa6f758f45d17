"""What a search has tried, in a database file: it outlives its process, and several processes can add to it."""

import math
import shlex
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecaster.errors import InputError, OutputError
from forecaster.selection.search.optuna import (
    AGAIN,
    ROUND,
    SURPLUS,
    WORKER,
    Placed,
    Running,
    State,
    known_to,
    load_optuna,
    short,
    try_again,
)
from forecaster.selection.search.space import Value, Values
from forecaster.store.presence import Presence, is_present

if TYPE_CHECKING:
    import optuna

DATABASE = "study.db"

_NAME, _FACTS = "forecast", "facts"
_SECONDS_TO_NAME = 10.0  # in which a process that took a trial has said who it is
_SECONDS_LOCKED = 60.0  # that the database may be in use by another process

Report = Callable[[int, float], None]
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


class Study:
    """Trials, and the facts that going on with them takes.

    The same seed gives the same trials in the same order, whether or not the search was interrupted and however many
    trials run side by side: a trial's draws and its end come from its place in the order and from the rounds before
    its own, and one that was lost is tried again at its own place.
    """

    def __init__(self, study: "optuna.Study", folder: Path) -> None:
        self._study = study
        self._folder = folder

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
            place: each for place, each in self._placed() if SURPLUS not in each.user_attrs
        }
        return [
            Trial(
                number=place + 1,
                state=_STATES[each.state.name],
                loss=each.value if each.state.name == "COMPLETE" else None,
                values={key: short(value) for key, value in each.params.items()},
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

    @property
    def seconds(self) -> float:
        """Time in which a trial ran that is over, whether one or several did."""
        spans = [
            (each.datetime_start.timestamp(), each.datetime_complete.timestamp())
            for each in self._all()
            if each.datetime_start and each.datetime_complete
        ]
        total, end = 0.0, -math.inf
        for started, ended in sorted(spans):
            total += max(ended - max(started, end), 0.0)
            end = max(end, ended)
        return total

    def take(self, presence: Presence, most: float) -> Running | None:
        """Take on the next trial.

        Returns: None where `most` were begun and none is waiting to be tried again, or where the next one must wait
            (see `is_waiting`).
        """
        self._take_up_lost(presence)
        placed = self._placed()
        is_again = any(each.state.name == "WAITING" for _, each in placed)
        if not is_again and (_next(placed) >= most or _is_early(placed)):
            return None
        trial = self._study.ask()
        placed = self._placed()
        place = placed[trial.number][0]
        running = Running(self._study, trial, place, known_to(placed, place))
        running.name_worker(presence.name)
        if place < most:
            return running
        running.discard()  # another process was faster
        return None

    def is_waiting(self, most: float) -> bool:
        """Whether there is a next trial of `most`, once all trials of earlier rounds are over."""
        placed = self._placed()
        return _next(placed) < most and _is_early(placed)

    def _take_up_lost(self, presence: Presence) -> None:
        """Let what processes that are gone have left unfinished be tried again."""
        for place, each in self._placed():
            is_own = each.user_attrs.get(WORKER) == presence.name
            if each.state.name == "RUNNING" and not is_own and self._is_lost(each):
                try_again(self._study, each.number, each.params, place)

    def _is_lost(self, running: "optuna.trial.FrozenTrial") -> bool:
        """Whether the process of a trial that runs is gone."""
        worker = running.user_attrs.get(WORKER)
        if worker is not None:
            return not is_present(self._folder, worker)
        started = running.datetime_start.timestamp() if running.datetime_start else 0.0
        return time.time() - started > _SECONDS_TO_NAME

    def _placed(self) -> Placed:
        """Every trial with its place: 0, 1, 2 ... in the order as it would be had none been lost."""
        placed: list[tuple[int, optuna.trial.FrozenTrial]] = []
        begun = 0
        for each in self._all():
            placed.append((each.user_attrs.get(AGAIN, begun), each))
            begun += not (AGAIN in each.user_attrs or SURPLUS in each.user_attrs)
        return placed

    def _all(self) -> "list[optuna.trial.FrozenTrial]":
        return self._study.get_trials(deepcopy=False)


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


def _next(placed: Placed) -> int:
    """The place of the trial that is begun next."""
    return max((place for place, _ in placed), default=-1) + 1


def _is_early(placed: Placed) -> bool:
    """Whether trials are under way that the next one has to know."""
    first = _next(placed) // ROUND * ROUND
    return any(place < first and each.state.name in ("RUNNING", "WAITING") for place, each in placed)
