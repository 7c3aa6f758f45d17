"""The rules of a pool on a cluster, with a connection that is a script."""

import pickle
import signal
from collections.abc import Callable
from typing import Any

import pytest

from forecaster.addresses import check_cluster
from forecaster.cli.app import main
from forecaster.errors import ConfigError, DataError, DependencyError, Interrupted, UsageError
from forecaster.events import Note
from forecaster.parallel import cluster, cluster_pool
from forecaster.parallel.cluster import use_cluster
from forecaster.parallel.cluster_pool import ClusterPool
from forecaster.parallel.pool import Callbacks, Work, iterate_tasks
from forecaster.parallel.wire import Kind, Order
from forecaster.settings import parse_tree
from tests.parallel import tasks

Item = tuple[int, Kind, Any]


class Script:
    """A connection whose workers send, for each run of a task, the next list of items."""

    address = "head:6379"

    def __init__(self, *runs: list[tuple[Kind, object]], workers: int = 1) -> None:
        self.is_alive = True
        self.runs = list(runs)
        self.tasks: list[object] = []
        self.answers: list[object] = []
        self.orders: list[Order] = []
        self._items: list[Item] = [(number, Kind.READY, None) for number in range(workers)]

    def connect(self) -> None: ...

    def abort(self) -> None:
        self.is_alive = False

    def open(self, workers: int, threads: int | None, shared: bytes) -> None: ...

    def send(self, order: Order, *content: Any) -> None:
        self.orders.append(order)
        if order == Order.RUN:
            worker, work = content
            self.tasks.append(pickle.loads(work)[1])
            for kind, item in self.runs.pop(0):
                self._items.append((worker, kind, item if kind == Kind.DEATH else pickle.dumps(item)))
                if kind in (Kind.RESULT, Kind.DEATH):
                    self._items.append((worker, Kind.READY, None))
        elif order == Order.ANSWER:
            self.answers.append(pickle.loads(content[1]))

    def receive(self, seconds: float) -> Item | None:
        return self._items.pop(0) if self._items else None


Received = list[tuple[str, int, Any]]


def run_script(
    script: Script,
    numbered: dict[int, object],
    *,
    on_message: Callable[[int, Any], object] | None = None,
    **options: Any,
) -> Received:
    """Run tasks, and return what the callbacks received."""
    received: Received = []

    def record(kind: str) -> Callable[[int, Any], None]:
        return lambda number, content: received.append((kind, number, content))

    def answer(number: int, question: Any) -> str:
        received.append(("question", number, question))
        return f"{question}, yes"

    ClusterPool(script, workers=1, threads=1).run(  # type: ignore[arg-type]
        Work(tasks.run, iterate_tasks(numbered), **options),
        Callbacks(on_message or record("message"), record("result"), record("checkpoint"), answer),
    )
    return received


def without_notes(received: Received) -> Received:
    return [each for each in received if not isinstance(each[2], Note)]


def test_messages_of_a_task_that_starts_again_come_once() -> None:
    script = Script(
        [(Kind.MESSAGE, 1), (Kind.MESSAGE, 2), (Kind.DEATH, "a flood")],
        [(Kind.MESSAGE, 1), (Kind.DEATH, "a storm")],
        [(Kind.MESSAGE, 1), (Kind.MESSAGE, 2), (Kind.MESSAGE, 3), (Kind.RESULT, "done")],
    )
    received = run_script(script, {4: "a"}, name="trial")
    assert without_notes(received) == [
        ("message", 4, 1),
        ("message", 4, 2),
        ("message", 4, 3),
        ("result", 4, "done"),
    ]
    notes = [each[2].text for each in received if isinstance(each[2], Note)]
    assert notes == [f"trial 5 lost its worker and starts again: a {event}" for event in ("flood", "storm")]


def test_a_question_is_answered_once_and_the_answer_is_repeated() -> None:
    script = Script(
        [(Kind.QUESTION, "a"), (Kind.QUESTION, "b"), (Kind.DEATH, "a flood")],
        [(Kind.QUESTION, "a"), (Kind.QUESTION, "b"), (Kind.QUESTION, "c"), (Kind.RESULT, None)],
    )
    received = run_script(script, {0: "a"})
    assert [each[2] for each in received if each[0] == "question"] == ["a", "b", "c"]
    assert script.answers == ["a, yes", "b, yes", "a, yes", "b, yes", "c, yes"]


def test_a_task_continues_from_its_last_checkpoint() -> None:
    script = Script(
        [(Kind.CHECKPOINT, (1, 0)), (Kind.CHECKPOINT, (2, 1)), (Kind.MESSAGE, 2), (Kind.DEATH, "a flood")],
        [(Kind.MESSAGE, 2), (Kind.RESULT, 3)],
    )
    received = run_script(script, {0: tasks.Sum(3)}, resume=tasks.resume)
    assert script.tasks == [tasks.Sum(3), tasks.Sum(3, state=(2, 1))]
    assert without_notes(received)[-2:] == [("message", 0, 2), ("result", 0, 3)]  # It sends nothing twice by itself.


def test_a_task_that_ends_three_workers_ends_the_run() -> None:
    death: list[tuple[Kind, object]] = [(Kind.DEATH, "out of memory")]
    script = Script(death, death, death)
    with pytest.raises(DependencyError, match="network 3 lost its worker 3 times, last because: out of memory"):
        run_script(script, {2: "a"}, name="network")
    assert not script.is_alive


