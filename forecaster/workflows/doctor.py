"""`forecast doctor`: check that this machine can train and forecast.

A package is imported only after its check, and torch only after `runtime` has set its threads.
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
from forecaster.report.words import plural
from forecaster.workflows.packages import EXTRAS, REQUIRED, installed_version, is_older

State = Literal["ok", "note", "problem"]

_RUNS = Path("runs")  # Repeats `store.bundle.RUNS`, whose module loads numpy.
_GIGABYTE = 1_000_000_000
_MIN_PYTHON = (3, 11)
_SAFE_MEMORY, _MIN_MEMORY = 2 * _GIGABYTE, _GIGABYTE // 2
_SAFE_DISK, _MIN_DISK = _GIGABYTE, _GIGABYTE // 20
_CHART_CHARACTERS = "░█⠿•"

# The series and the training of the self-test.
_SEASON, _LENGTH, _HORIZON = 7, 140, 7
_TRAINING_STEPS = 20


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: the part of the machine or of the installation.
        state: `note` if something optional is missing or slow, `problem` if training is impossible.
        text: what was found.
        hint: what to type or do; None if there is nothing to do.
    """

    name: str
    state: State
    text: str
    hint: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return the check as `forecast doctor --json` prints it."""
        return {"name": self.name, "state": self.state, "told": self.text, "hint": self.hint}


def examine(*, encoding: str | None, on_check: Callable[[Check], None] | None = None) -> list[Check]:
    """Check everything that training and forecasting depend on.

    Args:
        encoding: the encoding of standard output.
        on_check: called with each check as soon as it is finished; the last one takes seconds.
    """
    checks: list[Check] = []
    for check in _run_checks(encoding):
        checks.append(check)
        if on_check:
            on_check(check)
    return checks


def _run_checks(encoding: str | None) -> Iterator[Check]:
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
        return  # Nothing can be trained without these packages.
    yield from _check_torch()
    yield run_self_test(train_twice)


def _check_python() -> Check:
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}, forecast {__version__}"
    if sys.version_info < _MIN_PYTHON:
        return Check("python", "problem", text, "install Python 3.11 or newer")
    return Check("python", "ok", text)


def _check_packages() -> Iterator[Check]:
    versions = {name: installed_version(name) for name in REQUIRED}
    for name, minimum in REQUIRED.items():
        version = versions[name]
        if version is None:
            yield Check(name, "problem", "is not installed", f"pip install {name}")
        elif is_older(version, minimum):
            yield Check(name, "problem", f"{version} is older than {minimum}", f"pip install --upgrade {name}")
    yield Check("packages", "ok", ", ".join(f"{name} {version}" for name, version in versions.items() if version))


def _check_extras() -> Iterator[Check]:
    for name, extra in EXTRAS.items():
        version = installed_version(name)
        if version is None:
            yield Check(name, "note", f"not installed; for {extra.purpose}", f"pip install {extra.requirement}")
        elif is_older(version, extra.minimum):
            hint = f"pip install --upgrade {extra.requirement}"
            yield Check(name, "note", f"{version} is older than {extra.minimum}; for {extra.purpose}", hint)
        else:
            yield Check(name, "ok", f"{version}, for {extra.purpose}")


def _check_processor() -> Check:
    cores, load = runtime.count_cores(), os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    text = f"{cores} of {plural(os.cpu_count() or cores, 'core')} for this process, load {load:.1f}"
    if load > cores:
        hint = "leave training.threads at 1: on a busy machine, more threads wait for each other"
        return Check("processor", "note", f"{text}: other programs are busy, training will be slow", hint)
    return Check("processor", "ok", text)


def _check_allocator() -> Check:
    if runtime.keep_freed_memory():
        return Check("allocator", "ok", "glibc, which keeps freed memory for the next training step")
    return Check("allocator", "note", "no glibc: every training step allocates its memory again, which is slower")


def _check_memory() -> Check:
    free = _free_memory()
    if free is None:
        return Check("memory", "note", "this system does not report how much is free")
    text = f"{free / _GIGABYTE:.1f} GB free"
    if free < _MIN_MEMORY:
        return Check("memory", "problem", text, "end other programs: training needs at least 0.5 GB")
    if free < _SAFE_MEMORY:
        hint = "train one network at a time: --set ensemble.workers=1"
        return Check("memory", "note", f"{text}; networks that train at the same time need 0.5 GB each", hint)
    return Check("memory", "ok", text)


def _check_disk() -> Check:
    free = shutil.disk_usage(".").free
    text = f"{free / _GIGABYTE:.1f} GB free in {Path.cwd()}"
    if free < _MIN_DISK:
        return Check("disk", "problem", text, "free some space, or name a folder on another disk with --out")
    if free < _SAFE_DISK:
        return Check("disk", "note", text, "free some space: no result can be written to a full disk")
    return Check("disk", "ok", text)


def _check_output() -> Check:
    from forecaster.store.files import check_free

    try:
        check_free(_RUNS / ".doctor")
    except OutputError as error:
        return Check("output", "problem", error.message, "go to a folder that you can write to, or name one with --out")
    return Check("output", "ok", f"{_RUNS}/ can be written")


def _check_encoding(encoding: str | None) -> Check:
    try:
        _CHART_CHARACTERS.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        name = encoding or "unknown"
        text = f"the encoding of standard output is {name}: charts are drawn with plain characters"
        return Check("screen", "note", text, "export PYTHONUTF8=1")
    return Check("screen", "ok", f"the encoding of standard output is {encoding}")


def _check_torch() -> Iterator[Check]:
    runtime.prepare_torch(threads=1)
    details = runtime.describe()
    threads = plural(details["threads"], "thread")
    yield Check("torch", "ok", f"{details['version']}, {details['instructions']}, {threads} for each network")
    if details["device"] == "cuda":
        yield Check("device", "ok", f"{details['devices'][0]}: networks are trained on it, except with --device cpu")
    elif details["devices"]:
        yield Check(
            "device", "note", f"{', '.join(details['devices'])}: not used, networks are trained on the processor"
        )
    else:
        yield Check("device", "ok", "the processor; no other device is needed")


def run_self_test(train: Callable[[], tuple[float, bool]]) -> Check:
    """Train a small network twice, and compare the forecasts.

    Args:
        train: returns the windows per second, and True if both forecasts are the same.
    """
    started = time.perf_counter()
    try:
        pace, is_same = train()
    except Exception as error:  # Any failure of this machine's torch is a result of the check.
        text = f"a small network could not be trained: {type(error).__name__}: {error}"
        return Check("self-test", "problem", " ".join(text.split()), "pip install --force-reinstall torch numpy")
    text = f"trained and forecast twice in {time.perf_counter() - started:.1f} s, {pace:,.0f} windows per second"
    if not is_same:
        hint = "do not expect byte-identical results on this machine; report this output as a bug"
        return Check("self-test", "note", f"{text}; the forecasts differ", hint)
    return Check("self-test", "ok", f"{text}; the forecasts are identical")


def train_twice() -> tuple[float, bool]:
    """Train a small network twice from the same seed.

    Returns: the windows per second, and True if both forecasts are identical.
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
        "training": {"steps": _TRAINING_STEPS, "validate_every": _TRAINING_STEPS},
    }
    config = resolve(validate(tree, "self-test"), panel)
    forecasts, seconds = [], 0.0
    for _ in range(2):
        forecaster = build_model(config)
        forecaster.fit(panel, np.array([2 * _HORIZON]), watch=ignore, checkpoint=None)
        forecasts.append(forecaster.predict(panel, _HORIZON).quantiles)
        seconds += forecaster.history[-1].seconds
    if not np.isfinite(forecasts).all():
        raise ArithmeticError("the forecast is not finite")
    return 2 * _TRAINING_STEPS * config.training.batch / seconds, forecasts[0].tobytes() == forecasts[1].tobytes()


def _free_memory() -> int | None:
    """Return the bytes that this process can still allocate, by the limits of the system and of its control group."""
    limits = []
    try:
        values = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        limits.append(int(values["MemAvailable"].split()[0]) * 1024)
    except (OSError, ValueError, KeyError):
        return None
    group = Path("/sys/fs/cgroup")
    with contextlib.suppress(OSError, ValueError):  # The group has no limit.
        limits.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return min(limits)
