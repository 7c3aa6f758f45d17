"""A short training that continues from the current weights of a network."""

from forecaster.config import TrainingConfig
from forecaster.training.loop import Learner, Training

STEP_SHARE = 0.1  # steps of an update, as a share of those that the network was trained with
RATE_SHARE = 0.1  # peak learning rate of an update, as a share of that of the training


def continue_training(network: Learner, config: TrainingConfig, *, steps: int) -> Training:
    """Prepare a training that starts from the network's weights: few steps, at a low learning rate that falls to 0.

    Moments of the gradients start at 0, so the rate rises first, as in any training.

    Args:
        config: the config of the training that produced the weights.
        steps: the number of steps of that training.
    """
    gentle = config.model_copy(update={"learning_rate": RATE_SHARE * config.learning_rate, "schedule": "one_cycle"})
    return Training(network, gentle, steps=max(1, round(STEP_SHARE * steps)))
