"""A search: trials of a study until it reaches a limit, one after the other or side by side."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from forecaster.errors import DependencyError, ForecastError, Interrupted
from forecaster.events import Watch
from forecaster.parallel.factory import create_pool
from forecaster.parallel.pool import Callbacks, OneAtATime, Work, WorkerContext
from forecaster.selection.search.limits import Limits
from forecaster.selection.search.scheduler import Outcome, Progress, Scheduler
from forecaster.selection.search.space import Dimension, Values
from forecaster.selection.search.study import Study, as_output_error
from forecaster.store.alive import AliveMarker

ReportLoss = Callable[[int, float], None]
Objective = Callable[[Values, ReportLoss], float]


@dataclass(frozen=True)
class TrialPool:
    """A pool of workers that run trials side by side.

    Attributes:
        objective: returns the loss of some values; a function of a module. Its arguments are `context`, the values, a
            function that reports a loss on the way, and a function that receives the events of the training.
        context: what the objective needs besides the values.
        workers: number of workers.
        threads: processor threads of each; None if the objective does not need torch.
    """

    objective: Callable[[Any, Values, ReportLoss, Watch], float]
    context: Any
    workers: int
    threads: int | None


def search(
    study: Study,
    objective: Objective | TrialPool,
    space: Collection[Dimension],
    *,
    seed: int,
    limits: Limits,
    watch: Watch,
) -> None:
    """Run trials until a limit is reached; the first trial always runs to its end.

    The values of the trials and their losses do not depend on the number of workers.

    Args:
        objective: returns the loss of some values, and reports losses on the way. If it refuses values with an error
            of ours, only that trial fails, unless it is the first; any other error stops the search.
        space: the settings that trials vary.
        watch: receives the events of every trial.

    Raises:
        OutputError: the database cannot be written.
        DependencyError: a worker was killed.
        Interrupted: a signal stopped the search. As with a killed worker, running trials will be tried again.
    """
    with as_output_error(study.folder), AliveMarker(study.folder) as marker:
        scheduler = Scheduler(study, marker, space, seed, limits, watch)
        try:
            if isinstance(objective, TrialPool):
                _run_side_by_side(scheduler, objective, watch)
            else:
                while next_trial := scheduler.start_next():
                    place, values = next_trial
                    outcome = _run_trial(partial(objective, values), partial(scheduler.should_stop, place))
                    scheduler.end(place, outcome)
        except (Interrupted, DependencyError):
            scheduler.requeue_all()
            raise
        except BaseException:
            scheduler.fail_all()
            raise


def _run_side_by_side(scheduler: Scheduler, pool: TrialPool, watch: Watch) -> None:
    one_at_a_time = OneAtATime(watch)

    def on_result(place: int, outcome: Outcome) -> None:
        one_at_a_time.end(place)
        scheduler.end(place, outcome)

    create_pool(workers=pool.workers, threads=pool.threads).run(
        Work(_run_in_worker, scheduler.start_next, shared=pool, name="trial"),
        Callbacks(on_message=one_at_a_time.forward, on_result=on_result, on_question=scheduler.should_stop),
    )


def _run_in_worker(context: WorkerContext, values: Values) -> Outcome:
    pool: TrialPool = context.shared
    return _run_trial(
        lambda report: pool.objective(pool.context, values, report, context.send_message), should_stop=context.ask
    )


class _Pruned(Exception):
    """A trial was stopped early."""


def _run_trial(objective: Callable[[ReportLoss], float], should_stop: Callable[[Progress], bool]) -> Outcome:
    """Run a trial, and return its outcome.

    Args:
        objective: with the values of the trial.
        should_stop: returns True if the trial should stop at this progress.
    """

    def report(tenth: int, loss: float) -> None:
        if should_stop(Progress(tenth, loss)):
            raise _Pruned

    try:
        return Outcome(loss=objective(report))
    except _Pruned:
        return Outcome()
    except Interrupted:
        raise
    except ForecastError as refusal:
        return Outcome(refusal=refusal)
