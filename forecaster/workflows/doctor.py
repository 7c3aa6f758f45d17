"""`forecast doctor`: whether this machine has what it takes, checked one thing at a time.

Nothing heavy is imported before its package was found, and torch only once `process` has settled its threads.
"""

import contextlib
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from forecaster import __version__, runtime
from forecaster.errors import OutputError
from forecaster.workflows.packages import EXTRAS, REQUIRED, installed_version, is_older

State = Literal["ok", "note", "problem"]

_RUNS = Path("runs")  # as in store.bundle, which loads numpy
_GIGABYTE = 1_000_000_000
_LEAST_PYTHON = (3, 11)
_LITTLE_MEMORY, _NO_MEMORY = 2 * _GIGABYTE, _GIGABYTE // 2
_LITTLE_DISK, _NO_DISK = _GIGABYTE, _GIGABYTE // 20
_DRAWN = "░█⠿•"
_SEASON, _LENGTH, _HORIZON, _STEPS = 7, 140, 7, 20  # of the self-test


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        hint: what to type or do; None where nothing is amiss.
    """

    name: str
    state: State
    text: str
    hint: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return the check as `forecast doctor --json` prints it."""
        return {"name": self.name, "state": self.state, "told": self.text, "hint": self.hint}


def examine(*, encoding: str | None, on_check: Callable[[Check], None] | None = None) -> list[Check]:
    """Look at everything that a run depends on.

    Args:
        encoding: of standard output.
        on_check: called with each check as soon as it is finished; the last one takes seconds.
    """
    checks: list[Check] = []
    for check in _checks(encoding):
        checks.append(check)
        if on_check:
            on_check(check)
    return checks


def _checks(encoding: str | None) -> Iterator[Check]:
    yield _check_python()
    packages = list(_check_packages())
    yield from packages
    yield from _check_extras()
    yield _check_processor()
    yield _check_allocator()
    yield _check_memory()
    yield _check_disk()
    yield _check_output()
    yield _check_encoding(encoding)
    if any(check.state == "problem" for check in packages):
        return  # without them nothing can be trained
    yield from _check_torch()
    yield run_self_test(train_twice)


def _check_python() -> Check:
    told = f"{platform.python_version()} on {platform.system()} {platform.machine()}, forecast {__version__}"
    if sys.version_info < _LEAST_PYTHON:
        return Check("python", "problem", told, "install Python 3.11 or newer")
    return Check("python", "ok", told)


def _check_packages() -> Iterator[Check]:
    found = {name: installed_version(name) for name in REQUIRED}
    for name, least in REQUIRED.items():
        here = found[name]
        if here is None:
            yield Check(name, "problem", "is not installed", f"pip install {name}")
        elif is_older(here, least):
            yield Check(name, "problem", f"{here} is older than {least}", f"pip install --upgrade {name}")
    told = ", ".join(f"{name} {here}" for name, here in found.items() if here)
    yield Check("packages", "ok", told)


def _check_extras() -> Iterator[Check]:
    for name, extra in EXTRAS.items():
        here = installed_version(name)
        if here is None:
            yield Check(name, "note", f"not installed; brings {extra.brings}", f"pip install {extra.install}")
        elif is_older(here, extra.least):
            hint = f"pip install --upgrade {extra.install}"
            yield Check(name, "note", f"{here} is older than {extra.least}; for {extra.brings}", hint)
        else:
            yield Check(name, "ok", f"{here}, for {extra.brings}")


def _check_processor() -> Check:
    cores, load = _cores(), os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    told = f"{cores} core{'s' * (cores != 1)} of {os.cpu_count()} for this process, load {load:.1f}"
    if load > cores:
        hint = "leave training.threads at 1: more threads wait for each other where neighbours are busy"
        return Check("processor", "note", f"{told}: neighbours are busy, training will be slow", hint)
    return Check("processor", "ok", told)


def _check_allocator() -> Check:
    if runtime.keep_freed_memory():
        return Check("allocator", "ok", "glibc, which keeps freed memory for the next training step")
    return Check("allocator", "note", "no glibc: memory is asked for anew at every step, which costs some speed")


def _check_memory() -> Check:
    free = _free_memory()
    if free is None:
        return Check("memory", "note", "this system does not say how much is free")
    told = f"{free / _GIGABYTE:.1f} GB free"
    if free < _NO_MEMORY:
        return Check("memory", "problem", told, "end other programs: training takes half a gigabyte and more")
    if free < _LITTLE_MEMORY:
        hint = "train one network at a time: --set ensemble.workers=1"
        return Check("memory", "note", f"{told}; networks that train side by side take half of one each", hint)
    return Check("memory", "ok", told)


