"""One network tried out: trained, looked at on the way, and judged on the validation tail."""

from forecaster.config import Config
from forecaster.events import Event, TrainingStarted, TrainingStep, Watch
from forecaster.frequency import Ints
from forecaster.models.neural import NeuralForecaster
from forecaster.models.study import Report
from forecaster.panel import Panel

LOOKS = 10  # at most, evenly over the schedule


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
