"""`forecast schedule`: crontab lines or systemd units that run a job at given times. Nothing is installed."""

import hashlib
import re
import shlex
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from forecaster.addresses import hide_secrets, is_database_url
from forecaster.errors import UsageError
from forecaster.workflows.jobfile import Job, open_job
from forecaster.workflows.program import installed_program

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CONTROLS = ("Cc", "Cs", "Zl", "Zp")  # categories of Unicode: controls, halves of pairs, separators of lines
_MAX_NAME_LENGTH = 100  # systemd limits the name of a unit to 255 bytes
_UNIT_FOLDER = "~/.config/systemd/user"
_CRONTAB = "crontab"
_MINUTES_PER_DAY = 24 * 60
LINGER = "loginctl enable-linger"


@dataclass(frozen=True)
class Schedule:
    """The files of a schedule, and the command that installs them.

    Attributes:
        files: contents by name: one crontab, or a service and a timer.
        install: shell command that installs all files.
        warnings: what is suspicious about the times.
    """

    files: dict[str, str]
    install: str
    warnings: tuple[str, ...] = ()


def schedule_all(paths: Sequence[Path], at: str, *, is_systemd: bool = False, log_file: Path | None = None) -> Schedule:
    """Write the schedules of several jobs as one; see `schedule`.

    Raises: UsageError: two jobs would share a log file, an output, a metrics file, their rows, or the name of a unit.
    """
    if log_file is not None and len(paths) > 1:
        raise UsageError(
            "--log-file: several jobs cannot share one", hint="leave it out: each job has a log of its own"
        )
    _refuse_shared([open_job(path) for path in paths])
    schedules = [schedule(path, at, is_systemd=is_systemd, log_file=log_file) for path in paths]
    files: dict[str, str] = {}
    for each in schedules:
        for name, content in each.files.items():
            if name in files and name != _CRONTAB:
                raise UsageError(f"two jobs have the unit {name}", hint="give one of them another job.name")
            files[name] = files.get(name, "") + content
    warnings = tuple(text for each in schedules for text in each.warnings)
    return Schedule(files, " && ".join(each.install for each in schedules), warnings)


def schedule(path: Path, at: str, *, is_systemd: bool = False, log_file: Path | None = None) -> Schedule:
    """Write the schedule of a job.

    Args:
        path: the job's file; it is read, so that a broken job is not scheduled.
        at: times of the day (`02:15`) or of every hour (`*:15`), separated by commas.
        is_systemd: if True, write systemd units instead of a crontab.
        log_file: log of the runs; None for `<job>.log` beside the job's file.

    Raises:
        UsageError: `at` is not a time of the day, or a path has characters that cron or systemd cannot read.
        InputError, ConfigError: see `open_job`.
    """
    job = open_job(path)
    times = _read_times(at)
    log = (log_file or job.path.with_suffix(".log")).absolute()
    program = installed_program()
    for place in (*program, str(job.path), str(log)):
        _refuse_controls(place)
    command = [*program, "run", str(job.path), "--log-file", str(log), "--quiet"]
    again = [*program, "schedule", str(job.path), "--at", at, "--log-file", str(log), "--quiet"]
    search = f"{Path(sys.executable).parent}:{_SYSTEM_PATH}"
    write = _units if is_systemd else _crontab
    return replace(write(job, times, command, search, again), warnings=tuple(_find_late_times(job, times)))


