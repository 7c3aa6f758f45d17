"""From the summary to the horizon."""

import torch

from forecaster.network.decode import Direct


def test_every_step_has_weights_of_its_own() -> None:
    decode, summary = Direct(4, 3, 2), torch.randn(5, 4)
    raw = decode(summary)
    assert raw.shape == (5, 3, 2)
    for step in range(3):
        rows = slice(2 * step, 2 * step + 2)
        expected = summary @ decode.project.weight[rows].T + decode.project.bias[rows]
        torch.testing.assert_close(raw[:, step], expected)
