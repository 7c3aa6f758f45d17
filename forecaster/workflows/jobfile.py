"""The file of a job: its settings, and the places of its data, outputs, models and ledger."""

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from forecaster.addresses import hide_secrets, is_database_url, is_object_address, is_web_address
from forecaster.config import Config
from forecaster.config.job import JobConfig
from forecaster.config.tree import find_origin
from forecaster.errors import ConfigError, ForecastError, InputError
from forecaster.settings import list_origins, load, read_tree, read_yaml
from forecaster.workflows.source import Source

_REPORT_KEYS = {"name", "ledger", "metrics", "on_failure", "timeout"}


@dataclass(frozen=True)
class Job:
    """A forecast that is made regularly.

    Attributes:
        name: name in the ledger.
        path: absolute path of the job's file.
        config: the other sections of the file; the path of the data is absolute.
        policy: the section `job`.
        bundles: folder of trained models.
        outputs: absolute paths, SQL URLs and addresses.
        ledger: SQL URL or absolute path.
    """

    name: str
    path: Path
    config: Config
    policy: JobConfig
    bundles: Path
    outputs: tuple[str, ...]
    ledger: str
    future: str | None
    metrics: Path | None

    @property
    def lock(self) -> Path:
        """The file that is locked while the job runs."""
        return self.path.with_suffix(".lock")

    @property
    def source(self) -> Source:
        """The data to forecast."""
        return Source.of(self.config.data)

    @property
    def settings(self) -> str:
        """Digest of the settings that a trained model depends on, without the data."""
        tree = self.config.model_dump(mode="json", exclude_unset=True, exclude={"job": True, "data": {"path"}})
        return _digest(tree)

    @property
    def layout(self) -> str:
        """Digest of the settings that the published files depend on."""
        return _digest([self.outputs, self.policy.levels])


def open_job(path: Path, *, settings: tuple[str, ...] = ()) -> Job:
    """Read a job's file.

    Args:
        settings: `a.b=c` texts that override the file.

    Raises:
        InputError: there is no such file.
        ConfigError: a key or value is wrong, or the file has no section `job` or no data.
    """
    try:
        is_missing = not path.exists()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", hint="name a job's YAML file") from error
    if is_missing:
        raise InputError(f"{path}: no such file", hint="name a job's YAML file, or write one: forecast init DATA --job")
    path = path.absolute()
    config = load(path, settings=settings)
    policy = config.job
    if policy is None:
        raise ConfigError(f"{path}: has no section job", hint="write a job's file: forecast init DATA --job")
    source = config.data.path
    if source is None or source == "-":
        raise ConfigError(f"{path}: data.path: names no file or database", hint="write it as data: {path: sales.csv}")
    data = config.data.model_copy(update={"path": _resolve(path, "data.path", source, settings)})
    ledger = policy.ledger or f"{path.stem}.ledger.db"
    return Job(
        name=policy.name or path.stem,
        path=path,
        config=config.model_copy(update={"data": data, "job": None}),
        policy=policy,
        bundles=path.parent / (policy.bundles or f"{path.stem}.bundles"),
        outputs=tuple(_resolve(path, "job.outputs", output, settings) for output in policy.outputs),
        ledger=_resolve(path, "job.ledger", ledger, settings),
        metrics=None if policy.metrics is None else path.parent / policy.metrics,
        future=None if policy.future is None else _resolve(path, "job.future", policy.future, settings),
    )


def open_for_reports(path: Path, settings: tuple[str, ...] = ()) -> Job | None:
    """Return as much of a job as the reports of a failed run need, although its file or a setting is wrong.

    Args:
        settings: as for `open_job`.

    Returns: a job with the valid ones of the keys `name`, `ledger`, `metrics`, `on_failure` and `timeout`, and without
        data or outputs; None if the file cannot be read as YAML or has no section `job`.
    """
    try:
        tree = read_yaml(path)
    except ForecastError:
        return None
    with contextlib.suppress(ForecastError):
        tree = read_tree(path, settings=settings)
    section = tree.get("job")
    if not isinstance(section, dict):
        return None
    keys: dict[str, Any] = {}
    for key in _REPORT_KEYS & section.keys():
        with contextlib.suppress(ValidationError):
            JobConfig.model_validate({key: section[key]})
            keys[key] = section[key]
    policy, path = JobConfig.model_validate(keys), path.absolute()
    ledger = policy.ledger or f"{path.stem}.ledger.db"
    with contextlib.suppress(ConfigError):  # A ledger that cannot be opened is left out by whoever opens it.
        ledger = _resolve(path, "job.ledger", ledger, settings)
    metrics = None if policy.metrics is None else path.parent / policy.metrics
    return Job(
        name=policy.name or path.stem,
        path=path,
        config=Config(),
        policy=policy,
        bundles=path.parent,
        outputs=(),
        ledger=ledger,
        future=None,
        metrics=metrics,
    )


def _resolve(path: Path, key: str, place: str, settings: tuple[str, ...]) -> str:
    """Return a place in a job's file, relative to the folder of the file, as an absolute path or URL.

    Args:
        settings: texts that override the file, and are named in an error that they cause.

    Raises: ConfigError: it is the URL of another kind of database, or an address that cannot be used there.
    """
    if is_object_address(place) and key != "job.ledger":
        if key == "job.outputs" and is_web_address(place):
            raise ConfigError(
                f"{path}: {key}: {hide_secrets(place)}: web addresses can be read, not written",
                hint="name a file, a database, or an address such as s3://BUCKET/forecasts.csv",
            )
        return place
    if not is_database_url(place):
        if "://" in place:
            source = find_origin(key, str(path), list_origins(settings))
            raise ConfigError(
                f"{source}: {key}: {hide_secrets(place)}: only files, SQLite and PostgreSQL are known",
                hint="write it as sales.csv, sqlite:///shop.db or postgresql://USER@HOST:5432/DATABASE",
            )
        return str(path.parent / place)
    scheme, _, rest = place.partition(":///")
    if scheme.lower() == "sqlite" and rest:
        return f"sqlite:///{path.parent / rest}"
    return place


def _digest(tree: object) -> str:
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()[:16]
