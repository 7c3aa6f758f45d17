"""A network that forecasts series which it was not trained on: patches -> stack -> parallel decoder -> quantiles."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from forecaster.model_table import CELLS
from forecaster.network import candidates
from forecaster.network.decode import DecoderShape, Parallel
from forecaster.network.embed import Patches
from forecaster.network.heads.quantile import Quantile
from forecaster.network.recurrent.layer import Layer, State
from forecaster.network.recurrent.stack import Stack

_PHASES = 6  # sine and cosine of the phase in two seasons, and the logarithms of their lengths
_LOG_SEASON = 5.0  # about the logarithm of the longest season
_NEVER = -1e9  # the logit of a candidate that does not exist

Seasons = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Architecture:
    """The sizes of a network.

    Attributes:
        cell: the recurrent cell, a name of `model_table.CELLS` whose output is its state.
        hidden: units of each layer.
        layers: recurrent layers.
        patch: steps of a patch, P.
        contexts: steps that the recurrence reads, rising multiples of P: a window is read by the shortest that covers
            its values, or by the longest.
        history: steps that candidates are computed from, L; at least the longest context.
        horizon: steps that are forecast, H; a multiple of P.
        probabilities: [Q] probabilities of the quantiles, rising, 0.5 among them.
    """

    probabilities: tuple[float, ...]
    cell: str = "gru"
    hidden: int = 128
    layers: int = 2
    patch: int = 16
    contexts: tuple[int, ...] = (128, 256, 512)
    history: int = 1024
    horizon: int = 64

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Architecture":
        """Read an architecture from the card of a network."""
        settings: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**settings)


class ZeroShotNetwork(nn.Module):
    """A network that reads a standardised window in patches and forecasts the steps after one or several cutoffs.

    The recurrence reads one patch at a time, with the phases of its first step in two seasons. From the state at a
    cutoff it takes one step for each patch of the horizon, all side by side. The median is the network's output plus a
    weighted mean of simple forecasts (`candidates`), with weights that the network chooses for each patch. Inside,
    values are compressed by asinh, so that outliers do not dominate.

    Args:
        architecture: the sizes.

    Source: patches and the parallel decoder from Lin et al. 2023, "SegRNN", arXiv:2308.11200.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = size = architecture
        self.embed = Patches(size.patch, size.hidden, channels=2, extra=_PHASES)
        module, _, name = CELLS[size.cell].partition(":")
        layer: type[Layer] = getattr(import_module(f"forecaster.network.recurrent.{module}"), name)
        self.recur = Stack([layer(size.hidden, size.hidden) for _ in range(size.layers)], residual=True, normalise=True)
        self.head = Quantile(size.probabilities)
        shape = DecoderShape(  # of patches instead of steps
            inputs=size.hidden,
            features=size.hidden,
            width=1,
            horizon=size.horizon // size.patch,
            outputs=size.patch * self.head.outputs + candidates.COUNT,
            known=_PHASES,
        )
        self.decode = Parallel(shape)
        nn.init.zeros_(self.decode.project.weight)
        nn.init.zeros_(self.decode.project.bias)

    def forward(self, history: Tensor, context: Tensor, season: Tensor, second_season: Tensor) -> Tensor:
        """Forecast the steps after each window.

        Args:
            history: [B, L] standardised values, NaN where missing, from which the simple forecasts are computed.
            context: [B, S * P] the last steps of `history`, which the recurrence reads; any number of patches.
            season: [B] steps in a season, 1 for none.
            second_season: [B] steps in the second season; equal to `season` if there is none.

        Returns: [B, H, Q] quantiles in standardised units, not decreasing along Q.
        """
        seasons = (season, second_season)
        outputs = self._read(context, seasons)
        states = tuple((output[:, -1][None],) for output in outputs)  # each [1, B, D]
        raw, logits = self._decode(states, _phases(seasons, context.shape[1] + self._starts_ahead(context.device)))
        copied = self._combine(history, seasons, logits)
        return torch.sinh(self.head(torch.cat((raw[..., :1] + copied[..., None], raw[..., 1:]), dim=2)))

    def compress(
        self, values: Tensor, season: Tensor, second_season: Tensor, *, start: int, cutoffs: Sequence[int]
    ) -> Tensor:
        """Forecast from several cutoffs of each window, in compressed units.

        Args:
            values: [B, T] standardised values, NaN where missing; steps after a cutoff do not affect its forecast.
            season, second_season: [B], as in `forward`.
            start: the first step that the recurrence reads.
            cutoffs: numbers of steps before each of C cutoffs; they differ from `start` by multiples of `patch`.

        Returns: [B, C, H, Q] quantiles of asinh(value).
        """
        size, seasons, rows = self.architecture, (season, second_season), len(values)
        outputs = self._read(values[:, start : max(cutoffs)], seasons)
        at = [(cutoff - start) // size.patch - 1 for cutoff in cutoffs]
        states = tuple((output[:, at].flatten(0, 1)[None],) for output in outputs)  # each [1, B * C, D]
        ahead = self._starts_ahead(values.device)
        phases = torch.stack([_phases(seasons, cutoff - start + ahead) for cutoff in cutoffs], dim=1)  # [B, C, F, 6]
        raw, logits = self._decode(states, phases.flatten(0, 1))
        raw = raw.view(rows, len(cutoffs), size.horizon, -1)
        logits = logits.view(rows, len(cutoffs), size.horizon, -1)
        copied = torch.stack(
            [
                self._combine(values[:, max(cutoff - size.history, 0) : cutoff], seasons, logits[:, number])
                for number, cutoff in enumerate(cutoffs)
            ],
            dim=1,
        )  # [B, C, H]
        quantiles: Tensor = self.head(torch.cat((raw[..., :1] + copied[..., None], raw[..., 1:]), dim=3))
        return quantiles

    def _read(self, context: Tensor, seasons: Seasons) -> list[Tensor]:
        """Return the output [B, S, D] of each recurrent layer for a context [B, S * P]."""
        channels = torch.stack((torch.asinh(context.nan_to_num(0.0)), _mask(context)), dim=2)  # [B, S * P, 2]
        count = context.shape[1] // self.architecture.patch
        starts = self.architecture.patch * torch.arange(count, device=context.device)
        return self.recur.outputs(self.embed(channels, _phases(seasons, starts)))

    def _decode(self, states: tuple[State, ...], phases: Tensor) -> tuple[Tensor, Tensor]:
        """Decode the horizon from the states at a cutoff and the phases [B, F, 6] of its patches.

        Returns: the raw outputs [B, H, Q] of the head and the logits [B, H, K] of the candidates.
        """
        size, empty = self.architecture, phases.new_zeros(0)
        raw: Tensor = self.decode(self.recur, empty, states, phases, empty)  # [B, F, P * Q + K]
        width = size.patch * self.head.outputs
        logits = raw[..., width:].repeat_interleave(size.patch, dim=1)
        return raw[..., :width].reshape(raw.shape[0], size.horizon, -1), logits

    def _combine(self, history: Tensor, seasons: Seasons, logits: Tensor) -> Tensor:
        """Average the simple forecasts after a history [B, L] by the network's weights, [B, H] in compressed units."""
        forecasts, exists = candidates.candidates(
            history.nan_to_num(0.0), _mask(history), *seasons, self.architecture.horizon
        )
        shares = logits.masked_fill(~exists, _NEVER).softmax(2)  # [B, H, K]
        return (shares * torch.asinh(forecasts)).sum(2)

    def _starts_ahead(self, device: torch.device) -> Tensor:
        size = self.architecture
        return size.patch * torch.arange(size.horizon // size.patch, device=device)


def pinball(quantiles: Tensor, target: Tensor, probabilities: Tensor) -> Tensor:
    """Return the mean pinball loss over the probabilities, [...], of quantiles [..., Q] for targets [...]."""
    errors = target[..., None] - quantiles
    return torch.maximum(probabilities * errors, (probabilities - 1) * errors).mean(-1)


def cutoff_losses(
    quantiles: Tensor, values: Tensor, cutoffs: Sequence[int], probabilities: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the pinball losses of forecasts from several cutoffs, and True where the target is known, [B, C, H].

    Args:
        quantiles: [B, C, H, Q] in compressed units, for the H steps after each cutoff.
        values: [B, T] standardised values; at least H steps after the last cutoff.
        cutoffs: as in `ZeroShotNetwork.compress`.
    """
    horizon = quantiles.shape[2]
    target = torch.stack([torch.asinh(values[:, cutoff : cutoff + horizon]) for cutoff in cutoffs], dim=1)
    return pinball(quantiles, target.nan_to_num(0.0), probabilities), ~target.isnan()


def _mask(values: Tensor) -> Tensor:
    return (~values.isnan()).to(values.dtype)


def _phases(seasons: Seasons, steps: Tensor) -> Tensor:
    """Return the phases of steps [S] in both seasons of each window, as features [B, S, 6]."""
    waves, sizes = [], []
    for length in seasons:
        angle = 2 * math.pi * (steps[None] % length[:, None]).to(torch.float32) / length[:, None]
        is_seasonal = (length > 1)[:, None]
        waves += [torch.sin(angle) * is_seasonal, torch.cos(angle) * is_seasonal]
        sizes.append((length.to(torch.float32).log() / _LOG_SEASON)[:, None].expand_as(angle))
    return torch.stack(waves + sizes, dim=2)
