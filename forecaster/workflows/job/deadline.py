"""The deadline of a run: the last good model publishes if training lasts longer, and training goes on afterwards."""

import contextlib
import threading
import time
from collections import deque
from datetime import datetime, timedelta
from types import TracebackType
from typing import Literal, Self

from forecaster.errors import ForecastError, GateError, Interrupted
from forecaster.events import Event, Note, Watch
from forecaster.store.bundle import Bundle
from forecaster.workflows.clock import find_next
from forecaster.workflows.job.audit import AuditedData
from forecaster.workflows.job.challenge import can_read
from forecaster.workflows.job.choose_model import keep_champion
from forecaster.workflows.job.policy import Assessment
from forecaster.workflows.job.ready_forecast import ReadyForecast, prepare, prepare_naive
from forecaster.workflows.job.run_state import JobRun
from forecaster.workflows.job.summary import DeferralSummary

_MIN_MARGIN_SECONDS = 15.0
_MARGIN_PREDICTIONS = 2  # Publishing may last this many times as long as the forecast did.
_SECONDS_BETWEEN_LOOKS = 1.0
_LONGEST_WAIT = timedelta(hours=12)  # A deadline that is farther away is the one of the next day.


class Standby:
    """A forecast that is published shortly before the deadline, unless the training ends before.

    It is made before the training, so that only writing is left to do at the deadline. A thread waits for that time,
    because a training may report no event for long. Use it as a context around the training and everything that the new
    model needs until it publishes. If the training fails in the context, the last good model publishes at once. After
    the context, the run has the records of what was published.

    Attributes:
        due: time of the publication.
        code: exit code of the publication; None as long as nothing was published.
    """

    def __init__(self, run: JobRun, champion: Bundle | None, assessment: Assessment | None, data: AuditedData) -> None:
        """Forecast with the last good model, or with a naive one if there is none.

        Args:
            run: the run, which has a deadline and is about to train.

        Raises: GateError: the last good model does not pass the gate, and the job publishes nothing else.
        """
        run.claim_bundles()  # The names of temporary files contain the owner's id.
        self._run = run
        self._watch = run.watch
        self._notes: deque[Event] = deque()
        start = time.perf_counter()
        self._ready = _prepare(run, self._notes.append, champion, assessment, data)
        seconds = time.perf_counter() - start
        self._author = "the model in use" if self._ready.model else "a naive model"
        self._deadline = find_next(str(run.job.policy.deadline), run.now)
        margin = max(_MIN_MARGIN_SECONDS, _MARGIN_PREDICTIONS * seconds)
        self.due = self._deadline - timedelta(seconds=margin)
        self._is_withdrawn = threading.Event()
        self._thread = threading.Thread(target=self._wait, name="deadline")
        self.code: int | None = None

    def __enter__(self) -> Self:
        now = self._run.clock()
        if now < self.due:
            time_of_day = describe_moment(self.due, now, "%H:%M:%S")
            self._watch(Note(f"{self._author} publishes at {time_of_day} if training is not over by then"))
        if (text := describe_late_start(str(self._run.job.policy.deadline), self._run.now)) is not None:
            self._run.summary.warn(text)
        self._run.watch = self._pass_on  # A signal may be raised there, so the thread never calls it.
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        self.withdraw()
        has_failed = isinstance(error, Exception) and not isinstance(error, Interrupted)
        if has_failed and self.code is None and self._ready.model is not None:
            with contextlib.suppress(ForecastError):  # The failure of the training is the one to report.
                self._publish("training failed")
        self._run.watch = self._watch
        if self.code is not None:
            self._run.join(self._ready.run, with_attempt=not isinstance(error, Interrupted))
        with contextlib.suppress(*([Interrupted] if error else [])):
            self._pass_on_notes()
        return False

    def withdraw(self) -> bool:
        """Keep the forecast from being published from now on.

        Returns: True if nothing was published, so that the new model has to publish.
        """
        self._is_withdrawn.set()
        self._thread.join()
        return self.code is None

    def _wait(self) -> None:
        clock = self._run.clock
        while (seconds := (self.due - clock()).total_seconds()) > 0:
            if self._is_withdrawn.wait(min(seconds, _SECONDS_BETWEEN_LOOKS)):  # The clock may jump.
                return
        try:
            self._publish("the deadline has passed" if clock() >= self._deadline else "the deadline is near")
        except Exception as error:  # The new model publishes as if there were no deadline.
            self._notes.append(Note(f"the deadline was missed: {error}"))

    def _publish(self, reason: str) -> None:
        branch = self._ready.run
        self._notes.append(Note(f"{reason}: {self._author} publishes"))
        branch.summary.deferred = DeferralSummary(deadline=self._deadline.isoformat(timespec="minutes"), bundle=None)
        self.code = self._ready.publish()

    def _pass_on(self, event: Event) -> None:
        self._pass_on_notes()
        self._watch(event)

    def _pass_on_notes(self) -> None:
        while self._notes:
            self._watch(self._notes.popleft())


def describe_late_start(deadline: str, now: datetime) -> str | None:
    """Return a warning if a run starts after the deadline of its day; None if the deadline is less than 12 hours away.

    Args:
        deadline: time of day of the job.
        now: start of the run.
    """
    moment = find_next(deadline, now)
    if moment - now <= _LONGEST_WAIT:
        return None
    return f"job.deadline {deadline} had passed when the run started: the next one is at {describe_moment(moment, now)}"


def describe_moment(moment: datetime, now: datetime, form: str = "%H:%M") -> str:
    """Return the time of a moment on the machine's clock, with the date if that is not the date of `now`."""
    local = moment.astimezone()
    day = "" if local.date() == now.astimezone().date() else f" on {local:%Y-%m-%d}"
    return f"{local:{form}}{day}"


def _prepare(
    run: JobRun, notes: Watch, champion: Bundle | None, assessment: Assessment | None, data: AuditedData
) -> ReadyForecast:
    """Forecast with the last good model, or with a naive one, in a branch of a run.

    Args:
        notes: receives the events of the branch.
    """
    branch = run.branch(notes)
    if champion is None:
        return prepare_naive(branch, data, "there is no model yet")
    if not can_read(champion, data.loaded):
        return prepare_naive(branch, data, "the model in use was trained for other data or another horizon")
    try:
        return prepare(branch, data, keep_champion(champion, assessment))
    except GateError:
        raise
    except ForecastError as error:
        return prepare_naive(run.branch(notes), data, error.message)
