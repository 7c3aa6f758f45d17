"""Several networks as one Forecaster, trained side by side and combined by the median."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from forecaster.config import Config
from forecaster.events import Event, TrainingEnded, TrainingStarted, TrainingStep, Watch
from forecaster.forecast import Checkpoint, Forecast
from forecaster.frequency import Ints
from forecaster.models.neural import NeuralForecaster
from forecaster.models.workers import fit_in_processes
from forecaster.panel import Panel

Arrays = dict[str, npt.NDArray[np.generic]]


class Ensemble:
    """Networks that differ in seed, context or scale; each quantile is the median of the members' quantiles.

    Members train in processes of their own, some at a time. What they learn does not depend on how many that
    are, nor on which ends first. `history` is the first member's.

    Source: Oreshkin et al. 2020, "N-BEATS", sec. 3.4 (the median of networks with several contexts and seeds);
    Lichtendahl, Grushka-Cockayne & Winkler 2013 (quantiles are averaged, not probabilities).
    """

    def __init__(self, members: list[Config], *, workers: int) -> None:
        """Take a resolved config a member.

        Args:
            workers: processes at a time; 1 trains one after the other in this process.
        """
        self.members = [NeuralForecaster(member) for member in members]
        self.name = self.members[0].name
        self._workers = workers

    @property
    def point(self) -> str:
        return self.members[0].point

    @property
    def history(self) -> list[TrainingStep]:
        return self.members[0].history

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        progress = _Progress(watch, len(self.members), self._workers)
        states = _States(checkpoint, len(self.members))
        if self._workers > 1:
            fit_in_processes(self.members, panel, validation, self._workers, progress.watch, states)
            return
        for number, member in enumerate(self.members):
            member.fit(
                panel,
                validation,
                watch=lambda event, number=number: progress.watch(number, event),  # type: ignore[misc]
                checkpoint=states.of(number),
            )

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        forecasts = [member.predict(panel, horizon) for member in self.members]
        mean = np.median([forecast.mean for forecast in forecasts], axis=0)
        quantiles = np.median([forecast.quantiles for forecast in forecasts], axis=0)
        return Forecast.of(panel, mean, quantiles, model=self.name)

    def state(self) -> Arrays:
        return _join([member.state() for member in self.members])

    def restore(self, state: Arrays) -> None:
        for member, part in zip(self.members, _part(state, len(self.members)), strict=True):
            member.restore(part)


class _Progress:
    """Tell of all members' training as if it were one: steps are counted over all of them."""

    def __init__(self, watch: Watch, members: int, workers: int) -> None:
        self._watch = watch
        self._workers = workers
        self._lengths: list[int | None] = [None] * members
        self._taken = [0] * members
        self._ended: dict[int, TrainingEnded] = {}

    def watch(self, number: int, event: Event) -> None:
        match event:
            case TrainingStarted(stage=stage, steps=steps, done=done):
                self._lengths[number], self._taken[number] = steps, done
                self._watch(TrainingStarted(stage, self._length(), sum(self._taken)))
            case TrainingStep():
                self._taken[number] = event.step
                self._watch(replace(event, step=sum(self._taken)))
            case TrainingEnded(stage=stage, steps=steps):
                self._lengths[number] = self._taken[number] = steps
                self._ended[number] = event
                if len(self._ended) == len(self._taken):
                    self._watch(self._sum_up(stage))
            case _:
                self._watch(event)

    def _sum_up(self, stage: str) -> TrainingEnded:
        ended = [self._ended[number] for number in range(len(self._taken))]
        return TrainingEnded(
            stage,
            sum(self._taken),
            best_step=sum(each.best_step for each in ended),
            seconds=sum(each.seconds for each in ended) / self._workers,
            lengths=tuple(length for each in ended for length in each.lengths),
            is_exact=all(each.is_exact for each in ended),
        )

    def _length(self) -> int:
        """Steps of all members, those that have not begun being taken for average ones."""
        known = [length for length in self._lengths if length is not None]
        return round(sum(known) / len(known) * len(self._lengths))


class _States:
    """The members' checkpoints, kept in one."""

    def __init__(self, checkpoint: Checkpoint | None, members: int) -> None:
        self._checkpoint = checkpoint
        self.parts = _part(checkpoint.load() if checkpoint else {}, members)

    def of(self, number: int) -> "Checkpoint":
        return _MemberCheckpoint(self, number)

    def save(self, number: int, state: Arrays) -> None:
        self.parts[number] = state
        if self._checkpoint:
            self._checkpoint.save(_join(self.parts))

    def is_due(self) -> bool:
        return self._checkpoint is not None and self._checkpoint.is_due()


class _MemberCheckpoint:
    def __init__(self, states: _States, number: int) -> None:
        self._states = states
        self._number = number

    def load(self) -> Arrays:
        return self._states.parts[self._number]

    def save(self, state: Arrays) -> None:
        self._states.save(self._number, state)

    def is_due(self) -> bool:
        return self._states.is_due()


def _join(parts: list[Arrays]) -> Arrays:
    return {f"{number}.{name}": value for number, part in enumerate(parts) for name, value in part.items()}


def _part(whole: Arrays, count: int) -> list[Arrays]:
    parts: list[Arrays] = [{} for _ in range(count)]
    for key, value in whole.items():
        number, _, name = key.partition(".")
        parts[int(number)][name] = value
    return parts
