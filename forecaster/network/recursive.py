"""A network whose forecasts are fed back into its recurrence."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from forecaster.network.covariates import Standardised
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network, Prediction
from forecaster.network.scale import Scaled

_ROWS = 16_384  # futures drawn side by side
_MARGIN = 1e-7  # between a drawn probability and 0 or 1


class Recursive(nn.Module):
    """From what the recurrence knows after each segment to the segment that follows it.

    Args:
        features: width of the recurrence's output, D.
        width: steps in a segment, w.
        outputs: raw values a step that the head asks for.
        lags: steps back from each step of the segment to come, whose values the recurrence reads; at least w.
        paths: futures drawn a window.
        probabilities: of the quantiles taken of them, [Q].
        dropout: share of the recurrence's output that is left out in training.
    """

    probabilities: Tensor

    def __init__(
        self,
        features: int,
        width: int,
        outputs: int,
        *,
        lags: tuple[int, ...],
        paths: int,
        probabilities: tuple[float, ...],
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.width = width
        self.lags = lags
        self.paths = paths
        self.median = probabilities.index(0.5)
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(features, width * outputs)
        self.register_buffer("probabilities", torch.tensor(probabilities), persistent=False)

    def forward(self, read: Tensor) -> Tensor:
        """Decode [B, S, D] -> [B, S * w, outputs]."""
        raw: Tensor = self.project(self.dropout(read))  # [B, S, w * outputs]
        return raw.view(raw.shape[0], raw.shape[1] * self.width, -1)


class RecursiveNetwork(Network):
    """Forecast one segment, feed it back as if it had been observed, forecast the next.

    In training every segment of a window is forecast from the true ones before it (teacher forcing). A forecast draws
    whole futures from the head's distributions, each fed back into its own copy of the state; the quantiles of these
    paths are the forecast's. So intervals widen as errors add up, and any horizon can be asked for. All windows share
    their random numbers: what one is forecast does not depend on which others are forecast with it, nor on their order.

    Beside a segment's values the recurrence reads the covariates known of the segment that it leads to, and the values
    some lags before each step of that. Covariates of the past count as missing from the cutoff on.

    Source: Salinas et al. 2020, "DeepAR", arXiv:1704.04110, sec. 3.
    """

    decode: Recursive

    def forward(self, batch: Inputs) -> Prediction:
        scaled, covariates = self.scale_windows(batch), self.covariates(batch)
        rows = torch.arange(len(batch.context), device=batch.context.device)
        parts = rows.split(max(1, _ROWS // self.decode.paths))  # type: ignore[no-untyped-call]
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
        """As of any network, but about every step that has a segment before it, in context and target."""
        width = self.decode.width
        scaled, covariates = self.scale_windows(batch), self.covariates(batch)
        target = functional.pad(batch.target, (0, -batch.target.shape[1] % width), value=torch.nan)  # [B, M * w]
        future = scaled.forward(target)
        values = torch.cat((scaled.values, future.nan_to_num(0.0)), dim=1)  # [B, L + M * w]
        mask = torch.cat((scaled.mask, (~future.isnan()).to(values.dtype)), dim=1)
        read, _ = self.recur(self._embed(values[:, :-width], mask[:, :-width], covariates))  # [B, S + M - 1, D]
        truth = torch.cat((batch.context, target), dim=1)[:, width:]
        return self.decode(read), truth, scaled

    def decode_ahead(self, scaled: Scaled, covariates: Standardised) -> Tensor:
        """Raw outputs [B, w, outputs] about the first segment after the context: what follows depends on draws."""
        read, _ = self.recur(self._embed(scaled.values, scaled.mask, covariates))  # [B, S, D]
        raw: Tensor = self.decode(read[:, -1:])
        return raw

    def _draw_evenly(self) -> Tensor:
        """Random numbers in (0, 1), [paths, w]: at each step one in each of as many equal parts as there are paths.

        They are drawn on the processor, so that they are the same wherever the network lies.

        Each is uniform, and the paths' mix at a step is closer to its distribution than independent draws would be.

        Source: McKay, Beckman & Conover 1979 (Latin hypercube sampling).
        """
        size = self.decode.paths, self.decode.width
        part = torch.rand(size, device="cpu").argsort(0)
        drawn = (part + torch.rand(size, dtype=torch.float64, device="cpu")) / self.decode.paths
        return drawn.clamp(_MARGIN, 1 - _MARGIN).to(self.decode.probabilities.device)

    def _draw(self, scaled: Scaled, covariates: Standardised, uniforms: list[Tensor]) -> Tensor:
        """Draw futures of some windows in data units, [B, paths, M * w], by random numbers for each segment."""
        rows = len(scaled.values)
        read, states = self.recur(self._embed(scaled.values, scaled.mask, covariates))
        copies = torch.arange(rows, device=read.device).repeat_interleave(self.decode.paths)  # [B * paths]
        raw = self.decode(read[:, -1:])[copies]  # [B * paths, w, outputs]
        states = tuple(tuple(part[:, copies] for part in state) for state in states)
        scaled, covariates = scaled.take(copies), covariates.take(copies)
        values, mask = scaled.values, scaled.mask
        drawn = [self.head.sample(raw, scaled, uniforms[0].repeat(rows, 1))]  # [B * paths, w]
        for uniform in uniforms[1:]:
            values = torch.cat((values, scaled.forward(drawn[-1]).nan_to_num(0.0)), dim=1)
            mask = torch.cat((mask, torch.ones_like(drawn[-1])), dim=1)
            read, states = self.recur(self._embed(values, mask, covariates, last=self.decode.width), states)
            drawn.append(self.head.sample(self.decode(read), scaled, uniform.repeat(rows, 1)))
        return torch.cat(drawn, dim=1).view(rows, self.decode.paths, -1)

    def _embed(self, values: Tensor, mask: Tensor, covariates: Standardised, last: int | None = None) -> Tensor:
        """Embed the `last` steps of [B, T] values (all of them if None) as segments that know what leads ahead."""
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
    """Take steps [S] of [B, T, C] -> [B, S, C]; 0 for a step that lies outside."""
    is_within = (steps >= 0) & (steps < x.shape[1])
    return x[:, steps.clamp(0, max(x.shape[1] - 1, 0))] * is_within[:, None]
