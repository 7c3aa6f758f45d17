"""One network tried out: trained, looked at on the way, and judged on the validation tail."""

from dataclasses import dataclass
from functools import partial

from forecaster.config import Config
from forecaster.events import Event, TrainingStarted, TrainingStep, Watch
from forecaster.frequency import Ints
from forecaster.models.neural import NeuralForecaster
from forecaster.panel import Panel
from forecaster.selection.search.search import Crew, Try
from forecaster.selection.search.space import Values, settle
from forecaster.selection.search.study import Report

LOOKS = 10  # at most, evenly over the schedule


@dataclass(frozen=True)
class Ground:
    """What trials share.

    Attributes:
        base: the resolved config of one network, which they vary.
        validation: [N] last steps of each series that stop and judge.
    """

    base: Config
    panel: Panel
    validation: Ints


def try_values(ground: Ground, values: Values, report: Report, watch: Watch) -> float:
    """Give the loss of the network that has some values in place of the base's; see `try_out`."""
    config = settle(ground.base, values)
    return try_out(config, ground.panel, ground.validation, report=report, watch=watch)


def trying(ground: Ground, *, workers: int, watch: Watch) -> Try | Crew:
    """How a search tries values out: several side by side in processes, or one after the other in this one."""
    if workers > 1:
        return Crew(try_values, ground, workers, ground.base.training.threads)
    return partial(try_values, ground, watch=watch)


def try_out(config: Config, panel: Panel, validation: Ints, *, report: Report, watch: Watch) -> float:
    """Train the network of a resolved config and measure it.

    The loop's own losses are in scaled units, so they cannot be compared between scales and contexts; what is reported
    is the pinball loss in units of each series' spread, at the loop's own looks.

    Args:
        validation: [N] last steps of each series that stop and judge.
        report: told after how many tenths of the schedule which loss was reached; what it raises ends the training.
        watch: told of the training.

    Returns: the loss with the weights that were kept.
    """
    forecaster = NeuralForecaster(config)
    length = reported = 0

    def look(event: Event) -> None:
        nonlocal length, reported
        watch(event)
        match event:
            case TrainingStarted(steps=steps):
                length = steps
            case TrainingStep(step=step, validation_loss=float()) if step < length:
                tenth = LOOKS * step // length
                if tenth > reported:
                    reported = tenth
                    report(tenth, forecaster.assess(panel, validation))

    forecaster.fit(panel, validation, watch=look, checkpoint=None)
    return forecaster.assess(panel, validation)
