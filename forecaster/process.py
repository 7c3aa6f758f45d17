"""What must be settled before torch loads: the allocator, the threads.

torch's kernels map and fault in their big buffers anew at every step unless glibc keeps freed memory. And OpenMP
threads spin at barriers, so a second thread costs more than it brings as soon as anything else runs on the machine.
Both are settled by what is asked for, never by the machine's load: the same command gives the same bytes.
"""

import ctypes
import os
import platform
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h


def settle(threads: int) -> None:
    """Make this process ready for training; call it before torch is imported (later calls only set threads).

    Args:
        threads: processor threads for torch's kernels.
    """
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["MKL_NUM_THREADS"] = str(threads)
    keep_freed_memory()
    import torch

    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")  # as use_deterministic_algorithms, which also imports a compiler
    # filling fresh memory would cost a tenth of a step, and nothing here reads it before it is written
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def describe() -> dict[str, Any]:
    """What torch is here, once settled: `version`, `threads`, `instructions` of the processor, other `devices`."""
    import torch

    devices = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    devices += ["Apple's GPU"] if torch.backends.mps.is_available() else []
    return {
        "version": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "devices": devices,
    }


def keep_freed_memory() -> bool:
    """Tell glibc never to hand freed memory back; False where there is no glibc (nothing is lost but speed)."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))
