"""The trial that this process runs, its draws and its pruning, on top of the package optuna.

Trials come in rounds. All trials of a round are drawn and pruned by the results of earlier rounds alone, so a study
does not depend on how many of them run side by side.
"""

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Literal

from forecaster.errors import DependencyError
from forecaster.selection.search.space import Choice, Dimension, Value

if TYPE_CHECKING:
    import optuna

TRIALS_PER_ROUND = 4

# The attributes of a trial in the database.
WORKER_KEY = "worker"  # The name of the process that runs the trial.
RETRIED_PLACE_KEY = "again"  # The place of the lost trial that this one repeats.
SURPLUS_KEY = "surplus"  # True for a trial that was started beyond the limit.

_TRIALS_BEFORE_PRUNING = TRIALS_PER_ROUND
_TENTHS_BEFORE_PRUNING = 3  # The learning rate rises until then.
_SEED_COUNT = 2**32

State = Literal["done", "pruned", "failed"]
PlacedTrials = Sequence[tuple[int, "optuna.trial.FrozenTrial"]]


class RunningTrial:
    """A trial that this process runs.

    Attributes:
        place: its number from 0, in the order that the study would have if no trial were lost.
    """

    def __init__(
        self, study: "optuna.Study", trial: "optuna.Trial", place: int, earlier_rounds: "optuna.Study"
    ) -> None:
        """Wrap a trial of optuna.

        Args:
            earlier_rounds: a study of the trials that may influence this one; see `select_earlier_rounds`.
        """
        self._study = study
        self._trial = trial
        self._earlier_rounds = earlier_rounds
        self.place = place

    def draw_values(self, space: Collection[Dimension], seed: int) -> dict[str, Value]:
        """Draw values by the losses of earlier rounds and by the random numbers of this place.

        Source: Bergstra et al. 2011, "Algorithms for hyper-parameter optimization" (TPE).
        """
        sampler = load_optuna().samplers.TPESampler(seed=(seed + self.place) % _SEED_COUNT)
        self._study.sampler = _sample_by(self._earlier_rounds, sampler)
        return {dimension.key: _suggest(self._trial, dimension) for dimension in space}

    def report_and_prune(self, tenth: int, loss: float) -> bool:
        """Report a loss and return True if the trial should stop: the median loss of earlier rounds was lower.

        Args:
            tenth: tenths of the training schedule that are done.
        """
        self._trial.report(loss, tenth)
        pruner = load_optuna().pruners.MedianPruner(_TRIALS_BEFORE_PRUNING, _TENTHS_BEFORE_PRUNING)
        return bool(pruner.prune(self._earlier_rounds, self._study.get_trials(deepcopy=False)[self._trial.number]))

    def end(self, state: State, loss: float | None = None) -> None:
        """Write the state and the loss of the trial, which is over."""
        states = load_optuna().trial.TrialState
        optuna_states = {"done": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL}
        self._study.tell(self._trial, loss, state=optuna_states[state])

    def requeue(self) -> None:
        """End the trial without a result, and let it be tried again."""
        requeue(self._study, self._trial.number, self._trial.params, self.place)

    def set_worker(self, name: str) -> None:
        """Write the name of the process that runs the trial."""
        self._trial.set_user_attr(WORKER_KEY, name)

    def discard(self) -> None:
        """End the trial as one that was started beyond the limit."""
        self._trial.set_user_attr(SURPLUS_KEY, True)
        self.end("failed")


def select_earlier_rounds(placed: PlacedTrials, place: int) -> "optuna.Study":
    """Return a study of the trials of earlier rounds that have a loss, in the order of their places."""
    study = load_optuna().create_study()
    earlier = (item for item in placed if item[0] < place // TRIALS_PER_ROUND * TRIALS_PER_ROUND)
    for _, trial in sorted(earlier, key=lambda item: item[0]):
        if trial.state.name in ("COMPLETE", "PRUNED"):
            study.add_trial(trial)
    return study  # type: ignore[no-any-return]


def _sample_by(study: "optuna.Study", sampler: Any) -> Any:
    """Return a sampler that draws by the trials of another study than the one it draws for."""

    class OtherStudySampler(load_optuna().samplers.BaseSampler):  # type: ignore[misc]
        def infer_relative_search_space(self, *_: Any) -> dict[str, Any]:
            return {}

        def sample_relative(self, *_: Any) -> dict[str, Any]:
            return {}

        def sample_independent(self, _: Any, *arguments: Any) -> Any:
            return sampler.sample_independent(study, *arguments)

    return OtherStudySampler()


def requeue(study: "optuna.Study", number: int, values: dict[str, Any], place: int) -> None:
    """End a lost trial as failed, and enqueue another one for its place, unless the lost trial has ended since.

    Args:
        number: optuna's number of the lost trial.
        values: those of the lost trial. Only the first place needs them; others are drawn again, with the same result.
    """
    try:
        study.tell(number, state=load_optuna().trial.TrialState.FAIL)
    except ValueError:  # the trial has ended
        return
    study.enqueue_trial(values if place == 0 else {}, user_attrs={RETRIED_PLACE_KEY: place})


def load_optuna() -> Any:
    """Import optuna without its log messages.

    Raises: DependencyError: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise DependencyError("tuning needs the package optuna", hint="pip install optuna") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _suggest(trial: "optuna.Trial", dimension: Dimension) -> Value:
    if isinstance(dimension, Choice):
        value: Value = trial.suggest_categorical(dimension.key, dimension.values)  # type: ignore[assignment]
        return value
    low, high, step = dimension.low, dimension.high, dimension.step
    if step is not None and step >= 1:
        return trial.suggest_int(dimension.key, int(low), int(high), step=int(step))
    return round_value(trial.suggest_float(dimension.key, low, high, step=step, log=step is None))


def round_value(value: Value) -> Value:
    """Round a number to three digits, so that a config with it is easy to read; return other values unchanged."""
    return float(f"{value:.3g}") if isinstance(value, float) and math.isfinite(value) else value
