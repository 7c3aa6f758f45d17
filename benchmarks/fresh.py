"""Commands in fresh processes, and the resources that each of them used."""

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

_MAX_ERROR_CHARACTERS = 2000  # the end of the output of a failed command


@dataclass(frozen=True)
class Usage:
    """The time and memory of a command, including the processes that it started and waited for.

    Attributes:
        seconds: wall-clock seconds, from before its start until after its end.
        cpu_s: processor seconds, user and system.
        peak_mb: peak resident memory of the largest of its processes, on Linux. It includes what was resident in the
            measuring process at the start, so import nothing heavy there.
    """

    seconds: float
    cpu_s: float
    peak_mb: float


def run_command(command: Sequence[str], *, threads: int = 1) -> Usage:
    """Run a command to its end and measure it.

    Args:
        threads: processor threads of the numeric libraries, set by environment variables.

    Raises:
        subprocess.CalledProcessError: the command failed; `stderr` has the end of its output.
    """
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    with tempfile.TemporaryFile() as notes:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=notes, env=environment)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            notes.seek(0)
            message = notes.read().decode(errors="replace")[-_MAX_ERROR_CHARACTERS:]
            raise subprocess.CalledProcessError(process.returncode, command, stderr=message)
    return Usage(round(seconds, 3), round(usage.ru_utime + usage.ru_stime, 3), round(usage.ru_maxrss / 1024, 1))


def run_in_turn(commands: Sequence[Sequence[str]], rounds: int, *, threads: Sequence[int]) -> list[list[Usage]]:
    """Run commands in turn, A B A B, after one round that is not counted.

    Args:
        commands: `{round}` in a part is replaced by the number of the round, for files that can be written only once.
        threads: processor threads of each command.

    Returns:
        The usage of each command, round by round.
    """
    usages: list[list[Usage]] = [[] for _ in commands]
    for number in range(rounds + 1):
        for rounds_of_command, command, count in zip(usages, commands, threads, strict=True):
            rounds_of_command.append(
                run_command([part.replace("{round}", str(number)) for part in command], threads=count)
            )
    return [rounds_of_command[1:] for rounds_of_command in usages]
