"""The threads, the allocator and the device that torch uses.

By default glibc returns freed memory to the system, and torch's kernels map and fault in their large buffers again at
every step. OpenMP threads spin at barriers, so a second thread costs more than it gains as soon as another process is
busy. Both are set by the config alone, never by the machine's load, so that the same command gives the same bytes.
"""

import ctypes
import mmap
import os
import platform
import threading
import warnings
from typing import Any, Literal

from forecaster.errors import DependencyError

_MIN_ADDRESS_SPACE_BYTES = 768 << 20  # measured for `predict`, which uses no more than 180 MB of it
_ADDRESS_SPACE_PER_PROCESSOR_BYTES = 32 << 20
_MIN_THREADS = 8
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h


def check_resources() -> None:
    """Check that the libraries can start their threads, before any of them is loaded.

    Arrow waits for ever for a thread that it could not start, and OpenBLAS ends the process.

    Raises: DependencyError: the system permits too little memory or too few threads.
    """
    size = _MIN_ADDRESS_SPACE_BYTES + _ADDRESS_SPACE_PER_PROCESSOR_BYTES * (os.cpu_count() or 1)
    if hasattr(mmap, "MAP_PRIVATE"):
        try:  # Memory that is never written takes nothing but addresses.
            mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ).close()
        except OSError as error:
            raise DependencyError(
                f"the limit of this process's memory is too low: it needs {size >> 20:,} MiB of addresses",
                hint="raise the limit: ulimit -v unlimited",
            ) from error
    threads: list[threading.Thread] = []
    end = threading.Event()
    try:
        for _ in range(_MIN_THREADS):
            threads.append(threading.Thread(target=end.wait))
            threads[-1].start()
    except RuntimeError as error:
        raise DependencyError(
            f"the limit of threads is too low: {len(threads) - 1} of {_MIN_THREADS} could be started",
            hint="raise the limit: ulimit -u unlimited, or the limit of the container",
        ) from error
    finally:
        end.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()


def is_out_of_memory(error: BaseException) -> bool:
    """Return True if a failure means that memory is missing; a library that does not fit raises an ImportError."""
    is_unmapped = isinstance(error, ImportError) and "failed to map segment" in str(error)
    return is_unmapped or isinstance(error, MemoryError)


def count_cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prepare_torch(threads: int) -> None:
    """Import torch and set its threads, its memory allocator and its deterministic mode.

    Every network calls this when it is made, and every worker process when it starts; repeated calls set the threads.

    Args:
        threads: processor threads for torch's kernels.
    """
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["MKL_NUM_THREADS"] = str(threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # Without it a GPU's products differ between runs.
    keep_freed_memory()
    import torch

    torch.set_num_threads(threads)
    # This does what use_deterministic_algorithms does, which would also import torch's compiler.
    torch.set_deterministic_debug_mode("error")
    # Filling fresh memory would take a tenth of a step, and no code here reads memory before it writes it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def resolve_device(device: str) -> Literal["cpu", "cuda"]:
    """Return the device that networks use, and configure it. Only devices other than `cpu` load torch.

    On a GPU, float32 arithmetic stays float32: cuDNN's shorter TF32 would disagree with the processor's results.
    Kernels without a deterministic form are allowed there. torch names running sums over the few quantiles of a step
    among them, though these give the same result every time.

    Args:
        device: `cpu`, `cuda`, or `auto`, which is a CUDA GPU where torch finds one and the processor otherwise.

    Raises: DependencyError: torch finds no such GPU.
    """
    if device == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        torch.backends.cudnn.allow_tf32 = False
        torch.set_deterministic_debug_mode("warn")
        warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation")
        return "cuda"
    if device == "auto":
        return "cpu"
    hint = "pass --device auto to use the processor where there is no GPU; `forecast doctor` lists the devices"
    if torch.version.cuda is None:
        raise DependencyError(f"device cuda: torch {torch.__version__} was built without CUDA", hint=hint)
    raise DependencyError("device cuda: torch finds no GPU on this machine", hint=hint)


def describe() -> dict[str, Any]:
    """Describe torch on this machine.

    Returns: `version`, `threads`, `instructions` of the processor, names of other `devices`, and the `device` that
    `auto` resolves to.
    """
    import torch

    devices = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    devices += ["Apple's GPU"] if torch.backends.mps.is_available() else []
    return {
        "version": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "devices": devices,
        "device": resolve_device("auto"),
    }


def keep_freed_memory() -> bool:
    """Make glibc keep freed memory for reuse. Return False without glibc, where training is merely slower."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))