def _find_late_times(job: Job, times: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield a warning for each time after the deadline of its day, whose runs have until the deadline of the next."""
    deadline = job.policy.deadline
    for hour, minute in times if deadline else ():
        hours, minutes = (int(part) for part in str(deadline).split(":"))
        wait = (60 * hours + minutes - 60 * int(hour) - int(minute)) % _MINUTES_PER_DAY if hour != "*" else 0
        if wait > _MINUTES_PER_DAY // 2 or (hour != "*" and wait == 0):
            start = f"{job.path}: a run at {hour}:{minute}"
            yield f"{start} starts after job.deadline {deadline}, so that of the next day counts"


def _refuse_shared(jobs: Sequence[Job]) -> None:
    """Refuse jobs that would overwrite each other's files, or each other's rows in a database.

    Raises: UsageError: two jobs have a file, or a name and a database, in common.
    """
    owners: dict[tuple[str, str], Job] = {}
    for job in jobs:
        places = [("job.outputs", output) for output in job.outputs]
        places += [("job.ledger", job.ledger), ("job.bundles", str(job.bundles))]
        places += [] if job.metrics is None else [("job.metrics", str(job.metrics))]
        for key, place in places:
            has_rows = key == "job.ledger" or is_database_url(place)
            resolved = place if is_database_url(place) else str(Path(place).resolve())
            other = owners.setdefault((resolved, job.name if has_rows else ""), job)
            if other is not job:
                problem = f"the same {key}, {hide_secrets(place)}" + (
                    f", and the name {job.name!r}" if has_rows else ""
                )
                raise UsageError(
                    f"{other.path} and {job.path} have {problem}",
                    hint="give one of them another job.name" if has_rows else f"name another place in {key} of one job",
                )


def _refuse_controls(place: str) -> None:
    """Refuse a path that no quotes protect: a crontab and a unit end a value at a line break.

    Raises: UsageError: the path has control characters, or bytes that are not text.
    """
    if any(unicodedata.category(char) in _CONTROLS for char in place):
        raise UsageError(
            f"{place!a}: has characters that a schedule cannot contain",
            hint="rename the file or its folder, or name another log with --log-file",
        )


def _name_unit(job: str) -> str:
    """Return the name of a job's units. Names that differ only in special characters have different units."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", job)[:_MAX_NAME_LENGTH]
    if plain == re.sub(" +", "_", job):
        return f"forecast-{plain}"
    return f"forecast-{plain}-{hashlib.sha256(job.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _describe(job: str) -> str:
    """Return a job's name for a description, which ends at a line break and continues after a backslash."""
    text = "".join(" " if unicodedata.category(char) in _CONTROLS else char for char in job)
    return text.replace("\\", "/").replace("%", "%%")


def _crontab(
    job: Job, times: Sequence[tuple[str, str]], command: Sequence[str], search: str, again: Sequence[str]
) -> Schedule:
    """Write one line per time, between two marks, so that installing it again replaces the lines of this job.

    Cron mails the command's standard error, which contains only failures. The command that installs the lines first
    writes them by `again`: if the job cannot be read by then, the crontab stays as it is.
    """
    line = f"PATH={shlex.quote(search)} {shlex.join(command)} > /dev/null"
    escaped = line.replace("%", r"\%")  # cron ends the line at a bare %
    lines = [f"{int(minute)} {hour if hour == '*' else int(hour)} * * * {escaped}\n" for hour, minute in times]
    mark = f"{_name_unit(job.name)} {hashlib.sha256(str(job.path).encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    begin, end = f"# begin {mark}", f"# end {mark}"
    others = f"crontab -l 2>/dev/null | sed '/^{begin}$/,/^{end}$/d'"
    install = f"""(lines=$({shlex.join(again)}) && {{ {others}; printf '%s\\n' "$lines"; }} | crontab -)"""
    return Schedule({_CRONTAB: f"{begin}\n{''.join(lines)}{end}\n"}, install)


def _units(
    job: Job, times: Sequence[tuple[str, str]], command: Sequence[str], search: str, again: Sequence[str]
) -> Schedule:
    """Write a service that runs the job once, and a timer that starts it, also after a time that was missed."""
    name, description = _name_unit(job.name), _describe(job.name)
    folder = str(job.path.parent)
    if folder != folder.rstrip("\\ "):  # systemd has no quotes for this value
        raise UsageError(f"{folder!a}: ends in a character that systemd removes", hint="rename the folder")
    exec_start = " ".join(_quote(word).replace("$", "$$") for word in command)
    service = f"""\
[Unit]
Description=Forecast job {description}

[Service]
Type=oneshot
WorkingDirectory={folder.replace("%", "%%")}
Environment={_quote(f"PATH={search}")}
ExecStart={exec_start}
SuccessExitStatus=3
StandardOutput=null
"""
    calendar = "".join(f"OnCalendar=*-*-* {hour}:{minute}:00\n" for hour, minute in times)
    timer = f"""\
[Unit]
Description=Timer of forecast job {description} runs

[Timer]
{calendar}Persistent=true

[Install]
WantedBy=timers.target
"""
    install = (
        f"mkdir -p {_UNIT_FOLDER} && {shlex.join(again)} --systemd --out {_UNIT_FOLDER} &&"
        f" systemctl --user daemon-reload && systemctl --user enable --now {name}.timer"
    )
    return Schedule({f"{name}.service": service, f"{name}.timer": timer}, install)


def _quote(word: str) -> str:
    """Quote a word for systemd. In a command, the caller must also double every dollar sign."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _read_times(at: str) -> list[tuple[str, str]]:
    """Parse times into [(hour, minute)] of two digits each, with `*` as the hour for every hour."""
    times = []
    for part in at.split(","):
        match = re.fullmatch(r"\s*(\*|[01]?\d|2[0-3]):([0-5]\d)\s*", part)
        if match is None:
            raise UsageError(
                f"--at {part.strip()!r} is not a time of the day", hint="write it as 02:15, or *:15 for every hour"
            )
        times.append((match[1] if match[1] == "*" else f"{int(match[1]):02d}", match[2]))
    return times
