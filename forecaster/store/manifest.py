"""The manifest of a bundle: its model, the data and the training behind it, and the hashes of its files."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from forecaster.config import DataConfig
from forecaster.errors import InputError
from forecaster.frequency import Frequency

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of the table, by role."""

    time: str | None = None
    id: str | None = None
    target: tuple[str, ...] | None = None
    past: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    static: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: DataConfig) -> "Columns":
        """Return the columns of a config."""
        return cls(**{role.name: getattr(config, role.name) for role in fields(cls)})


@dataclass(frozen=True, kw_only=True)
class DataSummary:
    """The data that a model was trained on.

    Attributes:
        path: the source as the user wrote it, without a password.
        absolute: the same with an absolute path; `-` for standard input.
        fingerprint: see `workflows.manifest.fingerprint`.
        shape: `single`, `wide` or `long`.
        spacing: the usual distance between two rows of a series, in steps.
        zone: the time zone of the timestamps.
        rows: the number of observed values.
        first, last: the oldest and the newest time, as text or as an integer.
        last_cutoff: the newest cutoff of all series, as `Frequency` counts.
    """

    path: str | None
    absolute: str
    fingerprint: str
    shape: str
    columns: Columns
    frequency: Frequency
    spacing: int | float
    season: int
    zone: str | None
    series: int
    rows: int
    first: int | str
    last: int | str
    last_cutoff: int


@dataclass(frozen=True, kw_only=True)
class TrainingSummary:
    """The training of a model.

    Attributes:
        budget: the time limit in seconds.
        steps, best_step: by stage: `fit`, `refit`, `update`.
        windows_per_second: None if nothing was trained.
    """

    device: str
    threads: int
    budget: int | float | None
    steps: dict[str, int]
    best_step: dict[str, int | None]
    seconds: int | float
    windows_per_second: int | float | None


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The content of manifest.json, except for its own hash. The fields are in the order of the file.

    Attributes:
        created: the time of writing, in ISO 8601.
        versions: the versions of the program and of its packages, by name.
        model: the name of the forecaster, as in the forecasts table.
        point: the point forecast: `median` or `expectation`.
        choice: the candidates of `model.kind: auto` and their scores; None if the user named the model.
        job: the entry of the job that trained the model; None if `forecast train` did.
        files: the SHA-256 hashes of the other files, by name; empty before they are written.
    """

    schema_version: int = SCHEMA_VERSION
    created: str
    versions: dict[str, str]
    seed: int
    model: str
    point: str
    choice: dict[str, Any] | None = None
    horizon: int
    data: DataSummary
    training: TrainingSummary
    job: dict[str, Any] | None = None
    files: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, place: str) -> "Manifest":
        """Check the content of a file that a stranger may have written.

        Args:
            values: the content; unknown keys are ignored.
            place: the file, as errors name it.

        Raises: InputError: a value is missing, or has the wrong type or size.
        """
        try:
            manifest = _adapter().validate_python({**values, "choice": values.get("chosen")})
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            raise InputError(f"{place}: not a bundle's manifest: {key}: {first['msg']}", hint="train again") from error
        sizes = {
            "horizon": manifest.horizon,
            "data.season": manifest.data.season,
            "data.frequency.every": manifest.data.frequency.every,
        }
        for key, size in sizes.items():
            if size < 1:
                raise InputError(f"{place}: not a bundle's manifest: {key}: is {size}", hint="train again")
        if not re.fullmatch("(?=.*1)[01]{7}", manifest.data.frequency.weekmask):
            raise InputError(f"{place}: not a bundle's manifest: data.frequency.weekmask", hint="train again")
        return manifest

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, in the order of the file; `choice` and `job` are left out if they are None."""
        names = {"choice": "chosen"}
        return {
            names.get(name, name): value
            for name, value in asdict(self).items()
            if value is not None or name not in ("choice", "job")
        }


@cache
def _adapter() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)
