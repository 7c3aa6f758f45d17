"""Studies in a database file, which outlive their process and which several processes can work on."""

import math
import shlex
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecaster.errors import InputError, OutputError
from forecaster.selection.search.optuna import (
    RETRIED_PLACE_KEY,
    SURPLUS_KEY,
    TRIALS_PER_ROUND,
    WORKER_KEY,
    PlacedTrials,
    RunningTrial,
    State,
    load_optuna,
    requeue,
    round_value,
    select_earlier_rounds,
)
from forecaster.selection.search.space import Value, Values
from forecaster.store.alive import AliveMarker, is_alive

if TYPE_CHECKING:
    import optuna

DATABASE = "study.db"

_STUDY_NAME = "forecast"
_METADATA_KEY = "facts"
_SECONDS_TO_SET_WORKER = 10.0  # A process that starts a trial writes its name within this time.
_LOCK_SECONDS = 60.0  # Another process may use the database for this long.

_STATES: dict[str, State] = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed"}


@dataclass(frozen=True)
class Trial:
    """A trial that has ended.

    Attributes:
        number: 1 for the first.
        state: `failed` if its loss was not finite, or its settings were refused.
        loss: None unless done.
        values: the settings that it tried.
        seconds: its duration.
    """

    number: int
    state: State
    loss: float | None
    values: dict[str, Value]
    seconds: float


