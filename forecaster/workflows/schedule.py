"""`forecast schedule`: what cron or systemd has to be told to run a job at its time. Nothing is installed."""

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from forecaster.errors import UsageError
from forecaster.workflows.jobfile import Job, open_job

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_UNITS = "~/.config/systemd/user"


@dataclass(frozen=True)
class Schedule:
    """What is to be installed, and how.

    Attributes:
        files: contents by name: one crontab, or a service and a timer.
        install: the one command that installs it.
    """

    files: dict[str, str]
    install: str


def schedule(path: Path, at: str, *, is_systemd: bool = False, log_file: Path | None = None) -> Schedule:
    """Write down when a job runs.

    Args:
        path: the job's file; it is read, so that no broken job is scheduled.
        at: times of the day, `02:15`, or of each hour, `*:15`; several with commas.
        log_file: where its events go; None for `<job>.log` beside the job.

    Raises: UsageError: no such time; InputError, ConfigError: see `open_job`.
    """
    job = open_job(path)
    times = _read_times(at)
    log = (log_file or job.path.with_suffix(".log")).absolute()
    command = [sys.executable, "-m", "forecaster", "run", str(job.path), "--log-file", str(log), "--quiet"]
    search = f"{Path(sys.executable).parent}:{_SYSTEM_PATH}"
    if is_systemd:
        return _units(job, times, command, search, at)
    return _crontab(job, times, command, search, at)


def _crontab(job: Job, times: Sequence[tuple[str, str]], command: Sequence[str], search: str, at: str) -> Schedule:
    """A line a time; cron mails what the command prints, which is what went wrong."""
    called = f"PATH={shlex.quote(search)} {shlex.join(command)} > /dev/null"
    escaped = called.replace("%", r"\%")  # cron takes a bare one for the end of the line
    lines = [f"{int(minute)} {hour if hour == '*' else int(hour)} * * * {escaped}\n" for hour, minute in times]
    again = shlex.join([*command[:3], "schedule", str(job.path), "--at", at, "--log-file", command[6], "--quiet"])
    install = f"(crontab -l 2>/dev/null; {again}) | crontab -"
    return Schedule({"crontab": "".join(lines)}, install)


def _units(job: Job, times: Sequence[tuple[str, str]], command: Sequence[str], search: str, at: str) -> Schedule:
    """A service that runs once, and the timer that starts it; missed times are made up for."""
    name = f"forecast-{re.sub(r'[^A-Za-z0-9_.-]+', '_', job.name)}"
    called = " ".join(_quote(word).replace("$", "$$") for word in command)
    service = f"""\
[Unit]
Description=Forecast job {job.name.replace("%", "%%")}

[Service]
Type=oneshot
WorkingDirectory={str(job.path.parent).replace("%", "%%")}
Environment={_quote(f"PATH={search}")}
ExecStart={called}
SuccessExitStatus=3
StandardOutput=null
"""
    calendar = "".join(f"OnCalendar=*-*-* {hour}:{minute}:00\n" for hour, minute in times)
    timer = f"""\
[Unit]
Description=When the forecast job {job.name.replace("%", "%%")} runs

[Timer]
{calendar}Persistent=true

[Install]
WantedBy=timers.target
"""
    again = [*command[:3], "schedule", str(job.path), "--at", at, "--log-file", command[6], "--systemd", "--quiet"]
    install = (
        f"mkdir -p {_UNITS} && {shlex.join(again)} --out {_UNITS} &&"
        f" systemctl --user daemon-reload && systemctl --user enable --now {name}.timer"
    )
    return Schedule({f"{name}.service": service, f"{name}.timer": timer}, install)


def _quote(word: str) -> str:
    """A word as systemd reads it, whatever is in it; of a command a dollar has to be doubled, too."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _read_times(at: str) -> list[tuple[str, str]]:
    """[(hour, minute)] with two digits, or `*` for each hour."""
    times = []
    for part in at.split(","):
        match = re.fullmatch(r"\s*(\*|[01]?\d|2[0-3]):([0-5]\d)\s*", part)
        if match is None:
            raise UsageError(f"--at {part.strip()!r} is no time of the day", hint="write it as 02:15, or *:15")
        times.append((match[1] if match[1] == "*" else f"{int(match[1]):02d}", match[2]))
    return times
