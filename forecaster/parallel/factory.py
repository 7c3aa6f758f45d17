"""The choice of the pool that runs tasks."""

from forecaster.parallel.pool import Pool
from forecaster.parallel.processes import ProcessPool


def create_pool(*, workers: int, threads: int | None = None) -> Pool:
    """Return a pool whose workers start when it runs.

    Args:
        workers: number of workers.
        threads: processor threads that torch uses in each worker; None for tasks that do not need torch.
    """
    return ProcessPool(workers=workers, threads=threads)
