"""The manifest of a bundle: its model, the data and the training behind it, and the hashes of its files."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from functools import cache
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from forecaster.config import DataConfig
from forecaster.errors import InputError
from forecaster.frequency import DAY, Frequency

SCHEMA_VERSION = 1

_MAX_HORIZON = 100_000
_MAX_SEASON = 10_000_000
_MAX_MONTHS, _MAX_MICROSECONDS = 12_000, 2**55  # The longest steps, about a thousand years.
_MAX_DAYS = 1_000_000  # The longest time from 1970 to a holiday.
_MAX_THREADS = 4096


def _check_time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


Count = Annotated[int, Field(ge=0)]
Duration = Annotated[int | float, Field(ge=0)]
Moment = Annotated[str, Field(max_length=100)]
Place = Annotated[str, Field(max_length=4096)]
Name = Annotated[str, Field(min_length=1, max_length=1000)]
Package = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# A plain name, which cannot lead out of the folder of the bundle.
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,200}$")]


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

    path: Place | None
    absolute: Place
    fingerprint: Moment
    shape: Moment
    columns: Columns
    frequency: Frequency
    spacing: Duration
    season: Annotated[int, Field(ge=1, le=_MAX_SEASON)]
    zone: Moment | None
    series: Count
    rows: Count
    first: int | Moment
    last: int | Moment
    last_cutoff: int


@dataclass(frozen=True, kw_only=True)
class TrainingSummary:
    """The training of a model.

    Attributes:
        budget: the time limit in seconds.
        steps, best_step: by stage: `fit`, `refit`, `update`.
        windows_per_second: None if nothing was trained.
        start: the hash of the pretrained weights from which training started; None if it started anew.
    """

    device: Moment
    threads: Annotated[int, Field(ge=1, le=_MAX_THREADS)]
    budget: Duration | None
    steps: dict[str, Count]
    best_step: dict[str, Count | None]
    seconds: Duration
    windows_per_second: Duration | None
    start: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The content of manifest.json, except for its own hash. The fields are in the order of the file.

    Attributes:
        created: the time of writing, in ISO 8601.
        versions: the versions of the program and of its packages, by name.
        model: the name of the forecaster, as in the forecasts table.
        point: the point forecast: `median` or `expectation`.
        choice: the candidates of `model.kind: auto` or of a preset, their scores, and a sentence `why`; None if there
            was no choice.
        job: the entry of the job that trained the model; None if `forecast train` did.
        files: the SHA-256 hashes of the other files, by name; empty before they are written.
    """

    schema_version: int = SCHEMA_VERSION
    created: Annotated[Moment, AfterValidator(_check_time)]
    versions: dict[Package, Moment]
    seed: int
    model: Name
    point: Name
    choice: dict[str, Any] | None = None
    horizon: Annotated[int, Field(ge=1, le=_MAX_HORIZON)]
    data: DataSummary
    training: TrainingSummary
    job: dict[str, Any] | None = None
    files: dict[FileName, Hash] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, place: str) -> "Manifest":
        """Check the content of a file that a stranger may have written.

        Args:
            values: the content; unknown keys are ignored.
            place: the file, as errors name it.

        Raises: InputError: a value is missing, or has the wrong type or size.
        """
        try:
            content = json.dumps({**values, "choice": values.get("chosen")})
            manifest = _adapter().validate_json(content, strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            raise _refuse(place, ".".join(map(str, first["loc"])), first["msg"]) from error
        _check_frequency(manifest.data.frequency, place)
        if manifest.choice is not None and not isinstance(manifest.choice.get("why"), str):
            raise _refuse(place, "chosen.why", "is not a text")
        return manifest

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, in the order of the file.

        `choice`, `job` and `training.start` are left out if they are None, and `times` and `days` of
        the frequency if they are empty.
        """
        names = {"choice": "chosen"}
        values = {
            names.get(name, name): value
            for name, value in asdict(self).items()
            if value is not None or name not in ("choice", "job")
        }
        if self.training.start is None:
            del values["training"]["start"]
        for name in ("times", "days"):
            if not values["data"]["frequency"][name]:
                del values["data"]["frequency"][name]
        return values


@cache
def _adapter() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)


def _check_frequency(frequency: Frequency, place: str) -> None:
    """Check the sizes of a frequency, with which the calendar computes.

    Raises: InputError: names the first wrong one.
    """
    largest = _MAX_MONTHS if frequency.kind == "months" else _MAX_MICROSECONDS
    if not 1 <= frequency.every <= largest:
        raise _refuse(place, "data.frequency.every", f"is {frequency.every}")
    if not re.fullmatch("(?=.*1)[01]{7}", frequency.weekmask):
        raise _refuse(place, "data.frequency.weekmask", "is not seven digits 0 or 1 with a working day")
    times = frequency.times
    is_ascending = all(earlier < later for earlier, later in pairwise(times))
    if times and not (is_ascending and times[0] >= 0 and times[-1] < DAY):
        raise _refuse(place, "data.frequency.times", "are not ascending times of day")
    days = frequency.days
    if days and not (all(earlier < later for earlier, later in pairwise(days)) and days[0] >= 1 and days[-1] <= 31):
        raise _refuse(place, "data.frequency.days", "are not ascending days of a month")
    if any(abs(day) > _MAX_DAYS for day in frequency.holidays):
        raise _refuse(place, "data.frequency.holidays", "are too far from 1970")


def _refuse(place: str, key: str, reason: str) -> InputError:
    return InputError(f"{place}: not a bundle's manifest: {key}: {reason}", hint="train again")
