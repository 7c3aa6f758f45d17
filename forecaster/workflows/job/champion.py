"""The trained models of a job: a folder of bundles, and the link `champion` to the one in use."""

import contextlib
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from forecaster.addresses import is_local_path
from forecaster.errors import InputError
from forecaster.store import bundle
from forecaster.store.bundle import Bundle
from forecaster.store.files import as_output_error, find_temporaries, remove_files, replace_link
from forecaster.store.owner import Owner
from forecaster.workflows.train import CHECKPOINT_FILES, RUN, TrainingRun

LINK = "champion"


def find_champion(bundles: Path) -> tuple[Bundle | None, str | None]:
    """Read the model in use.

    Returns: the bundle, or None if there is none that can be read; and the reason if it cannot be read.
    """
    link = bundles / LINK
    if not link.is_symlink():
        return None, None
    try:
        return bundle.read(link.resolve()), None
    except InputError as error:
        return None, error.message


def find_publisher(bundles: Path, name: str | None, champion: Bundle) -> Bundle | None:
    """Read the model that made a published forecast.

    Args:
        name: name of its bundle; None for the champion.

    Returns: None if the bundle cannot be read.
    """
    if name in (None, champion.folder.name):
        return champion
    try:
        return bundle.read(bundles / Path(str(name)).name)
    except InputError:
        return None


def job_entry(champion: Bundle) -> dict[str, Any]:
    """Return the entry of the manifest that the job added; empty for a bundle that no job wrote."""
    return champion.manifest.job or {}


def trained_until(champion: Bundle) -> int:
    """Return the newest cutoff of the data that a model was trained on, updates excluded."""
    return int(job_entry(champion).get("trained_until", learnt_until(champion)))


def learnt_until(champion: Bundle) -> int:
    """Return the newest cutoff of the data that a model was trained on, updates included."""
    return champion.manifest.data.last_cutoff


def name_bundle(bundles: Path, model: str, now: datetime) -> Path:
    """Choose a folder for a new model that does not exist yet."""
    stem = f"{model}-{now:%Y%m%d-%H%M%S}"
    number = 1
    while (folder := bundles / (stem if number == 1 else f"{stem}-{number}")).exists():
        number += 1
    return folder


def promote(folder: Path, owner: Owner) -> None:
    """Make a model the champion, atomically.

    Raises: OutputError: the link cannot be written; the champion is as before.
    """
    replace_link(folder.with_name(LINK), folder, owner=owner.id)


def read_origin(folder: Path) -> tuple[dict[str, Any], str]:
    """Return the job's entry of a bundle or of an unfinished training, and the data that it was trained on.

    Raises: InputError: the folder is neither, or it is damaged.
    """
    if (folder / bundle.MANIFEST).exists():
        manifest = bundle.read_manifest(folder)
        return manifest.job or {}, manifest.data.absolute
    origin = TrainingRun.read(folder / RUN).origin
    return origin.job or {}, origin.data


def prune_bundles(bundles: Path, keep: int, owner: Owner, *, publisher: str | None = None) -> list[str]:
    """Remove all but the `keep` newest models that a job made, never the champion.

    Files that others have put into the folder of a model stay there.

    Args:
        publisher: name of the model that made the published forecast, which stays too; None for the champion.

    Returns: the names of the removed models.
    """
    champion = (bundles / LINK).resolve()
    models = {path: bundle.read_manifest(path) for path in _own_folders(bundles, owner) if not _is_unfinished(path)}
    folders = sorted(models, key=lambda path: (models[path].created, path.name), reverse=True)
    others = [path for path in folders if path != champion and path.name != publisher]
    surplus = others[max(keep - (champion in folders), 0) :]
    for path in surplus:
        with contextlib.suppress(OSError):
            # The manifest proves whose the model is, so it is the last to go: the process may be killed here.
            remove_files(path, [*models[path].files, bundle.MANIFEST])
    return [path.name for path in surplus]


def remove_leftovers(bundles: Path, outputs: tuple[str, ...], owner: Owner) -> None:
    """Remove what a killed run of a job left: its temporary files and its unfinished trainings.

    Call it only under the job's lock.

    Raises: OutputError: a file of the bundles cannot be removed.
    """
    with as_output_error(bundles):
        _remove_temporaries(bundles, owner)
        for path in _own_folders(bundles, owner):
            if _is_unfinished(path):
                _remove_temporaries(path, owner)
                remove_files(path, CHECKPOINT_FILES)
    for output in outputs:
        if is_local_path(output):
            with contextlib.suppress(OSError):
                _remove_temporaries(Path(output).resolve().parent, owner)


def _own_folders(bundles: Path, owner: Owner) -> list[Path]:
    """Return the models and the unfinished trainings that a job provably made."""
    own = []
    for path in bundles.iterdir() if bundles.is_dir() else ():
        if path.is_symlink() or not path.is_dir():
            continue
        with contextlib.suppress(InputError):
            entry, _ = read_origin(path)
            is_adopted = path.name in owner.adopted and entry.get("name") == owner.job
            if is_adopted or entry.get("id") == owner.id:
                own.append(path)
    return own


def _is_unfinished(folder: Path) -> bool:
    return not (folder / bundle.MANIFEST).exists()


def _remove_temporaries(folder: Path, owner: Owner) -> None:
    for path in find_temporaries(folder, owner.id):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