class Study:
    """The trials of a study, and the metadata needed to resume it.

    The same seed gives the same trials in the same order, whether or not the study was interrupted, and however many
    trials run side by side. The values of a trial and its pruning depend only on its place in the order and on the
    trials of earlier rounds; a lost trial is tried again at its place.
    """

    def __init__(self, study: "optuna.Study", folder: Path) -> None:
        self._study = study
        self._folder = folder

    @classmethod
    def create(cls, folder: Path, metadata: dict[str, Any], first: Values) -> "Study":
        """Create a study in a folder.

        Args:
            metadata: values that JSON can express.
            first: the values of its first trial.

        Raises: OutputError: it cannot be written.
        """
        with as_output_error(folder):
            study = load_optuna().create_study(storage=_storage(folder), study_name=_STUDY_NAME)
            study.set_user_attr(_METADATA_KEY, metadata)
            study.enqueue_trial(dict(first))
        return cls(study, folder)

    @classmethod
    def open(cls, folder: Path) -> "Study":
        """Open the study of a folder.

        Raises: InputError: the folder has no study, or one without metadata.
        """
        error = InputError(f"{folder}: has no study", hint="name the folder that `forecast tune` printed")
        try:
            with (folder / DATABASE).open("rb") as file:
                is_database = file.read(16) == b"SQLite format 3\0"
        except OSError:
            is_database = False
        if not is_database:
            raise error
        try:
            study = cls(load_optuna().load_study(storage=_storage(folder), study_name=_STUDY_NAME), folder)
        except KeyError as missing:
            raise error from missing
        if not study.metadata:
            raise error
        return study

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def metadata(self) -> dict[str, Any]:
        return dict(self._study.user_attrs.get(_METADATA_KEY, {}))

    @property
    def has_running_trials(self) -> bool:
        """True if a living process runs a trial."""
        return any(trial.state.name == "RUNNING" and not self._is_lost(trial) for trial in self._all())

    def trials(self) -> list[Trial]:
        """Return the trials that have ended, by number.

        If the process of a trial died, its repetition takes its place and number; trials started beyond the limit are
        left out.
        """
        latest = {place: trial for place, trial in self._placed() if SURPLUS_KEY not in trial.user_attrs}
        return [
            Trial(
                number=place + 1,
                state=_STATES[trial.state.name],
                loss=trial.value if trial.state.name == "COMPLETE" else None,
                values={key: round_value(value) for key, value in trial.params.items()},
                seconds=trial.duration.total_seconds() if trial.duration else 0.0,
            )
            for place, trial in sorted(latest.items(), key=lambda item: item[0])
            if trial.state.name in _STATES
        ]

    def leaders(self) -> list[Trial]:
        """Return the trials with a loss, the best first; of trials with the same values, only the best."""
        distinct: dict[str, Trial] = {}
        done = (trial for trial in self.trials() if trial.loss is not None)
        for trial in sorted(done, key=lambda trial: (trial.loss or 0.0, trial.number)):
            distinct.setdefault(repr(trial.values), trial)
        return list(distinct.values())

    @property
    def seconds(self) -> float:
        """The wall-clock seconds during which at least one finished trial was running."""
        spans = [
            (trial.datetime_start.timestamp(), trial.datetime_complete.timestamp())
            for trial in self._all()
            if trial.datetime_start and trial.datetime_complete
        ]
        total, end = 0.0, -math.inf
        for started, ended in sorted(spans):
            total += max(ended - max(started, end), 0.0)
            end = max(end, ended)
        return total

    def start_trial(self, marker: AliveMarker, max_trials: float) -> RunningTrial | None:
        """Start the next trial in this process.

        Args:
            marker: of this process.
            max_trials: number of trials of the study; `math.inf` for no limit.

        Returns: None if `max_trials` were started and none has to be tried again, or if the next trial has to wait
            for an earlier round (see `is_blocked`).
        """
        self._requeue_lost_trials(marker)
        placed = self._placed()
        has_queued_trial = any(trial.state.name == "WAITING" for _, trial in placed)
        if not has_queued_trial and (_next_place(placed) >= max_trials or _has_open_round(placed)):
            return None
        trial = self._study.ask()
        placed = self._placed()
        place = placed[trial.number][0]
        running = RunningTrial(self._study, trial, place, select_earlier_rounds(placed, place))
        running.set_worker(marker.name)
        if place < max_trials:
            return running
        running.discard()  # another process has just started the last trial
        return None

    def is_blocked(self, max_trials: float) -> bool:
        """Return True if there are more trials to start, but only once all trials of earlier rounds have ended."""
        placed = self._placed()
        return _next_place(placed) < max_trials and _has_open_round(placed)

    def _requeue_lost_trials(self, marker: AliveMarker) -> None:
        """Let the running trials of dead processes be tried again."""
        for place, trial in self._placed():
            is_of_this_process = trial.user_attrs.get(WORKER_KEY) == marker.name
            if trial.state.name == "RUNNING" and not is_of_this_process and self._is_lost(trial):
                requeue(self._study, trial.number, trial.params, place)

    def _is_lost(self, running: "optuna.trial.FrozenTrial") -> bool:
        """Return True if the process of a running trial is dead."""
        worker = running.user_attrs.get(WORKER_KEY)
        if worker is not None:
            return not is_alive(self._folder, worker)
        started = running.datetime_start.timestamp() if running.datetime_start else 0.0
        return time.time() - started > _SECONDS_TO_SET_WORKER

    def _placed(self) -> PlacedTrials:
        """Return every trial with its place: 0, 1, 2 ... in the order that the study would have without losses."""
        placed: list[tuple[int, optuna.trial.FrozenTrial]] = []
        started = 0
        for trial in self._all():
            placed.append((trial.user_attrs.get(RETRIED_PLACE_KEY, started), trial))
            started += not (RETRIED_PLACE_KEY in trial.user_attrs or SURPLUS_KEY in trial.user_attrs)
        return placed

    def _all(self) -> "list[optuna.trial.FrozenTrial]":
        return self._study.get_trials(deepcopy=False)


@contextmanager
def as_output_error(folder: Path) -> Iterator[None]:
    """Turn a failed write to the database of a study into an error with a hint.

    Raises: OutputError: says how to resume.
    """
    try:
        yield
    except load_optuna().exceptions.StorageInternalError as error:
        raise OutputError(
            f"{folder / DATABASE}: cannot write: {error.__cause__}",
            hint=f"free some space, then: forecast tune --resume {shlex.quote(str(folder))}",
        ) from error


def _storage(folder: Path) -> Any:
    """Open the database file by its path, because some characters of a path have a meaning in a URL."""
    path = folder / DATABASE

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=_LOCK_SECONDS, check_same_thread=False)

    return load_optuna().storages.RDBStorage(f"sqlite:///{DATABASE}", engine_kwargs={"creator": connect})


def _next_place(placed: PlacedTrials) -> int:
    """Return the place of the trial that is started next."""
    return max((place for place, _ in placed), default=-1) + 1


def _has_open_round(placed: PlacedTrials) -> bool:
    """Return True if a trial of a round before the next trial's round is running or queued."""
    first = _next_place(placed) // TRIALS_PER_ROUND * TRIALS_PER_ROUND
    return any(place < first and trial.state.name in ("RUNNING", "WAITING") for place, trial in placed)
