"""Commands in fresh processes, and what each of them spent."""

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

_TOLD = 2000  # characters of what a failed command said last


@dataclass(frozen=True)
class Spent:
    """What a command took, with the processes that it started and waited for.

    Attributes:
        seconds: by the clock, from before its start until after its end.
        cpu_s: of the processor, by user and system.
        peak_mb: most memory that one of its processes held at once (Linux; it includes what was resident here at the
            start, so whoever measures keeps heavy imports out of its own process).
    """

    seconds: float
    cpu_s: float
    peak_mb: float


def spend(command: Sequence[str], *, threads: int = 1) -> Spent:
    """Run a command to its end.

    Args:
        threads: processor threads for the numeric libraries, by the variables of the environment that they read.

    Raises: subprocess.CalledProcessError: it failed; `stderr` has what it said last.
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
            told = notes.read().decode(errors="replace")[-_TOLD:]
            raise subprocess.CalledProcessError(process.returncode, command, stderr=told)
    return Spent(round(seconds, 3), round(usage.ru_utime + usage.ru_stime, 3), round(usage.ru_maxrss / 1024, 1))


def in_turn(commands: Sequence[Sequence[str]], rounds: int, *, threads: Sequence[int]) -> list[list[Spent]]:
    """Run commands A B A B, after one round that is not counted.

    Args:
        commands: `{round}` in a part becomes the round's number, for what may be written only once.
        threads: of each command.

    Returns: for each command what it spent, round by round.
    """
    found: list[list[Spent]] = [[] for _ in commands]
    for number in range(rounds + 1):
        for each, command, count in zip(found, commands, threads, strict=True):
            each.append(spend([part.replace("{round}", str(number)) for part in command], threads=count))
    return [each[1:] for each in found]
