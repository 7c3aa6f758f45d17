"""A Ray cluster of fake machines on this one: a head without processors, and some machines with one each.

Prints the address of the head, and follows a line of standard input: `kill NUMBER`, `add` or `behead`. It answers each
with a line, and ends the cluster when its input ends. Every machine has a working folder of its own.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

_STORE_BYTES = 100 << 20


def add_machine(cluster: Cluster, folder: Path, number: int, processors: int) -> Any:
    """Start a machine whose processes run in an empty folder."""
    place = folder / f"machine{number}"
    place.mkdir()
    before = Path.cwd()
    os.chdir(place)
    try:
        return cluster.add_node(num_cpus=processors, object_store_memory=_STORE_BYTES, include_dashboard=False)
    finally:
        os.chdir(before)


def main() -> None:
    machines = int(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # Ray prints to standard output as well.
    with tempfile.TemporaryDirectory() as name:
        cluster = Cluster(shutdown_at_exit=False)
        nodes = [add_machine(cluster, Path(name), number, min(number, 1)) for number in range(machines + 1)]
        print(cluster.address, file=answers)
        for line in sys.stdin:
            match line.split():
                case ["kill", number]:
                    cluster.remove_node(nodes[int(number)], allow_graceful=False)
                case ["add"]:
                    nodes.append(add_machine(cluster, Path(name), len(nodes), 1))
                case ["behead"]:
                    nodes[0].kill_gcs_server(check_alive=False)
                    nodes[0].kill_raylet(check_alive=False)
            print("done", file=answers)
        cluster.shutdown()


if __name__ == "__main__":
    main()
