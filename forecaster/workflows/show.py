"""`forecast show`: a description of a folder that another command wrote."""

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
from forecaster.data.grid.spacing import describe_frequency
from forecaster.errors import InputError, as_input_error
from forecaster.report.verdicts import choose_settings
from forecaster.store import lock
from forecaster.store.bundle import CONFIG, LATEST, MANIFEST, METRICS, Bundle, read_config
from forecaster.store.bundle import read as read_bundle
from forecaster.store.checkpoint import STATE, read_state
from forecaster.store.json_files import read_object
from forecaster.workflows.manifest import networks_of, pretrained_weights_of
from forecaster.workflows.reading import is_trained_here, open_bundle
from forecaster.workflows.results import partial_of, shorten
from forecaster.workflows.source import Source
from forecaster.workflows.train import RUN, TrainingRun

Arrays = dict[str, npt.NDArray[np.generic]]

_STUDY = "study.db"
_MAX_FOLDERS_NAMED = 5
_UNTRAINED_ARRAYS = (".centre", ".divisor", ".residuals")  # Statistics of the data, which gradients do not change.
_PROGRESS = re.compile(r"([\d.]*)(fit|refit|fitted)\.(history|length)")


def show(folder: Path | None = None) -> dict[str, Any]:
    """Describe a folder: its `kind` (bundle, partial, backtest, compare, tune, study), and the facts of that kind.

    Args:
        folder: None for `runs/latest`.

    Returns: the values for `--json` and for the terminal.
    Raises:
        InputError: the folder is missing or damaged, or no command wrote it.
        DependencyError: the folder contains an unfinished study, and optuna, which reads it, is not installed.
    """
    if folder is None:
        return _show_bundle(open_bundle(None))
    if not folder.exists() and partial_of(folder).exists():
        folder = partial_of(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder", hint=_suggest_folders(folder.parent))
    with as_input_error(f"{folder}: cannot be described", hint="name another folder"):
        if (folder / MANIFEST).exists():
            return _show_bundle(read_bundle(folder.resolve() if folder == LATEST else folder))
        if (folder / RUN).exists():
            return _show_partial(folder)
        if (folder / METRICS).exists():
            return _show_results(folder)
        if (folder / _STUDY).exists():
            return _show_study(folder)
    raise InputError(f"{folder}: contains no result of a command", hint=_suggest_folders(folder))


def _show_bundle(bundle: Bundle) -> dict[str, Any]:
    manifest, config, folder = bundle.manifest, bundle.config, shorten(bundle.folder)
    sizes = {name: (folder / name).stat().st_size for name in (MANIFEST, *manifest.files)}
    is_latest = LATEST.exists() and LATEST.resolve() == folder.resolve()
    option = "" if is_latest else f" --bundle {_quote(folder)}"
    source = Source(manifest.data.absolute)
    is_own = is_trained_here(bundle)
    data = "" if is_own and source.text != "-" else " DATA"
    return {
        "kind": "bundle",
        "folder": str(folder),
        "is_latest": is_latest,
        "manifest": manifest.to_dict(),
        "metrics": bundle.metrics,
        "networks": networks_of(config),
        "pretrained": pretrained_weights_of(config),
        "parameters": count_parameters(bundle.state),
        "is_calibrated": any("conformal." in name for name in bundle.state),
        "frequency_in_words": describe_frequency(manifest.data.frequency),
        "limits": config.data.model_dump(include={"minimum", "maximum", "integer", "calendar", "holidays"}),
        "is_trained_here": is_own,
        "is_data_there": is_own and source.exists,  # the word of a stranger must not make this look at any file
        "files": sizes,
        "unchecked": list(bundle.unchecked),
        "other_versions": _find_other_versions(manifest.versions),
        "next": [f"forecast predict{data}{option}", f"forecast backtest{data} --bundle {_quote(folder)}"],
    }


def count_parameters(state: Arrays) -> int:
    """Count the trained numbers in the state of a bundle."""
    return sum(
        array.size
        for name, array in state.items()
        if re.match(r"[\d.]*network\.", name) and not name.endswith(_UNTRAINED_ARRAYS)
    )


def _find_other_versions(trained: dict[str, str]) -> dict[str, tuple[str, str | None]]:
    """Return the packages whose version differs from that of the training.

    Args:
        trained: the versions of the training, by package.

    Returns: the versions of the training and of this machine, by package; None for a package that is missing here.
    """
    versions = {"python": platform.python_version(), "forecast-rnn": __version__}
    pairs = {name: (then, versions.get(name) or _installed_version(name)) for name, then in trained.items()}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _installed_version(name: str) -> str | None:
    try:
        return version(name)
    except (PackageNotFoundError, ValueError):
        return None


def _show_partial(folder: Path) -> dict[str, Any]:
    """Describe an unfinished training: its progress, and the process that runs it, if any."""
    run = TrainingRun.read(folder / RUN)
    config = read_config(folder)
    worker = lock.describe_owner(run.folder)
    return {
        "kind": "partial",
        "folder": str(folder),
        "data": run.origin.data,
        "model": config.name,
        "networks": networks_of(config),
        "progress": _progress(read_state(folder)),
        "saved": datetime.fromtimestamp((folder / STATE).stat().st_mtime).astimezone().isoformat(timespec="seconds"),
        "is_at_work": worker is not None,
        "worker": worker.strip(" ()") if worker else None,
        "next": [] if worker is not None else [f"forecast train --resume {_quote(folder)}"],
    }


def _progress(state: Arrays) -> list[dict[str, Any]]:
    """Return the current stage of each network, the steps of that stage so far, and the maximum of steps."""
    networks: dict[str, dict[str, dict[str, int]]] = {}
    for name, array in state.items():
        if match := _PROGRESS.fullmatch(name):
            stage = networks.setdefault(match[1], {}).setdefault(match[2], {})
            stage[match[3]] = len(array) if match[3] == "history" else int(array[0])
    progress = []
    for stages in networks.values():
        name = next(stage for stage in ("refit", "fit", "fitted") if stage in stages)
        progress.append({"stage": name, "steps": stages[name].get("history", 0), "most": stages[name].get("length")})
    return progress


def _show_results(folder: Path) -> dict[str, Any]:
    """Describe the results of a backtest, a comparison or a study."""
    metrics, config = read_object(folder / METRICS, hint="name another folder"), read_config(folder)
    kind = next((command for command in ("backtest", "compare", "tune") if command in metrics), None)
    if kind is None:
        raise InputError(f"{folder / METRICS}: no result of backtest, compare or tune", hint="name another folder")
    data = "DATA" if config.data.path in (None, "-") else _quote(config.data.path)
    training = f"forecast train {data} --config {_quote(folder / CONFIG)}"
    is_useful = kind == "compare" or metrics.get("verdict") == "better"
    if kind == "tune":
        is_useful = choose_settings(metrics["tune"]) == "tuned"
    return {
        "kind": kind,
        "folder": str(folder),
        "data": config.data.path,
        "model": config.name,
        "metrics": metrics,
        "next": [training] if is_useful else [f"forecast compare {data}"],
    }


def _show_study(folder: Path) -> dict[str, Any]:
    """Describe an unfinished study."""
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
        "next": [f"forecast tune --resume {_quote(folder)}"],
    }


def _quote(path: object) -> str:
    return shlex.quote(str(path))


def _suggest_folders(parent: Path) -> str:
    """Return a hint that names the folders in `parent` that can be shown, newest first."""
    files = (MANIFEST, RUN, METRICS, _STUDY)
    folders = [folder for folder in _list_folders(parent) if any((folder / file).exists() for file in files)]
    if not folders:
        return "name a folder that `forecast train` wrote"
    rest = " ..." if len(folders) > _MAX_FOLDERS_NAMED else ""
    return f"name one of these: {', '.join(map(str, folders[:_MAX_FOLDERS_NAMED]))}{rest}"


def _list_folders(parent: Path) -> list[Path]:
    try:
        folders = [path for path in parent.iterdir() if path.is_dir() and not path.is_symlink()]
    except OSError:
        return []
    return sorted(folders, key=lambda path: -path.stat().st_mtime)
