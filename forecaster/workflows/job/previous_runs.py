"""Records of the previous runs of a job in its ledger, which every run extends for the next one, even if it fails."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from forecaster.workflows.job.audit import DataExtent

KEY = "memory"  # The key among the details of a run in the ledger.


@dataclass(frozen=True)
class Published:
    """The last run that published.

    Attributes:
        run: key of the run.
        identity: digest of the data, settings and model that determine its forecast.
        extent: extent of its data.
        outputs: digest of each output, by its place.
        objection: the objection of the gate, for which a naive forecast was published; None if the model forecast.
        publisher: name of the model that published at the deadline, which a later model may have replaced as the
            champion; None for the champion.
        is_training_due: True if the training that lasted beyond the deadline did not end.
        finding: the fields of the run's summary that describe its forecast, which later runs of the same data repeat;
            empty if an earlier version recorded it.
    """

    run: str
    identity: str
    extent: DataExtent
    outputs: dict[str, str]
    objection: str | None = None
    publisher: str | None = None
    is_training_due: bool = False
    finding: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Challenged:
    """The last training, whether the new model replaced the champion or not.

    Attributes:
        time: ISO 8601, UTC.
        cutoff_at: newest cutoff of the data.
        settings: digest of the job's settings.
    """

    time: str
    cutoff_at: int
    settings: str


@dataclass(frozen=True)
class Updated:
    """The last attempt to update the champion.

    Attributes:
        cutoff_at: newest cutoff of the data.
    """

    cutoff_at: int


@dataclass(frozen=True)
class PreviousRuns:
    """The last publication, training, update and drift alarm; None for each that never took place.

    Attributes:
        alarmed: the time at which errors first exceeded the threshold, in the alarm that was reported last.
        is_stopped: True if a signal stopped the last training, which thus does not count as an attempt.
    """

    published: Published | None = None
    challenged: Challenged | None = None
    updated: Updated | None = None
    alarmed: str | None = None
    is_stopped: bool = False

    @classmethod
    def from_details(cls, details: Iterable[str]) -> "PreviousRuns":
        """Read the record of the newest run that has one.

        Args:
            details: JSON details of runs in the ledger, newest first.
        """
        records = (json.loads(text).get(KEY) for text in details)
        return next((cls.from_dict(record) for record in records if record is not None), cls())

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> "PreviousRuns":
        """Read what `to_dict` wrote, also before there were updates."""
        published, challenged, updated = record["published"], record["challenged"], record.get("updated")
        return cls(
            published and Published(**{**published, "extent": DataExtent(**published["extent"])}),
            challenged and Challenged(**challenged),
            updated and Updated(**updated),
            record.get("alarmed"),
            record.get("is_stopped", False),
        )

    def with_published(self, published: Published) -> "PreviousRuns":
        return replace(self, published=published)

    def with_challenged(self, challenged: Challenged) -> "PreviousRuns":
        return replace(self, challenged=challenged, is_stopped=False)

    def with_updated(self, updated: Updated) -> "PreviousRuns":
        return replace(self, updated=updated)

    def with_alarm(self, alarmed: str | None) -> "PreviousRuns":
        return replace(self, alarmed=alarmed)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
