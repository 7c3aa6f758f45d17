"""The claim of a job to its bundles folder: no other job uses the folder, and nothing foreign is in it."""

import itertools
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from forecaster.errors import ConfigError, InputError
from forecaster.store import lock
from forecaster.store.owner import Owner, relative_file
from forecaster.workflows.job.champion import read_origin
from forecaster.workflows.jobfile import Job

_LOCK = ".forecast-job.lock"
# Version 0.1 wrote no record. Its bundles and their leftovers are recognised by these names, but never deleted by them.
_FOLDER_NAME = re.compile(r"\.?.+-\d{8}-\d{6}(-\d+)?(\.partial|\.\w{8})?")
_LINK_NAME = re.compile(r"(\.champion\.\d+|champion)")
_SYSTEM_NAMES = {_LOCK, "lost+found", ".DS_Store", ".gitignore", ".gitkeep"}


def find_owner(job: Job) -> Owner:
    """Return the owner of a job's bundles folder, which the job is or can become. Nothing is written.

    Raises: ConfigError: the folder is a symbolic link, belongs to another job, or contains what no job made.
    """
    folder = job.bundles
    if folder.is_symlink():
        target = shlex.quote(str(folder.resolve()))
        raise ConfigError(
            f"job.bundles: {folder}: is a symbolic link", hint=f"name the folder itself: job: {{bundles: {target}}}"
        )
    if folder.exists() and not folder.is_dir():
        raise _refuse(job, "is not a folder")
    owner = Owner.read(folder)
    if owner is None:
        return Owner.new(job.name, job.path, folder, adopted=_find_adopted(job) if folder.is_dir() else ())
    file = relative_file(job.path, folder)
    if owner.job != job.name or (owner.file != file and (folder / owner.file).exists()):
        raise _refuse(job, f"belongs to the job {owner.job!r} of {folder / owner.file}")
    return replace(owner, file=file)


def claim(job: Job) -> Owner:
    """Record in the bundles folder that it belongs to a job.

    Raises:
        ConfigError: as `find_owner`.
        LockError: another job is claiming the folder.
        OutputError: the record cannot be written.
    """
    with _claim_lock(job):
        owner = find_owner(job)
        if owner != Owner.read(job.bundles):
            owner.write(job.bundles)
    return owner


@contextmanager
def _claim_lock(job: Job) -> Iterator[None]:
    message = f"job.bundles: {job.bundles}: another job{{}} is claiming it"
    with lock.lock_file(job.bundles / _LOCK, message, "run it again", place=job.bundles):
        yield


def _find_adopted(job: Job) -> tuple[str, ...]:
    """Return the bundles and unfinished trainings in a folder without a record that version 0.1 made for this job.

    Raises: ConfigError: something else is in the folder.
    """
    adopted = []
    for path in sorted(job.bundles.iterdir()):
        if path.name in _SYSTEM_NAMES or (path.is_symlink() and _LINK_NAME.fullmatch(path.name)):
            continue
        if path.is_symlink() or not path.is_dir() or not _FOLDER_NAME.fullmatch(path.name):
            raise _refuse(job, f"contains {path.name!r}, which no job made")
        try:
            entry, data = read_origin(path)
        except InputError:  # damaged: it stays, because nothing proves whose it is
            continue
        if entry.get("name") != job.name:
            raise _refuse(job, f"contains {path.name!r}, which this job did not train")
        if data == job.source.absolute:
            adopted.append(path.name)
    return tuple(adopted)


def _refuse(job: Job, problem: str) -> ConfigError:
    stem = job.path.stem
    names = (f"{stem}.bundles" if number == 1 else f"{stem}-{number}.bundles" for number in itertools.count(1))
    free = next(name for name in names if not (job.path.parent / name).exists())
    return ConfigError(
        f"job.bundles: {job.bundles}: {problem}",
        hint=f"name a new folder for this job alone in {job.path.name}: job: {{bundles: {shlex.quote(free)}}}",
    )