def _check_disk() -> Check:
    free = shutil.disk_usage(".").free
    told = f"{free / _GIGABYTE:.1f} GB free in {Path.cwd()}"
    if free < _NO_DISK:
        return Check("disk", "problem", told, "free some space, or name another place with --out")
    if free < _LITTLE_DISK:
        return Check("disk", "note", told, "free some space: nothing is written where it runs out")
    return Check("disk", "ok", told)


def _check_output() -> Check:
    from forecaster.store.files import check_free

    try:
        check_free(_RUNS / ".doctor")
    except OutputError as error:
        return Check("output", "problem", error.message, "go to a folder of your own, or name one with --out")
    return Check("output", "ok", f"{_RUNS}/ can be written")


def _check_encoding(encoding: str | None) -> Check:
    try:
        _DRAWN.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        told = f"standard output takes {encoding or 'no known encoding'}: charts are drawn with plain letters"
        return Check("screen", "note", told, "export PYTHONUTF8=1")
    return Check("screen", "ok", f"standard output takes {encoding}")


def _check_torch() -> Iterator[Check]:
    runtime.prepare_torch(threads=1)
    found = runtime.describe()
    yield Check("torch", "ok", f"{found['version']}, {found['instructions']}, {found['threads']} thread a network")
    if found["device"] == "cuda":
        told = f"{found['devices'][0]}: networks are trained on it, unless --device cpu says otherwise"
        yield Check("device", "ok", told)
    elif found["devices"]:
        yield Check("device", "note", f"{', '.join(found['devices'])}: not used, networks are trained on the processor")
    else:
        yield Check("device", "ok", "the processor; nothing else is needed")


def run_self_test(attempt: Callable[[], tuple[float, bool]]) -> Check:
    """Let a small network learn and forecast twice, and hold the two against each other.

    Args:
        attempt: gives windows a second, and whether both forecasts are the same.
    """
    started = time.perf_counter()
    try:
        pace, is_same = attempt()
    except Exception as error:  # whatever is amiss with this machine's torch is what was looked for
        told = f"a small network could not be trained: {type(error).__name__}: {error}"
        return Check("self-test", "problem", " ".join(told.split()), "pip install --force-reinstall torch numpy")
    told = f"trained and forecast twice in {time.perf_counter() - started:.1f} s, {pace:,.0f} windows a second"
    if not is_same:
        hint = "runs cannot be repeated to the bit here; report it with this output"
        return Check("self-test", "note", f"{told}, and not the same", hint)
    return Check("self-test", "ok", f"{told}, the same to the bit")


def train_twice() -> tuple[float, bool]:
    """Train a small network twice from the same seed.

    Returns: windows a second, and whether the forecasts are the same to the bit.
    """
    import numpy as np

    from forecaster.config.tree import validate
    from forecaster.events import ignore
    from forecaster.frequency import DAY, Frequency
    from forecaster.models.build import build_model
    from forecaster.panel import Panel
    from forecaster.selection.resolve import resolve

    step = np.arange(_LENGTH)
    values = (10 + step / 50 + np.sin(2 * np.pi * step / _SEASON)).astype(np.float32)[:, None]
    begin, end = np.array([0]), np.array([_LENGTH])
    panel = Panel(values, begin, end, begin, np.array(["y"], object), Frequency("fixed", DAY), _SEASON)
    tree: dict[str, Any] = {
        "preset": "fast",
        "data": {"horizon": _HORIZON},
        "training": {"steps": _STEPS, "validate_every": _STEPS},
    }
    config = resolve(validate(tree, "self-test"), panel)
    forecasts, seconds = [], 0.0
    for _ in range(2):
        forecaster = build_model(config)
        forecaster.fit(panel, np.array([2 * _HORIZON]), watch=ignore, checkpoint=None)
        forecasts.append(forecaster.predict(panel, _HORIZON).quantiles)
        seconds += forecaster.history[-1].seconds
    if not np.isfinite(forecasts).all():
        raise ArithmeticError("its forecast is not finite")
    return 2 * _STEPS * config.training.batch / seconds, forecasts[0].tobytes() == forecasts[1].tobytes()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _free_memory() -> int | None:
    """Bytes that this process may still take, by the system and by the group of processes that it belongs to."""
    limits = []
    try:
        told = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        limits.append(int(told["MemAvailable"].split()[0]) * 1024)
    except (OSError, ValueError, KeyError):
        return None
    group = Path("/sys/fs/cgroup")
    with contextlib.suppress(OSError, ValueError):  # no such limit
        limits.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return min(limits)
