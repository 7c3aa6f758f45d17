"""The trained models of a job: a folder of bundles, and the link `champion` to the one in use."""

import contextlib
import shutil
from datetime import datetime
from pathlib import Path

from forecaster.errors import InputError
from forecaster.store import bundle
from forecaster.store.files import as_output_error, replace_link

LINK = "champion"
JOB = "job"  # the manifest's key of what a job adds


def find(bundles: Path) -> tuple[bundle.Bundle | None, str | None]:
    """Read the model in use.

    Returns: None where there is none, or where it cannot be read; why it cannot.
    """
    link = bundles / LINK
    if not link.is_symlink():
        return None, None
    try:
        return bundle.read(link.resolve()), None
    except InputError as error:
        return None, error.message


def trained_until(used: bundle.Bundle) -> int:
    """Newest cutoff of the data that a model was trained on, updates of it not counted."""
    return int(used.manifest.get(JOB, {}).get("trained_until", used.manifest["data"]["last_cutoff"]))


def learnt_until(used: bundle.Bundle) -> int:
    """Newest cutoff of all data that a model has learnt from."""
    return int(used.manifest["data"]["last_cutoff"])


def name_new(bundles: Path, model: str, now: datetime) -> Path:
    """A folder for a new model that is not there yet."""
    stem = f"{model}-{now:%Y%m%d-%H%M%S}"
    number = 1
    while (folder := bundles / (stem if number == 1 else f"{stem}-{number}")).exists():
        number += 1
    return folder


def promote(folder: Path) -> None:
    """Put a model into use, at one stroke.

    Raises: OutputError: the link cannot be written; the old one still stands.
    """
    replace_link(folder.with_name(LINK), folder)


def prune(bundles: Path, keep: int) -> list[str]:
    """Remove all but the `keep` newest models, never the one in use.

    Returns: the names of those removed.
    """
    used = (bundles / LINK).resolve()
    found = [path for path in bundles.iterdir() if not path.is_symlink() and (path / bundle.MANIFEST).is_file()]
    found.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    others = [path for path in found if path != used]
    removed = others[max(keep - (used in found), 0) :]
    for path in removed:
        hidden = path.with_name(f".{path.name}")  # swept away if a kill leaves half of it
        with contextlib.suppress(OSError):
            path.rename(hidden)
            shutil.rmtree(hidden)
    return [path.name for path in removed]


def sweep(bundles: Path, outputs: tuple[str, ...]) -> None:
    """Remove what a run that was killed had begun to write; nobody else may be running.

    Raises: OutputError: it cannot be removed.
    """
    with as_output_error(bundles):
        if bundles.is_dir():
            for path in bundles.iterdir():
                if path.is_dir() and not path.is_symlink() and _is_begun(path):
                    shutil.rmtree(path)
                elif path.name.startswith("."):
                    path.unlink(missing_ok=True)
    for output in map(Path, outputs):
        for path in output.parent.glob(f".{output.name}.????????"):  # as `tempfile` names them
            with contextlib.suppress(OSError):
                path.unlink()


def _is_begun(path: Path) -> bool:
    return path.name.startswith(".") or path.suffix == ".partial"
