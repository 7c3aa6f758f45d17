"""What must be settled before torch loads: the allocator, the threads.

torch's kernels map and fault in their big buffers anew at every step unless glibc keeps freed memory. And OpenMP
threads spin at barriers, so a second thread costs more than it brings as soon as anything else runs on the machine.
Both are settled by what is asked for, never by the machine's load: the same command gives the same bytes.
"""

import ctypes
import os
import platform
import warnings
from typing import Any, Literal

from forecaster.errors import DependencyError

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h


def settle(threads: int) -> None:
    """Make this process ready for training; call it before torch is imported (later calls only set threads).

    Args:
        threads: processor threads for torch's kernels.
    """
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["MKL_NUM_THREADS"] = str(threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it a GPU's products differ from run to run
    keep_freed_memory()
    import torch

    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")  # as use_deterministic_algorithms, which also imports a compiler
    # filling fresh memory would cost a tenth of a step, and nothing here reads it before it is written
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def settle_device(wanted: str) -> Literal["cpu", "cuda"]:
    """Name the device that networks are to lie on, and make it ready; `cpu` needs no torch, others load it.

    On a GPU arithmetic is that of float32, not of the shorter TF32 that cuDNN would take, so that results agree with
    the processor's. A kernel that torch knows no deterministic form of is let pass there: running sums over the few
    quantiles of a step are told as such, and give the same every time.

    Args:
        wanted: `cpu`, `cuda`, or `auto`: a CUDA GPU where torch finds one, else the processor.

    Raises: DependencyError: torch finds no such GPU.
    """
    if wanted == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        torch.backends.cudnn.allow_tf32 = False
        torch.set_deterministic_debug_mode("warn")
        warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation")
        return "cuda"
    if wanted == "auto":
        return "cpu"
    hint = "pass --device auto: it takes the processor where there is no GPU; `forecast doctor` tells what there is"
    if torch.version.cuda is None:
        raise DependencyError(f"device cuda: torch {torch.__version__} was built without CUDA", hint=hint)
    raise DependencyError("device cuda: torch finds no GPU on this machine", hint=hint)


def describe() -> dict[str, Any]:
    """What torch is here, once settled: `version`, `threads`, `instructions` of the processor, other `devices`, and
    the `device` that `auto` takes.
    """
    import torch

    devices = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    devices += ["Apple's GPU"] if torch.backends.mps.is_available() else []
    return {
        "version": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "devices": devices,
        "device": settle_device("auto"),
    }


def keep_freed_memory() -> bool:
    """Tell glibc never to hand freed memory back; False where there is no glibc (nothing is lost but speed)."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))
