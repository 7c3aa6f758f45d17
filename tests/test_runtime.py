import platform
import subprocess
import sys

import torch

from forecaster import runtime


def test_threads_are_what_was_asked_for() -> None:
    runtime.prepare_torch(2)
    assert torch.get_num_threads() == 2
    runtime.prepare_torch(1)
    assert torch.get_num_threads() == 1


def test_glibc_keeps_freed_memory_and_others_lose_nothing() -> None:
    assert runtime.keep_freed_memory() == (platform.libc_ver()[0] == "glibc")


def test_importing_the_module_loads_nothing() -> None:
    code = "import sys, forecaster.runtime; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_settling_loads_no_compiler() -> None:
    code = (
        "import sys; from forecaster import runtime; runtime.prepare_torch(1); import torch;"
        "assert torch.are_deterministic_algorithms_enabled(); sys.exit('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