def test_two_lost_workers_of_each_task_are_no_failure() -> None:
    death: list[tuple[Kind, object]] = [(Kind.DEATH, "a flood")]
    done: list[tuple[Kind, object]] = [(Kind.RESULT, "done")]
    script = Script(death, death, done, death, death, done)
    assert [each[:2] for each in run_script(script, {0: "a", 1: "b"}) if each[0] == "result"] == [
        ("result", 0),
        ("result", 1),
    ]


def test_a_task_is_not_to_blame_for_workers_that_were_lost_while_they_waited() -> None:
    absence: list[tuple[Kind, object]] = [(Kind.ABSENCE, None), (Kind.DEATH, "a flood")]
    script = Script(absence, absence, absence, [(Kind.RESULT, "done")])
    assert run_script(script, {0: "a"}) == [("result", 0, "done")]


def test_workers_that_fail_to_start_once_are_no_failure() -> None:
    script = Script([(Kind.RESULT, "done")], workers=0)
    script._items = [*((number, Kind.DEATH, "a flood") for number in range(5)), (0, Kind.READY, None)]
    assert run_script(script, {0: "a"}) == [("result", 0, "done")]


def test_a_failure_of_a_task_reaches_the_caller() -> None:
    with pytest.raises(DataError, match="cannot"):
        run_script(Script([(Kind.ERROR, DataError("cannot", hint="may not"))]), {0: "a"})


def test_workers_that_cannot_start_end_the_run() -> None:
    script = Script(workers=0)
    script._items = [(0, Kind.DEATH, "no module named forecaster")] * 3
    with pytest.raises(DependencyError, match="cannot start: no module named forecaster"):
        run_script(script, {0: "a"})


def test_a_cluster_without_a_free_processor_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_pool, "_START_SECONDS", 0.01)
    with pytest.raises(DependencyError, match="no free processor"):
        run_script(Script(workers=0), {0: "a"})


def test_a_waiting_task_reports_so_that_a_signal_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """During a training a signal is raised when an event arrives."""
    monkeypatch.setattr(cluster_pool, "_NOTE_SECONDS", 0.0)
    script = Script([(Kind.DEATH, "a flood")])

    def on_message(number: int, message: Any) -> None:
        if message == Note("waiting for a free processor of the cluster"):
            raise Interrupted(signal.SIGINT)
        script._items.clear()  # No other worker gets ready.

    with pytest.raises(Interrupted):
        run_script(script, {0: "a"}, on_message=on_message)
    assert not script.is_alive


def test_the_last_checkpoint_arrives_after_a_signal() -> None:
    script = Script([(Kind.MESSAGE, 1), (Kind.CHECKPOINT, "everything"), (Kind.ERROR, Interrupted(signal.SIGINT))])
    checkpoints: list[object] = []

    def on_message(number: int, message: object) -> None:
        raise Interrupted(signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        ClusterPool(script, workers=1, threads=1).run(  # type: ignore[arg-type]
            Work(tasks.run, iterate_tasks({0: "a"})),
            Callbacks(on_message, lambda *_: None, on_checkpoint=lambda _, state: checkpoints.append(state)),
        )
    assert (caught.value.signum, checkpoints) == (signal.SIGTERM, ["everything"])
    assert Order.STOP in script.orders


def test_a_worker_that_does_not_stop_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_pool, "_STOP_SECONDS", 0.0)
    script = Script([(Kind.MESSAGE, 1)])

    def on_message(number: int, message: object) -> None:
        raise Interrupted(signal.SIGTERM)

    with pytest.raises(Interrupted):
        run_script(script, {0: "a"}, on_message=on_message)


@pytest.mark.parametrize("address", ["auto", "10.0.0.5:6379", "head.local:6379", "[fe80::1]:6379"])
def test_an_address_of_a_head_is_accepted(address: str) -> None:
    assert check_cluster(address) == address


@pytest.mark.parametrize("address", ["ray://head:10001", "http://head:8265", "head", "head:", "a b:1", "auto:"])
def test_another_address_is_refused(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "data.csv", "--cluster", address]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: --cluster ")
    assert err.endswith("hint: write --cluster auto, or --cluster HOST:6379\n")
    assert ("ray job submit" in err) is ("://" in address)


def test_the_environment_names_a_cluster(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORECAST_CLUSTER", "ray://head:10001")
    assert main(["compare", "data.csv"]) == 2
    assert "ray://head:10001" in capsys.readouterr().err


def test_a_job_file_with_another_address_is_refused() -> None:
    from forecaster.config.tree import validate

    with pytest.raises(ConfigError, match=r"job.cluster.*ray job submit"):
        validate(parse_tree("job: {cluster: 'ray://head:10001'}", "job.yaml"), "job.yaml")


def test_auto_refuses_the_address_of_a_client_in_rays_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(UsageError, match="RAY_ADDRESS is ray://head:10001"), use_cluster("auto"):
        pass


def test_without_ray_the_command_names_the_installation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    assert main(["tune", "data.csv", "--cluster", "auto"]) == 69
    assert capsys.readouterr().err == (
        'error: --cluster needs the package ray\nhint: pip install -c constraints.txt ".[cluster]"\n'
    )


def test_no_cluster_is_in_use_without_an_address() -> None:
    for address in (None, ""):
        with use_cluster(address):
            assert cluster.connection() is None
