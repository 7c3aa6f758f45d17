"""A network that feeds its forecasts back into its recurrence."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from forecaster.network.covariates import Standardised
from forecaster.network.decode import DecoderShape
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network, Prediction
from forecaster.network.scale import Scaled

_MAX_PATHS_AT_ONCE = 16_384  # futures of all windows that are drawn together
_MIN_PROBABILITY = 1e-7  # smallest distance of a random probability from 0 and 1


class Recursive(nn.Module):
    """A decoder from the state of the recurrence after each segment to the segment that follows it.

    Args:
        shape: the sizes to connect; only `features`, `width` and `outputs` are used.
        lags: number of steps back from each step of the next segment whose values the recurrence reads; at least w.
        paths: number of futures to draw for each window.
        probabilities: [Q] probabilities of the quantiles to compute from these futures, 0.5 among them.
        dropout: share of the recurrence's output that is left out in training.
    """

    probabilities: Tensor

    def __init__(
        self,
        shape: DecoderShape,
        *,
        lags: tuple[int, ...],
        paths: int,
        probabilities: tuple[float, ...],
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.width = shape.width
        self.lags = lags
        self.paths = paths
        self.median = probabilities.index(0.5)
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(shape.features, shape.width * shape.outputs)
        self.register_buffer("probabilities", torch.tensor(probabilities), persistent=False)

    def forward(self, states: Tensor) -> Tensor:
        """Decode the outputs of the recurrence, [B, S, D] -> [B, S * w, outputs]."""
        raw: Tensor = self.project(self.dropout(states))  # [B, S, w * outputs]
        return raw.view(raw.shape[0], raw.shape[1] * self.width, -1)


class RecursiveNetwork(Network):
    """A network that forecasts one segment, feeds it back as if it had been observed, and forecasts the next one.

    In training every segment of a window is forecast from the true segments before it (teacher forcing). A forecast
    draws futures ("paths") from the head's distributions, and each path is fed back into its own copy of the state; the
    quantiles of the paths are the quantiles of the forecast. So intervals widen as errors add up, and any horizon is
    possible. All windows share their random numbers, so that the forecast of a window does not depend on the other
    windows of the batch or on their order.

    With each segment the recurrence reads the known covariates of the next segment, and the values some lags before
    each step of the next segment. Past covariates are missing after the cutoff.

    Source: Salinas et al. 2020, "DeepAR", arXiv:1704.04110, sec. 3.
    """

    decode: Recursive

    def forward(self, batch: Inputs) -> Prediction:
        scaled, covariates = self.scale_windows(batch), self.covariates(batch)
        rows = torch.arange(len(batch.context), device=batch.context.device)
        parts = rows.split(max(1, _MAX_PATHS_AT_ONCE // self.decode.paths))  # type: ignore[no-untyped-call]
        horizon = batch.known.shape[1] - batch.context.shape[1]
        uniforms = [self._draw_evenly() for _ in range(-(-horizon // self.decode.width))]
        paths = torch.cat([self._draw(scaled.take(part), covariates.take(part), uniforms) for part in parts])[
            ..., :horizon
        ]
        quantiles = torch.quantile(paths, self.decode.probabilities, dim=1).movedim(0, -1)  # [B, H, Q]
        if self.head.point == "median" or scaled.is_log:  # the exponential of Student's t has no expectation
            return Prediction(quantiles[..., self.decode.median], quantiles)
        return Prediction(paths.mean(1), quantiles)

    def outputs(self, batch: Inputs) -> tuple[Tensor, Tensor, Scaled]:
        """Compute the inputs of the head's loss for every step with a segment before it, in context and target."""
        width = self.decode.width
        scaled, covariates = self.scale_windows(batch), self.covariates(batch)
        target = functional.pad(batch.target, (0, -batch.target.shape[1] % width), value=torch.nan)  # [B, M * w]
        future = scaled.forward(target)
        values = torch.cat((scaled.values, future.nan_to_num(0.0)), dim=1)  # [B, L + M * w]
        mask = torch.cat((scaled.mask, (~future.isnan()).to(values.dtype)), dim=1)
        states, _ = self.recur(self._embed(values[:, :-width], mask[:, :-width], covariates))  # [B, S + M - 1, D]
        truth = torch.cat((batch.context, target), dim=1)[:, width:]
        return self.decode(states), truth, scaled

    def decode_ahead(self, scaled: Scaled, covariates: Standardised) -> Tensor:
        """Compute the raw outputs [B, w, outputs] for the first segment of the horizon; later ones depend on draws."""
        states, _ = self.recur(self._embed(scaled.values, scaled.mask, covariates))  # [B, S, D]
        raw: Tensor = self.decode(states[:, -1:])
        return raw

    def _draw_evenly(self) -> Tensor:
        """Draw random numbers in (0, 1), [paths, w]: at each step one from each of `paths` equal parts of (0, 1).

        Each number is uniform, and the paths at a step represent its distribution better than independent draws do. The
        numbers are drawn on the processor, so that they are the same for every device.

        Source: McKay, Beckman & Conover 1979 (Latin hypercube sampling).
        """
        size = self.decode.paths, self.decode.width
        part = torch.rand(size, device="cpu").argsort(0)
        uniform = (part + torch.rand(size, dtype=torch.float64, device="cpu")) / self.decode.paths
        return uniform.clamp(_MIN_PROBABILITY, 1 - _MIN_PROBABILITY).to(self.decode.probabilities.device)

    def _draw(self, scaled: Scaled, covariates: Standardised, uniforms: list[Tensor]) -> Tensor:
        """Draw futures [B, paths, M * w] in data units.

        Args:
            scaled: B windows.
            covariates: their covariates, over the whole horizon.
            uniforms: random numbers [paths, w] for each of M segments.
        """
        rows = len(scaled.values)
        outputs, states = self.recur(self._embed(scaled.values, scaled.mask, covariates))
        copies = torch.arange(rows, device=outputs.device).repeat_interleave(self.decode.paths)  # [B * paths]
        raw = self.decode(outputs[:, -1:])[copies]  # [B * paths, w, outputs]
        states = tuple(tuple(part[:, copies] for part in state) for state in states)
        scaled, covariates = scaled.take(copies), covariates.take(copies)
        values, mask = scaled.values, scaled.mask
        segments = [self.head.sample(raw, scaled, uniforms[0].repeat(rows, 1))]  # [B * paths, w]
        for uniform in uniforms[1:]:
            values = torch.cat((values, scaled.forward(segments[-1]).nan_to_num(0.0)), dim=1)
            mask = torch.cat((mask, torch.ones_like(segments[-1])), dim=1)
            outputs, states = self.recur(self._embed(values, mask, covariates, last=self.decode.width), states)
            segments.append(self.head.sample(self.decode(outputs), scaled, uniform.repeat(rows, 1)))
        return torch.cat(segments, dim=1).view(rows, self.decode.paths, -1)

    def _embed(self, values: Tensor, mask: Tensor, covariates: Standardised, last: int | None = None) -> Tensor:
        """Embed the `last` steps of [B, T] values (all if None), with covariates and lags of the next segment."""
        width, end = self.decode.width, values.shape[1]
        begin = 0 if last is None else end - last
        steps = torch.arange(begin, end, device=values.device)
        past = _within(covariates.past, steps)
        known = _within(covariates.known, steps + width)
        lagged = [_within(values[..., None], steps + width - lag) for lag in self.decode.lags]
        channels = (values[:, begin:, None], mask[:, begin:, None], past, known, *lagged)
        embedded: Tensor = self.embed(torch.cat(channels, dim=2), covariates.static)
        return embedded


def _within(x: Tensor, steps: Tensor) -> Tensor:
    """Select steps [S] of [B, T, C] -> [B, S, C]; 0 for a step outside of 0 .. T - 1."""
    is_within = (steps >= 0) & (steps < x.shape[1])
    return x[:, steps.clamp(0, max(x.shape[1] - 1, 0))] * is_within[:, None]
