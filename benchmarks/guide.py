"""Measure what the guide to recurrent networks claims, one table for each claim.

    python -m benchmarks.guide paths           how much of a gradient passes through a gate alone, by cell
    python -m benchmarks.guide dependencies    a value recalled after up to 160 steps, by cell
    python -m benchmarks.guide parallel        milliseconds of a forward and backward pass as the sequence grows
    python -m benchmarks.guide overfitting     losses and errors with and without dropout and early stopping
    python -m benchmarks.guide sharing         parameters as the context grows, beside a network without recurrence
    python -m benchmarks.guide lengths         one network for series of 40 to 1,280 steps, beside one for each series

Each takes at most two minutes on one free core. The figures depend on nothing but seeds, except for milliseconds.
docs/recurrent-networks.md explains them.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"
_HORIZON = 14
_BATCH = 64
Row = Sequence[Any]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table of a claim."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("claim", choices=sorted(CLAIMS))
    arguments = parser.parse_args(argv)
    from forecaster import runtime

    runtime.prepare_torch(threads=1)
    for number, row in enumerate(CLAIMS[arguments.claim]()):
        print("| " + " | ".join(map(str, row)) + " |", flush=True)
        if number == 0:
            print("|" + " --- |" * len(row))


def measure_paths(*, options: Mapping[str, Any] | None = None, max_windows: int = 256) -> Iterator[Row]:
    """Train the gated cells of the exercise, and split their gradients through time by `split_paths`.

    Args:
        options: options of `forecaster.train` beside those of the exercise.
        max_windows: largest number of held-out windows to average over.

    Yields: the head; then the row of each cell.
    """
    import forecaster
    from forecaster.batches.windows import Windows
    from forecaster.models.restore import restore_forecaster
    from forecaster.network.inputs import Inputs
    from forecaster.workflows.explain_bundle import Subject
    from forecaster.workflows.reading import load_data, open_bundle, source_of

    yield ["cell", "state", "steps back", "all paths", "the gate alone", "the unit whose gate keeps most"]
    data = str(DATA / "seattle_weather.csv")
    exercise: dict[str, Any] = {"target": "temp_max", "config": ROOT / "configs" / "textbook.yaml", **(options or {})}
    with tempfile.TemporaryDirectory() as folder:
        for kind, (part, gate) in {"lstm": ("cell", "forget"), "gru": ("hidden", "update")}.items():
            model = forecaster.train(data, model=kind, out=str(Path(folder) / kind), **exercise)
            bundle = open_bundle(model.folder)
            loaded = load_data(source_of(bundle, None, command=""), bundle)
            subject = Subject.of(bundle, restore_forecaster(bundle.config, bundle.state), loaded, data)
            member = subject.networks[0]
            windows = Windows.for_validation(subject.panel, subject.held_out, member.window_spec)
            batch = Inputs.of(windows.gather(windows.pick_spaced(max_windows)))
            shares = split_paths(member.network, batch, part, gate)
            yield [f"`{kind}`", part, member.window_spec.context - 1, *(f"{100 * share:.2g} %" for share in shares)]


def split_paths(network: Any, batch: Any, part: str, gate: str) -> tuple[float, float, float]:
    """Split the gradient at the oldest state of a network with one layer: that through a gate alone, and all of it.

    A state affects the next one directly, multiplied by a gate, and through the gates and the candidate, which read the
    hidden state. What the first path alone passes on is the product of the gates of all later steps.

    Args:
        batch: windows with a target.
        part: the part of the state, such as `cell`.
        gate: the gate that it is multiplied by.

    Returns: the gradient at the oldest state as a share of that at the newest, by all paths and by the gate alone, and
        the product of the gates of the unit where it is largest, each as a mean over windows.
    """
    import torch

    from forecaster.explain.unroll import unroll

    twin, layers = unroll(network)
    loss, _ = twin.weigh_losses(batch)
    states, gates = layers[0].trace[0][part], layers[0].trace[0][gate]
    oldest, newest = torch.autograd.grad(loss, [states[0], states[-1]])  # [B, D]
    products = torch.stack(gates[1:]).prod(dim=0).detach()  # [B, D]
    size = newest.norm(dim=1).mean()
    shares = (oldest.norm(dim=1).mean() / size, (products * newest).norm(dim=1).mean() / size)
    return float(shares[0]), float(shares[1]), float(products.mean(dim=0).max())


def measure_dependencies(*, steps: int = 600, length: int = 41, hidden: int = 32) -> Iterator[Row]:
    """Train each cell to output a value that it read once, at every later step, among random values to be ignored.

    Yields: the head; then for each cell the squared error after some delays, as a share of the variance of the value.
        0 is perfect memory, and 1 is that of a network that always outputs the mean. Training saw `length` steps.
    """
    import torch
    from torch import nn

    from forecaster.network.recurrent.gru import Gru
    from forecaster.network.recurrent.lstm import Lstm
    from forecaster.network.recurrent.rnn import Rnn

    delays = (1, 5, 10, 20, 40, 80, 160)
    yield ["cell", *(f"after {delay}" for delay in delays)]
    for name, cell in {"rnn": Rnn, "lstm": Lstm, "gru": Gru}.items():
        torch.manual_seed(0)
        layer, output = cell(2, hidden), nn.Linear(hidden, 1)
        parameters = [*layer.parameters(), *output.parameters()]
        optimizer = torch.optim.Adam(parameters, lr=0.005)
        for _ in range(steps):
            loss = _recall_errors(layer, output, _BATCH, length).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
        with torch.no_grad():
            errors = _recall_errors(layer, output, 1000, delays[-1] + 1).mean(dim=0)
        yield [f"`{name}`", *(f"{errors[delay]:.4f}" for delay in delays)]


def _recall_errors(layer: Any, output: Any, batch: int, length: int) -> Any:
    """Return the squared errors [B, S] at recalling the first value of new sequences, whose variance is 1."""
    import torch

    x = torch.randn(batch, length, 2)
    x[:, :, 1] = 0
    x[:, 0, 1] = 1  # marks the value to remember
    return (output(layer(x)[0])[:, :, 0] - x[:, :1, 0]) ** 2


def measure_parallel(*, lengths: Sequence[int] = (48, 192, 768), rounds: int = 40, width: int = 24) -> Iterator[Row]:
    """Time a forward and backward pass of one sequence step by step, in segments, and by a parallel scan.

    Yields: the head; then for each length the least milliseconds of each layer, which other work disturbs least.
    """
    import torch

    from forecaster.network.recurrent.gru import Gru
    from forecaster.network.recurrent.mingru import MinGru

    features, hidden = 16, 64
    yield ["steps", "`gru`, ms", f"`gru` in segments of {width}, ms", "`mingru`, ms"]
    for length in lengths:
        x = torch.randn(1, length, features)
        segments = x.reshape(1, length // width, width * features)
        layers = [(Gru(features, hidden), x), (Gru(width * features, hidden), segments), (MinGru(features, hidden), x)]
        seconds: list[list[float]] = [[] for _ in layers]
        for _ in range(rounds):
            for times, (layer, sequence) in zip(seconds, layers, strict=True):
                started = time.perf_counter()
                layer(sequence)[0][:, -1].sum().backward()
                times.append(time.perf_counter() - started)
        yield [length, *(f"{1e3 * min(times):.2f}" for times in seconds)]


def measure_overfitting(*, steps: int = 400, hidden: int = 128) -> Iterator[Row]:
    """Train a network that is too large for 144 months, with and without dropout and early stopping.

    Yields: the head; then for each training the losses and the scores of the weights that it keeps. The training loss
        is the mean of 20 steps.
    """
    import numpy as np
    import pandas as pd

    import forecaster

    head = ["dropout", "early stopping", "step of the weights", "training loss", "validation loss"]
    yield [*head, "WQL on the holdout", "MASE on the holdout", "80 % interval covers"]
    with tempfile.TemporaryDirectory() as folder:
        for number, (dropout, is_stopping) in enumerate((d, s) for d in (0.0, 0.3) for s in (False, True)):
            options: dict[str, Any] = {
                "preset": "fast",
                "model__hidden": hidden,
                "model__dropout": dropout,
                "training__steps": steps,
                "training__validate_every": 20 if is_stopping else steps,  # one validation selects nothing
                "training__weight_decay": 0,
                "training__refit": False,
            }
            data = str(DATA / "air_passengers.csv")
            model = forecaster.train(data, model="gru", out=str(Path(folder) / str(number)), **options)
            history = pd.read_csv(model.folder / "history.csv")
            best = int(np.nanargmin(history.validation_loss))  # the row of the step whose weights are kept
            scores = model.metrics["holdout"]["models"]["gru"]
            losses = [f"{history.train_loss[best - 19 : best + 1].mean():.4f}"]
            losses += [f"{history.validation_loss[best]:.4f}", f"{scores['wql']:.4f}", f"{scores['mase']:.3f}"]
            yield [dropout, "yes" if is_stopping else "no", best + 1, *losses, f"{100 * scores['coverage80']:.0f} %"]


def measure_sharing(*, contexts: Sequence[int] = (24, 96, 384), hidden: int = 64) -> Iterator[Row]:
    """Count the parameters of a recurrent network and of one that reads the whole context at once.

    Yields: the head; then for each context the number of parameters of both.
    """
    from torch import nn

    from forecaster.config.tree import validate
    from forecaster.forecast import PROBABILITIES
    from forecaster.network.build import Dimensions, build

    yield ["context", "`gru`", "one dense layer that reads the context"]
    for context in contexts:
        tree = {
            "model": {"kind": "gru", "hidden": hidden, "context": context},
            "embed": {"width": 1},
            "decode": {"kind": "direct"},
        }
        network = build(validate(tree, "benchmark"), Dimensions(_HORIZON), probabilities=PROBABILITIES)
        dense = nn.Sequential(nn.Linear(2 * context, hidden), nn.Linear(hidden, _HORIZON * len(PROBABILITIES)))
        yield [context, *(f"{sum(each.numel() for each in one.parameters()):,}" for one in (network, dense))]


def measure_lengths(*, shortest: int = 40, doublings: int = 6, steps: int = 300) -> Iterator[Row]:
    """Train one network on series of very different lengths, which follow each other in time, and one on each alone.

    Yields: the head; then for each series the mean absolute errors on its last steps.
    """
    import pandas as pd

    import forecaster

    frame = pd.read_csv(DATA / "melbourne_temperature.csv").set_axis(["ds", "y"], axis=1)
    bounds = [shortest * (2**number - 1) for number in range(doublings + 1)]
    parts = {f"{end - begin}": frame[begin:end] for begin, end in pairwise(bounds)}
    panel = pd.concat([part.assign(unique_id=f"s{name}") for name, part in parts.items()])
    options: dict[str, Any] = {
        "preset": "fast",
        "horizon": _HORIZON,
        "model__context": 28,
        "training__steps": steps,
        "training__refit": False,
    }
    yield ["days", "one network for all, MAE in °C", "one network for each", "the last value repeated"]
    with tempfile.TemporaryDirectory() as folder:

        def error_of(name: str, table: pd.DataFrame) -> pd.Series:
            model = forecaster.train(table, model="gru", out=str(Path(folder) / name), **options)
            difference = (model.holdout["y"] - model.holdout["median"]).abs()
            return difference.groupby(model.holdout["unique_id"].astype(str)).mean()

        together = error_of("all", panel)
        errors: list[tuple[float, float, float]] = []
        for name, part in parts.items():
            naive = (part.y[-_HORIZON:] - part.y.iloc[-_HORIZON - 1]).abs().mean()
            alone = error_of(name, part).iloc[0]
            errors.append((float(together[f"s{name}"]), float(alone), float(naive)))
            yield [name, *(f"{value:.2f}" for value in errors[-1])]
        yield ["mean", *(f"{sum(column) / len(errors):.2f}" for column in zip(*errors, strict=True))]


CLAIMS: dict[str, Callable[[], Iterator[Row]]] = {
    "paths": measure_paths,
    "dependencies": measure_dependencies,
    "parallel": measure_parallel,
    "overfitting": measure_overfitting,
    "sharing": measure_sharing,
    "lengths": measure_lengths,
}

if __name__ == "__main__":
    main()
