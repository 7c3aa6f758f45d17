"""The tables of the guide to recurrent networks, cut to a few steps."""

import pytest
import torch

from benchmarks import guide
from forecaster.network.inputs import Inputs
from tests.conftest import MakePanel
from tests.explain.test_gradients import network_of, windows_of


def numbers_of(text: str) -> float:
    return float(text.replace(",", "").rstrip("%"))


def test_only_the_dense_layer_grows_with_the_context() -> None:
    head, short, long = guide.measure_sharing(contexts=(8, 16), hidden=4)
    assert len(head) == 3
    assert short[1] == long[1]
    assert numbers_of(long[2]) - numbers_of(short[2]) == 2 * 8 * 4


def test_without_weights_on_the_hidden_state_the_gate_is_the_only_path(make_panel: MakePanel) -> None:
    network, windows = network_of("lstm"), windows_of(make_panel)
    batch = Inputs.of(windows.gather(windows.pick_spaced(8)))
    whole, alone, _ = guide.split_paths(network, batch, "cell", "forget")
    assert whole != pytest.approx(alone, rel=0.01)
    with torch.no_grad():
        dict(network.recur.layers[0].kernel.named_parameters())["weight_hh_l0"].zero_()
    whole, alone, best = guide.split_paths(network, batch, "cell", "forget")
    assert whole == pytest.approx(alone, rel=1e-4)
    assert best >= alone > 0


def test_the_paths_of_the_gated_cells_have_a_row_each() -> None:
    rows = list(guide.measure_paths(options={"training__steps": 4}, max_windows=4))
    assert [row[:3] for row in rows[1:]] == [["`lstm`", "cell", 27], ["`gru`", "hidden", 27]]
    assert all(numbers_of(cell.rstrip(" %")) > 0 for row in rows[1:] for cell in row[3:])


def test_gates_recall_what_the_plain_network_loses() -> None:
    table = list(guide.measure_dependencies(steps=250, length=8, hidden=16))
    errors = {row[0]: [float(cell) for cell in row[1:]] for row in table[1:]}
    after_five = table[0].index("after 5") - 1
    assert errors["`gru`"][after_five] < 0.5 * errors["`rnn`"][after_five]


def test_a_scan_is_faster_than_as_many_steps() -> None:
    *_, last = guide.measure_parallel(lengths=(48, 480), rounds=5)
    step_by_step, _, scan = map(float, last[1:])
    assert scan < step_by_step


@pytest.mark.slow
def test_early_stopping_keeps_weights_with_a_lower_validation_loss() -> None:
    rows = list(guide.measure_overfitting(steps=60, hidden=8))[1:]
    assert [row[:2] for row in rows] == [[0.0, "no"], [0.0, "yes"], [0.3, "no"], [0.3, "yes"]]
    for without, with_stopping in (rows[:2], rows[2:]):
        assert without[2] == 60
        assert numbers_of(with_stopping[4]) <= numbers_of(without[4])


@pytest.mark.slow
def test_each_length_has_a_row() -> None:
    rows = list(guide.measure_lengths(doublings=2, steps=4))[1:]
    assert [row[0] for row in rows] == ["40", "80", "mean"]
    assert numbers_of(rows[2][1]) == pytest.approx((numbers_of(rows[0][1]) + numbers_of(rows[1][1])) / 2, abs=0.011)


def test_an_unknown_claim_is_refused() -> None:
    with pytest.raises(SystemExit):
        guide.main(["memory"])
