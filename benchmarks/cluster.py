"""Measure what a cluster costs: its start, a connection, a worker, a task and the bytes of a training.

python -m benchmarks.cluster
python -m benchmarks.cluster --data data/sales.csv

The machines are processes of this one, so that the figures are overheads, never a gain in speed.
"""

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from forecaster import api
from forecaster.parallel.cluster import Connection, use_cluster
from forecaster.parallel.factory import create_pool
from forecaster.parallel.pool import Callbacks, Work, WorkerContext, iterate_tasks
from forecaster.parallel.wire import Kind, Order

_TASKS, _MESSAGES = 500, 5000
_KINDS = {Kind.MESSAGE: "messages", Kind.CHECKPOINT: "checkpoints", Kind.RESULT: "results"}


def echo(context: WorkerContext, messages: int) -> int:
    """Send some messages, and return their number."""
    for number in range(messages):
        context.send_message(number)
    return messages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/air_passengers.csv"))
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"processes": measure_pool()}
    with fake_cluster(2) as (address, seconds):
        figures["seconds_to_start_three_machines"] = seconds
        start = time.perf_counter()
        with use_cluster(address):
            figures["seconds_to_connect"] = round(time.perf_counter() - start, 2)
            figures["cluster"] = measure_pool()
        figures["training"] = measure_training(arguments.data, address)
    print(json.dumps(figures, indent=2))


@contextmanager
def fake_cluster(machines: int) -> Iterator[tuple[str, float]]:
    """Run a cluster on this machine, and yield the address of its head and the seconds that it took to start."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "tests.parallel.fake_cluster", str(machines)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        yield address, round(time.perf_counter() - start, 2)
        process.stdin.close()


def measure_pool() -> dict[str, float]:
    """Return the seconds until the first result, and the milliseconds of an empty task and of a message."""
    from benchmarks.cluster import echo  # Workers import the function by this name, not from `__main__`.

    def run(tasks: int, messages: int) -> tuple[float, list[float], list[float]]:
        results: list[float] = []
        received: list[float] = []
        start = time.perf_counter()
        create_pool(workers=2, threads=1).run(
            Work(echo, iterate_tasks(dict.fromkeys(range(tasks), messages))),
            Callbacks(
                on_message=lambda *_: received.append(time.perf_counter()),
                on_result=lambda *_: results.append(time.perf_counter()),
            ),
        )
        return results[0] - start, results, received

    first, results, _ = run(_TASKS, 0)
    _, _, received = run(1, _MESSAGES)
    return {
        "seconds_to_first_result": round(first, 2),
        "milliseconds_a_task": round((results[-1] - results[0]) / (_TASKS - 1) * 1000, 2),
        "milliseconds_a_message": round((received[-1] - received[0]) / (_MESSAGES - 1) * 1000, 3),
    }


def measure_training(data: Path, address: str) -> dict[str, Any]:
    """Train an ensemble of three networks on a cluster, and return the bytes that its tasks moved."""
    moved: Counter[str] = Counter()
    receive, send, open_workers = Connection.receive, Connection.send, Connection.open

    def count_received(self: Connection, seconds: float) -> Any:
        item = receive(self, seconds)
        if item is not None and item[1] in _KINDS:
            moved[f"{_KINDS[item[1]]}"] += len(item[2])
        return item

    def count_sent(self: Connection, order: Order, *content: Any) -> None:
        moved["tasks"] += len(content[1]) if order == Order.RUN else 0
        send(self, order, *content)

    def count_shared(self: Connection, workers: int, threads: int | None, shared: bytes) -> None:
        moved["shared"] += len(shared)
        open_workers(self, workers, threads, shared)

    Connection.receive, Connection.send, Connection.open = count_received, count_sent, count_shared  # type: ignore[method-assign]
    try:
        with TemporaryDirectory() as folder:
            settings = {"training.steps": 300, "ensemble.seeds": 3, "ensemble.workers": 2}
            api.train(data, preset="fast", settings=settings, out=f"{folder}/bundle", cluster=address)
            moved["bundle"] = (Path(folder) / "bundle" / "weights.safetensors").stat().st_size
    finally:
        Connection.receive, Connection.send, Connection.open = receive, send, open_workers  # type: ignore[method-assign]
    return {"bytes": dict(moved)}


if __name__ == "__main__":
    main()
