"""The trained models of a job: a folder of bundles, and the link `champion` to the one in use."""

import contextlib
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from forecaster.errors import InputError
from forecaster.store import bundle
from forecaster.store.bundle import Bundle
from forecaster.store.files import as_output_error, replace_link

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


def promote(folder: Path) -> None:
    """Make a model the champion, atomically.

    Raises: OutputError: the link cannot be written; the champion is as before.
    """
    replace_link(folder.with_name(LINK), folder)


def prune_bundles(bundles: Path, keep: int) -> list[str]:
    """Remove all but the `keep` newest models, never the champion.

    Returns: the names of the removed models.
    """
    champion = (bundles / LINK).resolve()
    folders = [path for path in bundles.iterdir() if not path.is_symlink() and (path / bundle.MANIFEST).is_file()]
    folders.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    others = [path for path in folders if path != champion]
    surplus = others[max(keep - (champion in folders), 0) :]
    for path in surplus:
        hidden = path.with_name(f".{path.name}")  # `remove_leftovers` finds it if the process is killed here
        with contextlib.suppress(OSError):
            path.rename(hidden)
            shutil.rmtree(hidden)
    return [path.name for path in surplus]


def remove_leftovers(bundles: Path, outputs: tuple[str, ...]) -> None:
    """Remove incomplete files of a killed run. Call it only under the job's lock.

    Raises: OutputError: a file of the bundles cannot be removed.
    """
    with as_output_error(bundles):
        if bundles.is_dir():
            for path in bundles.iterdir():
                if path.is_dir() and not path.is_symlink() and _is_incomplete(path):
                    shutil.rmtree(path)
                elif path.name.startswith("."):
                    path.unlink(missing_ok=True)
    for output in map(Path, outputs):
        for path in output.parent.glob(f".{output.name}.????????"):  # the names that `tempfile` makes
            with contextlib.suppress(OSError):
                path.unlink()


def _is_incomplete(path: Path) -> bool:
    return path.name.startswith(".") or path.suffix == ".partial"
