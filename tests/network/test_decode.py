"""Decoders, against one window and one step at a time."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from forecaster.network.decode import DecoderShape, Direct, Parallel
from forecaster.network.recurrent.gru import Gru
from forecaster.network.recurrent.layer import State
from forecaster.network.recurrent.lstm import Lstm
from forecaster.network.recurrent.stack import Stack

ROWS, INPUTS, HIDDEN, STATIC, KNOWN = 4, 3, 5, 2, 2


STACKS: dict[str, Callable[[], Stack]] = {
    "gru": lambda: Stack([Gru(INPUTS, HIDDEN)]),
    "residual lstms": lambda: Stack([Lstm(INPUTS, HIDDEN), Lstm(HIDDEN, HIDDEN)], residual=True, normalise=True),
    "dilated": lambda: Stack([Gru(INPUTS, HIDDEN), Gru(HIDDEN, HIDDEN)], dilation=[2, 3]),
}


def shape(*, horizon: int, width: int = 1, outputs: int = 1, known: int = 0, static: int = 0) -> DecoderShape:
    return DecoderShape(INPUTS, HIDDEN, width, horizon, outputs, known=known, static=static)


def context() -> Tensor:
    """Return a context [4, 7, 3]."""
    return torch.randn(ROWS, 7, INPUTS, generator=torch.Generator().manual_seed(2))


def read(name: str = "gru") -> tuple[Stack, Tensor, tuple[State, ...]]:
    """Return a stack, its output after the context, and its states."""
    torch.manual_seed(0)
    recur = STACKS[name]()
    return recur, *recur.summarise(context())


def decode_with(
    decode: Direct | Parallel, horizon: int, *, known: Tensor | None = None, static: Tensor | None = None
) -> Tensor:
    recur, summary, states = read()
    known = torch.empty(ROWS, horizon, 0) if known is None else known
    static = torch.empty(ROWS, 0) if static is None else static
    raw: Tensor = decode(recur, summary, states, known, static)
    return raw


def test_every_step_has_weights_of_its_own() -> None:
    decode = Direct(shape(horizon=3, outputs=2))
    raw, summary = decode_with(decode, 3), read()[1]
    assert raw.shape == (ROWS, 3, 2)
    for step in range(3):
        rows = slice(2 * step, 2 * step + 2)
        expected = summary @ decode.project.weight[rows].T + decode.project.bias[rows]
        torch.testing.assert_close(raw[:, step], expected)


def test_what_is_known_of_a_step_is_mixed_with_the_summary_for_that_step() -> None:
    decode, known = Direct(shape(horizon=3, outputs=2, known=KNOWN)), torch.randn(ROWS, 3, KNOWN)
    raw, summary = decode_with(decode, 3, known=known), read()[1]
    for row in range(ROWS):
        for step in range(3):
            own = decode.project.weight[2 * step : 2 * step + 2] @ summary[row]
            own = own + decode.project.bias[2 * step : 2 * step + 2]
            met = decode.from_summary.weight @ summary[row] + decode.from_summary.bias
            met = met + decode.from_known.weight @ known[row, step]
            torch.testing.assert_close(raw[row, step], own + decode.mix.weight @ met.clamp(min=0))
    changed = known.clone()
    changed[:, 1] += 1
    differs = (decode_with(decode, 3, known=changed) != raw).flatten(2).any(2).any(0)
    assert differs.tolist() == [False, True, False]


def parallel(*, width: int, horizon: int, outputs: int = 2, known: int = 0, static: int = 0) -> Parallel:
    torch.manual_seed(1)
    return Parallel(shape(width=width, horizon=horizon, outputs=outputs, known=known, static=static))


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize(("width", "horizon"), [(1, 4), (3, 6), (3, 7), (4, 2)])
def test_every_future_segment_is_one_step_of_the_recurrence_from_the_same_state(
    name: str, width: int, horizon: int
) -> None:
    """One window and one segment at a time, without sharing any product."""
    recur, summary, states = read(name)
    decode = parallel(width=width, horizon=horizon, known=KNOWN, static=STATIC)
    known, static = torch.randn(ROWS, horizon, KNOWN), torch.randn(ROWS, STATIC)
    raw = decode(recur, summary, states, known, static)
    assert raw.shape == (ROWS, horizon, 2)
    for row in range(ROWS):
        for segment in range(-(-horizon // width)):
            steps = [
                known[row, step] if step < horizon else torch.zeros(KNOWN)
                for step in range(segment * width, (segment + 1) * width)
            ]
            query = decode.position[segment] + decode.from_known.weight @ torch.cat(steps)
            query = query + decode.from_static.weight @ static[row]
            y, _ = recur(torch.cat((context()[row : row + 1], query[None, None]), dim=1))
            expected = (decode.project.weight @ y[0, -1] + decode.project.bias).view(width, 2)
            there = min(width, horizon - segment * width)
            torch.testing.assert_close(raw[row, segment * width : segment * width + there], expected[:there])


def test_what_is_known_of_a_segment_moves_that_segment_alone() -> None:
    decode, known = parallel(width=3, horizon=8, known=KNOWN), torch.randn(ROWS, 8, KNOWN)
    raw = decode_with(decode, 8, known=known)
    known[2, 4] += 1
    differs = (decode_with(decode, 8, known=known) != raw).any(2)
    assert not differs[[0, 1, 3]].any()
    assert differs[2].tolist() == [False] * 3 + [True] * 3 + [False] * 2


def test_what_tells_a_series_apart_moves_all_segments_of_its_windows() -> None:
    decode, static = parallel(width=3, horizon=8, static=STATIC), torch.randn(ROWS, STATIC)
    raw = decode_with(decode, 8, static=static)
    static[1] += 1
    differs = (decode_with(decode, 8, static=static) != raw).any(2)
    assert differs.all(1).tolist() == [False, True, False, False]
    assert differs.any(1).tolist() == [False, True, False, False]


def test_segments_without_covariates_are_told_apart_by_their_position_alone() -> None:
    decode = parallel(width=2, horizon=6)
    with torch.no_grad():
        decode.position[2] = decode.position[0]
    first, second, third = decode_with(decode, 6).split(2, dim=1)
    torch.testing.assert_close(first, third)
    assert not torch.allclose(first, second)


def test_dropout_leaves_out_the_summary_or_the_segments_outputs_in_training_alone() -> None:
    for decode in (
        Direct(shape(horizon=4), dropout=0.5),
        Parallel(shape(width=2, horizon=4), dropout=0.5),
    ):
        recur, summary, states = read()
        nothing = torch.empty(ROWS, 4, 0), torch.empty(ROWS, 0)
        assert not torch.equal(decode(recur, summary, states, *nothing), decode(recur, summary, states, *nothing))
        decode.eval()
        assert torch.equal(decode(recur, summary, states, *nothing), decode(recur, summary, states, *nothing))
