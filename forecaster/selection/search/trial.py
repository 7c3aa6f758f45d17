"""The network of a trial: trained, and evaluated on the validation tail."""

from dataclasses import dataclass
from functools import partial

from forecaster.config import Config
from forecaster.events import Event, TrainingStarted, TrainingStep, Watch
from forecaster.frequency import Ints
from forecaster.models.neural import NeuralForecaster
from forecaster.panel import Panel
from forecaster.selection.search.search import Objective, ReportLoss, TrialPool
from forecaster.selection.search.space import Values, apply_values

_MAX_REPORTS = 10  # A trial reports at most this often, evenly over its schedule.


@dataclass(frozen=True)
class TrialContext:
    """The data and the base config that all trials of a study share.

    Attributes:
        base: the resolved config of one network, which trials vary.
        validation: [N] last steps of each series that stop a training and evaluate it.
    """

    base: Config
    panel: Panel
    validation: Ints


def make_objective(context: TrialContext, *, workers: int, watch: Watch) -> Objective | TrialPool:
    """Return the objective of a search; with several workers, a pool that runs it."""
    if workers > 1:
        return TrialPool(evaluate_values, context, workers, context.base.training.threads)
    return partial(evaluate_values, context, watch=watch)


def evaluate_values(context: TrialContext, values: Values, report: ReportLoss, watch: Watch) -> float:
    """Return the loss of the base config with other values; see `train_and_evaluate`."""
    config = apply_values(context.base, values)
    return train_and_evaluate(config, context.panel, context.validation, report=report, watch=watch)


def train_and_evaluate(config: Config, panel: Panel, validation: Ints, *, report: ReportLoss, watch: Watch) -> float:
    """Train the network of a resolved config, and return its loss with the best weights.

    The loss is the pinball loss in units of each series' spread. The losses of the training loop are in scaled units,
    which differ between scales and contexts.

    Args:
        validation: [N] last steps of each series that stop the training and evaluate it.
        report: receives the tenths of the schedule that are done and the loss; an error that it raises ends the
            training.
        watch: receives the events of the training.
    """
    forecaster = NeuralForecaster(config)
    length = last_report = 0

    def on_event(event: Event) -> None:
        nonlocal length, last_report
        watch(event)
        match event:
            case TrainingStarted(steps=steps):
                length = steps
            case TrainingStep(step=step, validation_loss=float()) if step < length:
                tenth = _MAX_REPORTS * step // length
                if tenth > last_report:
                    last_report = tenth
                    report(tenth, forecaster.assess(panel, validation))

    forecaster.fit(panel, validation, watch=on_event, checkpoint=None)
    return forecaster.assess(panel, validation)
