"""A short training that goes on from the weights a network has."""

from forecaster.config import TrainingConfig
from forecaster.network.network import Network
from forecaster.training.loop import Training

SHARE = 0.1  # of the steps that the network was trained with
RATE = 0.1  # of the peak that its learning rate had


def continue_training(network: Network, config: TrainingConfig, *, steps: int) -> Training:
    """Prepare a training that starts from the network's weights: few steps, at a rate that is low and falls to 0.

    Moments of the gradients are learnt anew, so the rate rises first, as in any training.

    Args:
        config: of the training that gave the weights.
        steps: that this one took.
    """
    gentle = config.model_copy(update={"learning_rate": RATE * config.learning_rate, "schedule": "one_cycle"})
    return Training(network, gentle, steps=max(1, round(SHARE * steps)))
