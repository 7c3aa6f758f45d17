"""A gated average over time for gates that do not depend on the state, so that all steps are computed at once."""

from typing import Any

import torch
from torch import Tensor

_WIDE_STEP = 4096  # values in a step; below, calls cost more than arithmetic


def scan(z: Tensor, candidate: Tensor, start: Tensor) -> Tensor:
    """Solve h_t = (1 - z_t) * h_{t-1} + z_t * candidate_t for all steps at once.

    Two steps can be combined into one step of the same form, so a narrow sequence needs 2 log2(S) calls over many steps
    each. That triples the arithmetic, so a wide sequence is computed step by step instead. The gradient is the same
    recurrence from the end to the beginning, in the same form; autograd records none of the calls.

    Both forms only multiply by shares in [0, 1]: there is no division, nothing overflows at any length, and candidates
    may be negative. (The paper's scan of logarithms needs positive candidates and 50 times as long on a processor.)

    Args:
        z: [S, B, D] share of the candidate in the new state, in [0, 1].
        candidate: [S, B, D] the values to average.
        start: [B, D] state before the first step.

    Returns: [S, B, D] states.
    Source: Blelloch 1990, "Prefix sums and their applications", section 1.4.
    """
    if torch.onnx.is_in_onnx_export():  # a graph needs no gradient, and cannot overwrite tensors
        return _by_doubling(z, candidate, start)
    states: Tensor = _Scan.apply(z, candidate, start)  # type: ignore[no-untyped-call]
    return states


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, candidate: Tensor, start: Tensor) -> Tensor:
        states = (_one_pass if _is_wide(start) else _by_pairs)(z, candidate, start)
        ctx.save_for_backward(z, candidate, start, states)
        return states

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        z, candidate, start, states = ctx.saved_tensors
        return (_one_pass_back if _is_wide(start) else _by_pairs_back)(z, candidate, start, states, gradient)


def _is_wide(start: Tensor) -> bool:
    return start.numel() >= _WIDE_STEP


def _one_pass(z: Tensor, candidate: Tensor, start: Tensor) -> Tensor:
    states = torch.empty_like(candidate, memory_format=torch.contiguous_format)
    before = start
    for step, after in enumerate(states):
        before = torch.lerp(before, candidate[step], z[step], out=after)
    return states


def _by_doubling(z: Tensor, candidate: Tensor, start: Tensor) -> Tensor:
    """Solve the recurrence in ceil(log2 S) rounds.

    Before a round, `states[t]` includes the last `reach` candidates (and `start` if they go back that far), and
    `keep[t]` is the product of their shares 1 - z; a round doubles `reach`.

    Source: Hillis & Steele 1986, "Data parallel algorithms".
    """
    keep, states = 1 - z, z * candidate
    states = torch.cat((states[:1] + keep[:1] * start, states[1:]))
    reach = 1
    while reach < len(z):
        states = torch.cat((states[:reach], states[reach:] + keep[reach:] * states[:-reach]))
        keep = torch.cat((keep[:reach], keep[reach:] * keep[:-reach]))
        reach *= 2
    return states


def _one_pass_back(
    z: Tensor, candidate: Tensor, start: Tensor, states: Tensor, gradient: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    d_z, d_candidate = torch.empty_like(states), torch.empty_like(states)
    d_state = torch.zeros_like(start)
    for step in range(len(states) - 1, -1, -1):
        d_state += gradient[step]
        torch.mul(d_state, z[step], out=d_candidate[step])
        torch.sub(candidate[step], states[step - 1] if step else start, out=d_z[step]).mul_(d_state)
        d_state -= d_candidate[step]  # the share 1 - z remains for the step before
    return d_z, d_candidate, d_state


def _by_pairs(z: Tensor, candidate: Tensor, start: Tensor) -> Tensor:
    keep, entering = 1 - z, z * candidate
    entering[0].addcmul_(keep[0], start)
    return _solve(keep, entering)


def _by_pairs_back(
    z: Tensor, candidate: Tensor, start: Tensor, states: Tensor, gradient: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    keep = 1 - z
    # step t gets the share 1 - z of step t + 1; the value that is rolled to the last step is never used
    d_state = _solve(keep.roll(-1, 0).flip(0), gradient.flip(0)).flip(0)
    before = torch.cat((start[None], states[:-1]))
    return d_state * (candidate - before), d_state * z, d_state[0] * keep[0]


def _solve(keep: Tensor, entering: Tensor) -> Tensor:
    """Solve h_t = keep_t * h_{t-1} + entering_t from h = 0 by combining pairs of steps until one step is left."""
    if len(entering) == 1:
        return entering
    pairs = len(entering) // 2
    first, second = slice(0, 2 * pairs, 2), slice(1, None, 2)  # the two steps of each pair
    both = torch.addcmul(entering[second], keep[second], entering[first])  # [S / 2, B, D]
    states = torch.empty_like(entering)
    states[second] = _solve(keep[second] * keep[first], both)
    states[0] = entering[0]
    torch.addcmul(entering[2::2], keep[2::2], states[1:-1:2], out=states[2::2])
    return states
