"""From the summary of the context to every step of the horizon."""

from torch import Tensor, nn


class Direct(nn.Module):
    """All steps at once, each by weights of its own, so no step inherits the error of the one before.

    Args:
        features: width of the summary, D.
        horizon: steps, H.
        outputs: raw values a step that the head asks for.
    """

    def __init__(self, features: int, horizon: int, outputs: int) -> None:
        super().__init__()
        self.horizon = horizon
        self.project = nn.Linear(features, horizon * outputs)

    def forward(self, summary: Tensor) -> Tensor:
        """Decode [B, D] -> [B, H, outputs]."""
        raw: Tensor = self.project(summary)  # [B, H * outputs]
        return raw.view(raw.shape[0], self.horizon, -1)  # [B, H, outputs]
