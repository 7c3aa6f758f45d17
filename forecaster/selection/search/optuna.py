"""A trial that this process runs: its draws, and whether it is worth its end."""

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Literal

from forecaster.errors import DependencyError
from forecaster.selection.search.space import Choice, Dimension, Value

if TYPE_CHECKING:
    import optuna

ROUND = 4  # trials that know the same: those of earlier rounds, however many run side by side
WORKER, AGAIN, SURPLUS = "worker", "again", "surplus"  # attributes of a trial

_PATIENT_TRIALS = ROUND  # that end before any is pruned
_PATIENT_TENTHS = 3  # of a schedule that no trial is pruned in: the learning rate rises until then
_SEEDS = 2**32

State = Literal["done", "pruned", "failed"]
Placed = Sequence[tuple[int, "optuna.trial.FrozenTrial"]]


class Running:
    """A trial that this process runs."""

    def __init__(self, study: "optuna.Study", trial: "optuna.Trial", place: int, known: "optuna.Study") -> None:
        """Take up a trial.

        Args:
            known: the trials of earlier rounds.
        """
        self._study = study
        self._trial = trial
        self._known = known
        self.place = place

    def draw(self, space: Collection[Dimension], seed: int) -> dict[str, Value]:
        """Draw values by what trials of earlier rounds reached, and by random numbers of this trial's own.

        Source: Bergstra et al. 2011, "Algorithms for hyper-parameter optimization" (TPE).
        """
        sampler = load_optuna().samplers.TPESampler(seed=(seed + self.place) % _SEEDS)
        self._study.sampler = _knowing(self._known, sampler)
        return {each.key: _suggest(self._trial, each) for each in space}

    def is_hopeless(self, tenth: int, loss: float) -> bool:
        """Note what was reached after some tenths of the schedule; whether the median of earlier rounds was better."""
        self._trial.report(loss, tenth)
        pruner = load_optuna().pruners.MedianPruner(_PATIENT_TRIALS, _PATIENT_TENTHS)
        return bool(pruner.prune(self._known, self._study.get_trials(deepcopy=False)[self._trial.number]))

    def end(self, state: State, loss: float | None = None) -> None:
        states = load_optuna().trial.TrialState
        whole = {"done": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL}
        self._study.tell(self._trial, loss, state=whole[state])

    def give_up(self) -> None:
        """Leave it to be tried again."""
        try_again(self._study, self._trial.number, self._trial.params, self.place)

    def name_worker(self, name: str) -> None:
        self._trial.set_user_attr(WORKER, name)

    def discard(self) -> None:
        """End it as one too many."""
        self._trial.set_user_attr(SURPLUS, True)
        self.end("failed")


def known_to(placed: Placed, place: int) -> "optuna.Study":
    """What a trial may know: in the order of their places, those of earlier rounds that came to something."""
    known = load_optuna().create_study()
    before = (item for item in placed if item[0] < place // ROUND * ROUND)
    for _, each in sorted(before, key=lambda item: item[0]):
        if each.state.name in ("COMPLETE", "PRUNED"):
            known.add_trial(each)
    return known  # type: ignore[no-any-return]


def _knowing(known: "optuna.Study", sampler: Any) -> Any:
    """A sampler that looks at other trials than those of the study it draws for."""

    class Knowing(load_optuna().samplers.BaseSampler):  # type: ignore[misc]
        def infer_relative_search_space(self, *_: Any) -> dict[str, Any]:
            return {}

        def sample_relative(self, *_: Any) -> dict[str, Any]:
            return {}

        def sample_independent(self, _: Any, *drawn: Any) -> Any:
            return sampler.sample_independent(known, *drawn)

    return Knowing()


def try_again(study: "optuna.Study", number: int, values: dict[str, Any], place: int) -> None:
    try:
        study.tell(number, state=load_optuna().trial.TrialState.FAIL)
    except ValueError:  # it is over by now
        return
    given = values if place == 0 else {}  # what others try is drawn again, to the same
    study.enqueue_trial(given, user_attrs={AGAIN: place})


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


def _suggest(trial: "optuna.Trial", dimension: Dimension) -> Value:
    if isinstance(dimension, Choice):
        value: Value = trial.suggest_categorical(dimension.key, dimension.values)  # type: ignore[assignment]
        return value
    low, high, step = dimension.low, dimension.high, dimension.step
    if step is not None and step >= 1:
        return trial.suggest_int(dimension.key, int(low), int(high), step=int(step))
    return short(trial.suggest_float(dimension.key, low, high, step=step, log=step is None))


def short(value: Value) -> Value:
    """A number as people can read it in a config."""
    return float(f"{value:.3g}") if isinstance(value, float) and math.isfinite(value) else value
