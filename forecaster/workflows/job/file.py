"""A job's file: its settings, and where the files that it names lie."""

from dataclasses import dataclass
from pathlib import Path

from forecaster.config import AlarmConfig, Config
from forecaster.errors import ConfigError
from forecaster.settings import read_yaml, validate
from forecaster.workflows.source import is_database


@dataclass(frozen=True)
class Job:
    """What is to be forecast again and again.

    Attributes:
        name: in the ledger.
        path: its file, absolute.
        config: the other sections of the file; data is found from any folder.
        bundles: the folder of trained models.
        ledger: SQL URL or absolute path.
        alarm: when errors count as worse than promised.
    """

    name: str
    path: Path
    config: Config
    bundles: Path
    ledger: str
    alarm: AlarmConfig


def open_job(path: Path) -> Job:
    """Read a job's file.

    Raises:
        InputError: there is no such file.
        ConfigError: a key or value is wrong.
    """
    path = path.absolute()
    tree = read_yaml(path)
    section = tree.pop("job", None) or {}
    config = validate(tree, str(path))
    if config.data.path is None:
        raise ConfigError(f"{path}: data.path: names no file or database", hint="write it as data: {path: sales.csv}")
    data = config.data.model_copy(update={"path": _find(path.parent, config.data.path)})
    ledger = section.get("ledger") or f"{path.stem}.ledger.db"
    alarm = AlarmConfig(**(section.get("alarm") or {}))
    return Job(
        name=section.get("name") or path.stem,
        path=path,
        config=config.model_copy(update={"data": data}),
        bundles=path.parent / (section.get("bundles") or f"{path.stem}.bundles"),
        ledger=_find(path.parent, ledger),
        alarm=alarm,
    )


def _find(folder: Path, place: str) -> str:
    """A place as a job's file in a folder names it; a SQLite database is a file, too."""
    scheme, separator, file = place.partition(":///")
    if separator and scheme == "sqlite":
        return f"sqlite:///{folder / file}"
    return place if is_database(place) else str(folder / place)
