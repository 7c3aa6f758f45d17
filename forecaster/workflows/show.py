"""`forecast show`: what lies in a folder that another command wrote."""

import json
import platform
import re
import shlex
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from forecaster import __version__
from forecaster.config import Config
from forecaster.config.tree import validate
from forecaster.data.spacing import describe_frequency
from forecaster.errors import InputError
from forecaster.settings import read_yaml
from forecaster.store import bundle, lock
from forecaster.store.checkpoint import STATE, read_state
from forecaster.workflows.manifest import networks_of
from forecaster.workflows.reading import open_bundle
from forecaster.workflows.results import partial_of, shorten
from forecaster.workflows.source import Source
from forecaster.workflows.train import RUN

Arrays = dict[str, npt.NDArray[np.generic]]

_STUDY = "study.db"
_FOLDERS_NAMED = 5
_MEASURED = (".centre", ".divisor", ".residuals")  # kept beside what gradients taught
_PROGRESS = re.compile(r"([\d.]*)(fit|refit|fitted)\.(history|length)")


def show(folder: Path | None = None) -> dict[str, Any]:
    """Say what a folder is: its `kind` (bundle, partial, backtest, compare, tune, study), and what goes with that.

    Args:
        folder: None for `runs/latest`.

    Raises:
        InputError: it is missing, no such folder, or not whole.
        DependencyError: a search that has not ended is read by the library that searches.
    """
    if folder is None:
        return _show_bundle(open_bundle(None))
    if not folder.exists() and partial_of(folder).exists():
        folder = partial_of(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder", hint=_around(folder.parent))
    if (folder / bundle.MANIFEST).exists():
        return _show_bundle(bundle.read(folder.resolve() if folder == bundle.LATEST else folder))
    if (folder / RUN).exists():
        return _show_partial(folder)
    if (folder / bundle.METRICS).exists():
        return _show_results(folder)
    if (folder / _STUDY).exists():
        return _show_study(folder)
    raise InputError(f"{folder}: holds nothing that a command wrote", hint=_around(folder))


def _show_bundle(read: bundle.Bundle) -> dict[str, Any]:
    manifest, config, folder = read.manifest, read.config, shorten(read.folder)
    sizes = {name: (folder / name).stat().st_size for name in (bundle.MANIFEST, *manifest.files)}
    is_latest = bundle.LATEST.exists() and bundle.LATEST.resolve() == folder.resolve()
    where = "" if is_latest else f" --bundle {_quoted(folder)}"
    source = Source(manifest.data.absolute)
    data = "" if source.text != "-" else " DATA"
    return {
        "kind": "bundle",
        "folder": str(folder),
        "is_latest": is_latest,
        "manifest": manifest.to_dict(),
        "metrics": read.metrics,
        "networks": networks_of(config),
        "parameters": count_learnt(read.state),
        "is_calibrated": any("conformal." in name for name in read.state),
        "frequency_in_words": describe_frequency(manifest.data.frequency),
        "limits": config.data.model_dump(include={"minimum", "maximum", "integer", "calendar", "holidays"}),
        "is_data_there": source.exists,
        "files": sizes,
        "other_versions": _other_versions(manifest.versions),
        "next": [f"forecast predict{data}{where}", f"forecast backtest{data} --bundle {_quoted(folder)}"],
    }


def count_learnt(state: Arrays) -> int:
    """How many numbers of a bundle's state gradients have taught."""
    return sum(
        array.size
        for name, array in state.items()
        if re.match(r"[\d.]*network\.", name) and not name.endswith(_MEASURED)
    )


def _other_versions(trained: dict[str, str]) -> dict[str, tuple[str, str | None]]:
    """What is another version here than where a bundle was trained: then and now, None where it is not here."""
    found: dict[str, tuple[str, str | None]] = {}
    for name, then in trained.items():
        now = {"python": platform.python_version(), "forecast-rnn": __version__}.get(name) or _version(name)
        if now != then:
            found[name] = (then, now)
    return found


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _show_partial(folder: Path) -> dict[str, Any]:
    """A run that has not ended: how far it came, and whether it is still at work."""
    run = _read_json(folder / RUN)
    config = _read_config(folder)
    worker = lock.describe_owner(Path(run["out"]))
    return {
        "kind": "partial",
        "folder": str(folder),
        "data": run["data"],
        "model": config.name,
        "networks": networks_of(config),
        "progress": _progress(read_state(folder)),
        "saved": datetime.fromtimestamp((folder / STATE).stat().st_mtime).astimezone().isoformat(timespec="seconds"),
        "is_at_work": worker is not None,
        "worker": worker.strip(" ()") if worker else None,
        "next": [] if worker is not None else [f"forecast train --resume {_quoted(folder)}"],
    }


def _progress(state: Arrays) -> list[dict[str, Any]]:
    """The stage that each network is in, and the steps it has taken of those it may take at most."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for name, array in state.items():
        if match := _PROGRESS.fullmatch(name):
            stage = found.setdefault(match[1], {}).setdefault(match[2], {})
            stage[match[3]] = len(array) if match[3] == "history" else int(array[0])
    told = []
    for stages in found.values():
        name = next(each for each in ("refit", "fit", "fitted") if each in stages)
        told.append({"stage": name, "steps": stages[name].get("history", 0), "most": stages[name].get("length")})
    return told


def _show_results(folder: Path) -> dict[str, Any]:
    """What a backtest, a comparison or a search found."""
    metrics, config = _read_json(folder / bundle.METRICS), _read_config(folder)
    kind = next((each for each in ("backtest", "compare", "tune") if each in metrics), None)
    if kind is None:
        raise InputError(f"{folder / bundle.METRICS}: of no command that is known here", hint="name another folder")
    data = "DATA" if config.data.path in (None, "-") else _quoted(config.data.path)
    training = f"forecast train {data} --config {_quoted(folder / bundle.CONFIG)}"
    is_use = (
        kind == "compare" or metrics.get("verdict") == "better" or metrics.get("tune", {}).get("verdict") == "better"
    )
    return {
        "kind": kind,
        "folder": str(folder),
        "data": config.data.path,
        "model": config.name,
        "metrics": metrics,
        "next": [training] if is_use else [f"forecast compare {data}"],
    }


def _show_study(folder: Path) -> dict[str, Any]:
    """A search that has not come to its end."""
    from forecaster.selection.search.study import Study

    study = Study.open(folder)
    leaders = study.leaders()
    return {
        "kind": "study",
        "folder": str(folder),
        "data": study.metadata["data"],
        "trials": len(study.trials()),
        "most": study.metadata["trials"],
        "best": leaders[0].loss if leaders else None,
        "is_at_work": study.has_running_trials,
        "next": [f"forecast tune --resume {_quoted(folder)}"],
    }


def _quoted(path: object) -> str:
    return shlex.quote(str(path))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: cannot be read: {error}", hint="name another folder") from error


def _read_config(folder: Path) -> Config:
    return validate(read_yaml(folder / bundle.CONFIG), str(folder / bundle.CONFIG))


def _around(folder: Path) -> str:
    """Name folders nearby that can be shown, the latest first."""
    marks = (bundle.MANIFEST, RUN, bundle.METRICS, _STUDY)
    found = [each for each in _folders(folder) if any((each / mark).exists() for mark in marks)]
    if not found:
        return "name a folder that `forecast train` wrote"
    more = " ..." if len(found) > _FOLDERS_NAMED else ""
    return f"name one of these: {', '.join(map(str, found[:_FOLDERS_NAMED]))}{more}"


def _folders(folder: Path) -> list[Path]:
    try:
        folders = [each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()]
    except OSError:
        return []
    return sorted(folders, key=lambda each: -each.stat().st_mtime)
