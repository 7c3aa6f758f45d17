"""An ensemble: forecasters combined by the median, whose networks are trained in parallel."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from forecaster.evaluation.combination import Combination, combine
from forecaster.events import Event, TrainingEnded, TrainingStarted, TrainingStep, Watch, ignore
from forecaster.forecast import Checkpoint, Exportable, Forecast, Forecaster, HasNetworks, Updatable
from forecaster.frequency import Ints
from forecaster.models.calibrated import Calibrated
from forecaster.models.local import Local
from forecaster.models.member_choice import MemberChoice
from forecaster.models.pretrained import PretrainedForecaster
from forecaster.models.state import Arrays
from forecaster.panel import Panel

Content = TypeVar("Content")

_WITHOUT_TRAINING = (Local, PretrainedForecaster)


class Ensemble:
    """Forecasters that differ in kind, seed, context or scale; each quantile is the median of the members' quantiles.

    Networks are trained in worker processes, several at a time; the other members are fitted in this process after
    them. The result does not depend on the number of workers, nor on the order in which they end. `history` is the
    history of the first member that has one.

    Source: Oreshkin et al. 2020, "N-BEATS", sec. 3.4 (the median of networks with several contexts and seeds);
    Lichtendahl, Grushka-Cockayne & Winkler 2013 (quantiles are averaged, not probabilities).
    """

    def __init__(
        self, candidates: Sequence[Forecaster], *, name: str, workers: int, choice: MemberChoice | None = None
    ) -> None:
        """Combine forecasters.

        Args:
            candidates: the forecasters, all of which are members until a fit chooses some.
            name: the model's resolved name.
            workers: maximum number of worker processes at a time; 1 trains all members in this process.
            choice: chooses the members; None if all candidates are members.
        """
        self.candidates = list(candidates)
        self.numbers = tuple(range(len(candidates)))
        self.combination: Combination | None = None
        self.name = name
        self._workers = workers
        self._choice = choice

    @property
    def point(self) -> str:
        return "expectation"

    @property
    def members(self) -> list[Forecaster]:
        """The candidates that the last fit has chosen; all of them before a fit, or if no choice is made."""
        return [self.candidates[number] for number in self.numbers]

    @property
    def history(self) -> list[TrainingStep]:
        return next((member.history for member in self.members if member.history), [])

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        if validation is not None:
            self.numbers = tuple(range(len(self.candidates)))
        learning = self._list_learning()
        progress = _Progress(watch, len(learning), self._workers)
        states = _States(checkpoint, len(self.candidates))
        fitted: set[int] = set()
        if learning and self._workers > 1:
            fitted = self._fit_in_processes(panel, validation, progress, states)
        for number in self.numbers:
            if number not in fitted:
                # what a candidate cannot use is no news, since the choice may leave it out
                is_silent = self._choice is not None and number not in learning
                self.candidates[number].fit(
                    panel,
                    validation,
                    watch=ignore if is_silent else lambda event, number=number: progress.watch(number, event),  # type: ignore[misc]
                    checkpoint=states.of(number),
                )
        if validation is not None:
            self.choose(panel, validation)

    def choose(self, panel: Panel, tail: Ints) -> None:
        """Choose the members among the fitted candidates, if this ensemble does, by their forecasts of a tail.

        Args:
            tail: [N] steps at the end of each series that no weights depend on.
        """
        if self._choice is None:
            return
        leaders = [
            number
            for number, each in enumerate(self.candidates)
            if isinstance(each, HasNetworks) and not isinstance(each, _WITHOUT_TRAINING)
        ]
        self.combination = self._choice.choose(self.candidates, leaders, panel, tail)
        self.numbers = self.combination.members

    def _list_learning(self) -> list[int]:
        """List the numbers of the members that learn from the panel."""
        return [number for number in self.numbers if not isinstance(self.candidates[number], _WITHOUT_TRAINING)]

    def _fit_in_processes(
        self, panel: Panel, validation: Ints | None, progress: "_Progress", states: "_States"
    ) -> set[int]:
        """Fit the members that are networks, and return their numbers."""
        from forecaster.models.ensemble_training import fit_in_processes
        from forecaster.models.trained import TrainedForecaster  # loads torch, which other members do not need

        members = {number: self.candidates[number] for number in self.numbers}
        networks = {number: each for number, each in members.items() if isinstance(each, TrainedForecaster)}
        if networks:
            fit_in_processes(networks, panel, validation, self._workers, progress.watch, states)
        return set(networks)

    def update(self, panel: Panel, since: int, *, watch: Watch) -> None:
        members = [member for member in self.members if isinstance(member, Updatable)]
        progress = _Progress(watch, len(members), workers=1)
        for number, member in enumerate(members):
            member.update(panel, since, watch=lambda event, number=number: progress.watch(number, event))  # type: ignore[misc]

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        forecasts = [member.predict(panel, horizon) for member in self.members]
        quantiles = combine([forecast.quantiles for forecast in forecasts])
        fallback = np.any([forecast.fallback for forecast in forecasts], axis=0)
        return Forecast.of(panel, quantiles, model=self.name, fallback=fallback)

    def state(self) -> Arrays:
        return self._join([member.state() for member in self.members])

    def exports(self) -> dict[str, bytes]:
        return self._join([member.exports() if isinstance(member, Exportable) else {} for member in self.members])

    def networks(self) -> Sequence[Forecaster]:
        return [network for member in self.members if isinstance(member, HasNetworks) for network in member.networks()]

    def _join(self, parts: Sequence[dict[str, Content]]) -> dict[str, Content]:
        """Merge the dictionaries of the members; a single chosen member is saved as a model of its own."""
        return parts[0] if self._choice is not None and len(parts) == 1 else join_members(parts)

    def restore(self, state: Arrays) -> None:
        for member, member_state in zip(self.members, split_members(state, len(self.members)), strict=True):
            member.restore(member_state)


def combination_of(forecaster: Forecaster) -> Combination | None:
    """Return the members that a fitted ensemble has chosen; None if the forecaster has chosen none."""
    inner = forecaster.inner if isinstance(forecaster, Calibrated) else forecaster
    return inner.combination if isinstance(inner, Ensemble) else None


class _Progress:
    """Reports the trainings of all members as one training, whose steps are the sum over the members."""

    def __init__(self, watch: Watch, members: int, workers: int) -> None:
        """Create the state of the joint training.

        Args:
            watch: receives the events of the joint training.
            members: number of members that train.
            workers: number of members that train at a time.
        """
        self._watch = watch
        self._members = members
        self._workers = workers
        self._lengths: dict[int, int] = {}
        self._steps: dict[int, int] = {}
        self._ended: dict[int, TrainingEnded] = {}

    def watch(self, number: int, event: Event) -> None:
        match event:
            case TrainingStarted(stage=stage, steps=steps, done=done):
                self._lengths[number], self._steps[number] = steps, done
                self._watch(TrainingStarted(stage, self._estimate_length(), sum(self._steps.values())))
            case TrainingStep():
                self._steps[number] = event.step
                self._watch(replace(event, step=sum(self._steps.values())))
            case TrainingEnded(stage=stage, steps=steps):
                self._lengths[number] = self._steps[number] = steps
                self._ended[number] = event
                if len(self._ended) == self._members:
                    self._watch(self._sum_up(stage))
            case _:
                self._watch(event)

    def _sum_up(self, stage: str) -> TrainingEnded:
        ended = [self._ended[number] for number in sorted(self._ended)]
        return TrainingEnded(
            stage,
            sum(self._steps.values()),
            best_step=sum(each.best_step for each in ended),
            seconds=sum(each.seconds for each in ended) / self._workers,
            lengths=tuple(length for each in ended for length in each.lengths),
            is_exact=all(each.is_exact for each in ended),
        )

    def _estimate_length(self) -> int:
        """Estimate the steps of all members, assuming an average length for members that have not begun."""
        known = self._lengths.values()
        return round(sum(known) / len(known) * self._members)


class _States:
    """The states of all members in one checkpoint."""

    def __init__(self, checkpoint: Checkpoint | None, members: int) -> None:
        self._checkpoint = checkpoint
        self.parts = split_members(checkpoint.load() if checkpoint else {}, members)

    def of(self, number: int) -> "Checkpoint":
        """Return the checkpoint of one member."""
        return _MemberCheckpoint(self, number)

    def save(self, number: int, state: Arrays) -> None:
        self.parts[number] = state
        if self._checkpoint:
            self._checkpoint.save(join_members(self.parts))

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


def join_members(parts: Sequence[dict[str, Content]]) -> dict[str, Content]:
    """Merge the dictionaries of the members; a key becomes `<number of the member>.<key>`."""
    return {f"{number}.{name}": value for number, part in enumerate(parts) for name, value in part.items()}


def split_members(whole: Mapping[str, Content], count: int) -> list[dict[str, Content]]:
    """Split a dictionary that `join_members` merged, into those of `count` members."""
    parts: list[dict[str, Content]] = [{} for _ in range(count)]
    for key, value in whole.items():
        number, _, name = key.partition(".")
        parts[int(number)][name] = value
    return parts
