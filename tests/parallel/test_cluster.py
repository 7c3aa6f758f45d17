"""Tasks and commands on a cluster of fake machines, each with one processor and a working folder of its own.

`CLUSTER_KILLS` sets how many workers the test of random losses kills.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecaster.cli.app import main
from forecaster.config.tree import validate
from forecaster.errors import DataError, DependencyError, Interrupted
from forecaster.events import TrainingStarted
from forecaster.models import ensemble_training
from forecaster.models.build import build
from forecaster.models.trained import TrainedForecaster
from forecaster.parallel.cluster import use_cluster
from forecaster.parallel.cluster_pool import ClusterPool
from forecaster.parallel.factory import count_places, create_pool
from forecaster.parallel.pool import Callbacks, Work, iterate_tasks
from forecaster.selection.resolve import resolve
from tests.conftest import MakePanel
from tests.parallel.tasks import Sum, add, fit, run
from tests.parallel.tasks import resume as resume_sum

if "TEST_CLUSTER" not in os.environ:
    pytest.importorskip("ray")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SALES = ROOT / "data" / "air_passengers.csv"
MACHINES = 3
# Two fits of three folds, or four trials, have enough steps for two workers.
FEW_STEPS = ("--set", "training.steps=250", "--set", "model.hidden=8", "--set", "training.patience=99")


@dataclass
class FakeCluster:
    """The process that runs the machines."""

    process: subprocess.Popen[str]
    address: str

    def order(self, text: str) -> None:
        """Pass an order to the process, and wait for its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(text, file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "done\n"


@pytest.fixture(scope="module")
def cluster() -> Iterator[FakeCluster]:
    """Run one cluster for all tests of this module."""
    command = [sys.executable, "-m", "tests.parallel.fake_cluster", str(MACHINES)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        assert process.stdout is not None
        yield FakeCluster(process, process.stdout.readline().strip())
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)


def run_tasks(
    cluster: FakeCluster, function: Any, tasks: list[Any], *, shared: object = "all", watch: Callable[..., Any] = print
) -> tuple[list[tuple[int, Any]], list[tuple[int, Any]]]:
    """Run tasks on the cluster, and return their results and their checkpoints."""
    results: list[tuple[int, Any]] = []
    checkpoints: list[tuple[int, Any]] = []
    with use_cluster(cluster.address):
        create_pool(workers=MACHINES, threads=1).run(
            Work(function, iterate_tasks(dict(enumerate(tasks))), shared=shared, name="sum", resume=resume_sum),
            Callbacks(
                watch,
                on_result=lambda number, result: results.append((number, result)),
                on_checkpoint=lambda number, state: checkpoints.append((number, state)),
                on_question=lambda _, question: question,
            ),
        )
    return sorted(results), checkpoints


def train_bytes(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder that do not name the time or the place of the training."""
    names = ("weights.safetensors", "holdout.csv", "backtest.csv", "config.yaml")
    return {name: (folder / name).read_bytes() for name in names if (folder / name).exists()}


def forecast(cwd: Path, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder."""
    command = [sys.executable, "-m", "forecaster", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == code, done.stderr
    return done


def test_more_tasks_than_processors_all_end_on_the_machines(cluster: FakeCluster) -> None:
    processes: set[int] = set()
    results, _ = run_tasks(cluster, run, ["a", "b", "c", "d", "e"], watch=lambda _, process: processes.add(process))
    assert results == [(number, ("all", task)) for number, task in enumerate("abcde")]
    assert 1 <= len(processes) <= MACHINES
    assert os.getpid() not in processes


def test_a_second_run_of_a_connection_receives_nothing_of_the_first(cluster: FakeCluster) -> None:
    with use_cluster(cluster.address):
        for shared in ("first", "second", "third"):
            results: dict[int, Any] = {}
            create_pool(workers=2, threads=1).run(
                Work(run, iterate_tasks({0: "a", 1: "b"}), shared=shared),
                Callbacks(lambda *_: None, on_result=results.__setitem__),
            )
            assert results == {0: (shared, "a"), 1: (shared, "b")}


def test_the_cluster_decides_how_many_workers_run(cluster: FakeCluster) -> None:
    assert count_places(2, 1) == 2
    with use_cluster(cluster.address):
        assert [count_places(2, 1), count_places(2, None), count_places(1, 1)] == [MACHINES, MACHINES, 1]
        assert count_places(2, 4) == 1  # No machine has four processors.


def test_a_worker_answers_questions_and_uses_the_threads_of_the_pool(cluster: FakeCluster) -> None:
    assert run_tasks(cluster, run, ["ask", "threads"])[0] == [(0, "may I"), (1, 1)]


def test_a_failure_reaches_the_caller_with_its_hint(cluster: FakeCluster) -> None:
    with use_cluster(cluster.address), pytest.raises(DataError, match="cannot") as caught:
        create_pool(workers=2, threads=1).run(
            Work(run, iterate_tasks({0: "sleep", 1: "fail"})), Callbacks(lambda *_: None, lambda *_: None)
        )
    assert caught.value.hint == "may not"


def test_a_fault_names_the_line_on_the_machine(cluster: FakeCluster) -> None:
    with pytest.raises(ValueError, match="our own fault") as raised:
        run_tasks(cluster, run, ["stumble"])
    assert "tasks.py" in raised.value.__notes__[0]


def test_a_stopped_task_sends_its_last_checkpoint(cluster: FakeCluster) -> None:
    checkpoints: list[Any] = []

    def stop(number: int, message: object) -> None:
        if message == "running":
            raise Interrupted(signal.SIGTERM)

    with use_cluster(cluster.address), pytest.raises(Interrupted):
        create_pool(workers=2, threads=1).run(
            Work(run, iterate_tasks({0: "save at the end", 1: "save at the end"})),
            Callbacks(stop, lambda *_: None, on_checkpoint=lambda number, state: checkpoints.append((number, state))),
        )
    assert (0, "everything") in checkpoints or (1, "everything") in checkpoints


def test_a_task_that_always_ends_its_worker_ends_the_run(cluster: FakeCluster) -> None:
    with pytest.raises(DependencyError, match="sum 1 lost its worker 3 times, last because: ") as caught:
        run_tasks(cluster, run, ["vanish"])
    assert caught.value.code == 69


@pytest.mark.parametrize("has_checkpoints", [False, True])
def test_a_task_whose_worker_is_killed_goes_on(cluster: FakeCluster, tmp_path: Path, has_checkpoints: bool) -> None:
    numbers: list[Any] = []
    task = Sum(6, has_checkpoints, str(tmp_path), ends_at=(2, 4))
    shared = "all" if has_checkpoints else "ask"
    results, _ = run_tasks(cluster, add, [task], shared=shared, watch=lambda _, message: numbers.append(message))
    assert results == [(0, (15, 5 if has_checkpoints else 0))]
    assert [number for _, number in (each for each in numbers if isinstance(each, tuple))] == [*range(6)]
    assert len({process for process, _ in (each for each in numbers if isinstance(each, tuple))}) == 3


def test_a_killed_training_continues_from_its_checkpoint_to_the_same_weights(
    cluster: FakeCluster, make_panel: MakePanel
) -> None:
    panel = make_panel([np.sin(np.arange(400.0)) + 3])
    settings = {"data": {"horizon": 7}, "model": {"hidden": 16}, "training": {"steps": 1000, "validate_every": 250}}
    config = resolve(validate(settings | {"preset": "fast", "conformal": {"kind": "off"}}, "test"), panel)
    alone, member = build(config), build(config)
    assert isinstance(alone, TrainedForecaster)
    assert isinstance(member, TrainedForecaster)
    alone.fit(panel, None, watch=lambda event: None, checkpoint=None)
    processes: list[int] = []
    starts: list[int] = []
    checkpoints: list[int] = []

    def kill_after_checkpoint(number: int, message: Any) -> None:
        if isinstance(message, int):
            processes.append(message)
        elif isinstance(message, TrainingStarted):
            starts.append(message.done)
        elif len(checkpoints) == len(processes) * 2 and len(processes) < 3:
            checkpoints.append(0)
            os.kill(processes[-1], signal.SIGKILL)

    with use_cluster(cluster.address):
        create_pool(workers=1, threads=1).run(
            Work(
                fit,
                iterate_tasks({0: ensemble_training._Member(type(member), member.config, {}, {})}),
                shared=(panel, None),
                resume=ensemble_training._resume,
            ),
            Callbacks(
                kill_after_checkpoint,
                on_result=lambda _, fitted: member.restore_fitted(fitted),
                on_checkpoint=lambda *_: checkpoints.append(1),
            ),
        )
    assert len(processes) == 3
    assert 0 == starts[0] < starts[1] < starts[2]
    weights = {name: value.tobytes() for name, value in alone.state().items()}
    assert {name: value.tobytes() for name, value in member.state().items()} == weights


def test_random_losses_of_workers_change_no_result(cluster: FakeCluster) -> None:
    kills = int(os.environ.get("CLUSTER_KILLS", "5"))
    chance = random.Random(0)
    limit = 40
    left = kills
    next_kill = [time.monotonic() + chance.uniform(0.5, 2.0)]
    lost: dict[int, int] = {}

    def kill_some(number: int, message: Any) -> None:
        nonlocal left
        # Each task may lose its worker twice.
        if isinstance(message, tuple) and left and time.monotonic() > next_kill[0] and lost.get(number, 0) < 2:
            lost[number] = lost.get(number, 0) + 1
            left -= 1
            next_kill[0] = time.monotonic() + chance.uniform(0.5, 2.0)
            os.kill(message[0], signal.SIGKILL)

    rounds = 0
    while left:
        rounds += 1
        assert rounds <= kills
        lost.clear()
        tasks = [Sum(limit, number % 2 == 0, pause=0.1) for number in range(6)]
        results, _ = run_tasks(cluster, add, tasks, watch=kill_some)
        assert [(number, total) for number, (total, _) in results] == [(each, 780) for each in range(6)]


def test_an_ensemble_has_the_same_bytes_as_on_one_machine(cluster: FakeCluster, tmp_path: Path) -> None:
    options = (SALES, *FEW_STEPS, "--preset", "fast", "--set", "ensemble.seeds=3", "--set", "ensemble.workers=2")
    alone = forecast(tmp_path, "train", *options, "--out", "here")
    done = forecast(tmp_path, "train", *options, "--out", "there", "--cluster", cluster.address)
    here, there = train_bytes(tmp_path / "here"), train_bytes(tmp_path / "there")
    assert sorted(here) == ["config.yaml", "holdout.csv", "weights.safetensors"]
    assert here == there
    assert done.stderr == alone.stderr.replace("here", "there")  # Ray prints nothing.


def count_runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which each run of a pool on a cluster adds the name of its tasks."""
    names: list[str] = []
    run_pool = ClusterPool.run

    def count_and_run(pool: ClusterPool, work: Any, callbacks: Any) -> None:
        names.append(work.name)
        run_pool(pool, work, callbacks)

    monkeypatch.setattr(ClusterPool, "run", count_and_run)
    return names


def test_folds_trials_and_models_have_the_same_bytes_as_on_one_machine(
    cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = count_runs(monkeypatch)
    monkeypatch.chdir(tmp_path)
    one = (*FEW_STEPS, "--set", "ensemble.seeds=1", "--preset", "fast")
    folds = ("--folds", "3", "--refit", "1")
    commands = {
        "backtest": (SALES, *one, *folds),
        "compare": (SALES, *one, *folds, "--models", "gru,lstm"),
        "tune": (SALES, *one, "--trials", "4", "--folds", "1"),
    }
    for name, arguments in commands.items():
        for place in ("here", "there"):
            address = ("--cluster", cluster.address) if place == "there" else ()
            assert main([name, *map(str, arguments), *address, "--out", f"{name}-{place}"]) == 0
    assert names == ["fit", "fit", "fit", "trial"]  # One of `backtest`, two of `compare`, and the study.
    here, there = (train_bytes(tmp_path / f"backtest-{place}") for place in ("here", "there"))
    assert "backtest.csv" in here
    assert here == there
    assert (tmp_path / "tune-here" / "config.yaml").read_bytes() == (
        tmp_path / "tune-there" / "config.yaml"
    ).read_bytes()
    boards = [(tmp_path / f"compare-{place}" / "leaderboard.csv").read_text() for place in ("here", "there")]
    assert without_seconds(boards[0]) == without_seconds(boards[1])


def without_seconds(board: str) -> list[list[str]]:
    """Return the rows of a leaderboard without the columns of durations."""
    rows = [line.split(",") for line in board.splitlines()]
    names = [number for number, name in enumerate(rows[0]) if "seconds" not in name]
    return [[row[number] for number in names] for row in rows]


def test_a_job_uses_the_cluster_of_its_file(cluster: FakeCluster, tmp_path: Path) -> None:
    text = f"data: {{path: {SALES}}}\npreset: fast\nensemble: {{seeds: 3, workers: 2}}\njob: {{cluster: ADDRESS}}\n"
    (tmp_path / "lost.yaml").write_text(text.replace("ADDRESS", "127.0.0.1:9"))
    done = forecast(tmp_path, "run", "lost.yaml", *FEW_STEPS, code=69)
    assert "cluster 127.0.0.1:9 cannot be used" in json.loads(done.stdout)["error"]["message"]
    (tmp_path / "nightly.yaml").write_text(text.replace("ADDRESS", cluster.address))
    done = forecast(tmp_path, "run", "nightly.yaml", *FEW_STEPS)
    assert json.loads(done.stdout)["code"] == 0


def start_long_training(cluster: FakeCluster, folder: Path) -> subprocess.Popen[str]:
    """Start a training of minutes on the cluster, and return it when its networks train."""
    options = ("--set", "training.steps=100000", "--set", "ensemble.seeds=3", "--set", "ensemble.workers=2")
    command = [sys.executable, "-m", "forecaster", "train", str(SALES), *options, "--out", "b"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "FORECAST_CLUSTER": cluster.address}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(20)
    assert process.poll() is None, process.communicate()[1]
    return process


def test_an_interrupted_training_on_the_cluster_is_saved(cluster: FakeCluster, tmp_path: Path) -> None:
    process = start_long_training(cluster, tmp_path)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=90)
    assert process.returncode == 130, errors
    assert "forecast train --resume" in errors
    assert (tmp_path / "b.partial").is_dir()


def test_the_workers_of_a_killed_command_make_room_for_the_next(cluster: FakeCluster, tmp_path: Path) -> None:
    process = start_long_training(cluster, tmp_path)
    process.kill()
    process.communicate(timeout=30)
    assert len(run_tasks(cluster, run, ["a", "b", "c"])[0]) == 3


def test_an_address_where_nothing_listens_is_refused(cluster: FakeCluster, tmp_path: Path) -> None:
    done = forecast(tmp_path, "train", SALES, "--cluster", "127.0.0.1:9", code=69)
    assert done.stderr.startswith("error: the cluster 127.0.0.1:9 cannot be used: ")
    assert "ray start --address" in done.stderr


def test_a_task_whose_machine_is_lost_goes_on(cluster: FakeCluster) -> None:
    """The last machine but one; the machine that is lost runs one of the three tasks."""
    is_lost = False

    def kill_machine(number: int, message: object) -> None:
        nonlocal is_lost
        if not is_lost and isinstance(message, tuple) and message[1] == 20:
            is_lost = True
            cluster.order("kill 1")

    tasks = [Sum(60, has_checkpoints=True, pause=0.1) for _ in range(3)]
    results, _ = run_tasks(cluster, add, tasks, watch=kill_machine)
    assert is_lost
    assert [(number, total) for number, (total, _) in results] == [(number, 1770) for number in range(3)]
    assert sorted(first > 0 for _, (_, first) in results) == [False, False, True]


def test_a_cluster_that_loses_its_head_ends_the_run(cluster: FakeCluster) -> None:
    """This is the last test of the cluster."""
    start = time.monotonic()
    is_lost = False

    def behead(number: int, message: object) -> None:
        nonlocal is_lost
        if not is_lost:
            is_lost = True
            cluster.order("behead")

    with pytest.raises(DependencyError, match="is lost") as caught:
        run_tasks(cluster, add, [Sum(10_000, pause=0.1)], watch=behead)
    assert caught.value.code == 69
    assert time.monotonic() - start < 120
