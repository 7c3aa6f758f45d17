"""The choice of the pool that runs tasks."""

from forecaster.parallel import cluster
from forecaster.parallel.cluster_pool import ClusterPool
from forecaster.parallel.pool import Pool
from forecaster.parallel.processes import ProcessPool


def create_pool(*, workers: int, threads: int | None = None) -> Pool:
    """Return a pool whose workers start when it runs, on the cluster in use or on this machine.

    Args:
        workers: number of workers.
        threads: processor threads that torch uses in each worker; None for tasks that do not need torch.
    """
    if connection := cluster.connection():
        return ClusterPool(connection, workers=workers, threads=threads)
    return ProcessPool(workers=workers, threads=threads)


def create_local_pool(*, workers: int) -> ProcessPool:
    """Return a pool of processes of this machine for tasks that do not need torch."""
    return ProcessPool(workers=workers, threads=None)


def is_on_cluster() -> bool:
    """Return True if a cluster is in use."""
    return cluster.connection() is not None


def count_places(workers: int, threads: int | None) -> int:
    """Return the number of workers that may run at a time: `workers`, or as many as the cluster in use can run.

    Args:
        workers: number of workers on this machine; 1 also on a cluster, since such tasks do not use a pool.
        threads: as in `create_pool`.
    """
    connection = cluster.connection()
    return connection.count_places(threads or 1) if connection and workers > 1 else workers
