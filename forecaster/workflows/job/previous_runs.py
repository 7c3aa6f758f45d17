"""What a run knows of those before it: each keeps it in the ledger for the next, whatever became of it."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from forecaster.workflows.job.audit import Extent

KEY = "memory"


@dataclass(frozen=True)
class Published:
    """The last run that published.

    Attributes:
        run: its key.
        identity: digest of the data, settings and model that its forecast follows from.
        outputs: digest of each output.
    """

    run: str
    identity: str
    extent: Extent
    outputs: dict[str, str]


@dataclass(frozen=True)
class Challenged:
    """The last time that a model was trained, or another was tried against it.

    Attributes:
        time: ISO 8601, UTC.
        cutoff_at: of the data then.
        settings: digest of the job's settings then.
    """

    time: str
    cutoff_at: int
    settings: str


@dataclass(frozen=True)
class Updated:
    """The last time that an update of the model in use was tried.

    Attributes:
        cutoff_at: of the data then.
    """

    cutoff_at: int


@dataclass(frozen=True)
class Memory:
    """All three; None where there was no such run."""

    published: Published | None = None
    challenged: Challenged | None = None
    updated: Updated | None = None

    def with_published(self, published: Published) -> "Memory":
        return replace(self, published=published)

    def with_challenged(self, challenged: Challenged) -> "Memory":
        return replace(self, challenged=challenged)

    def with_updated(self, updated: Updated) -> "Memory":
        return replace(self, updated=updated)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def recall(details: list[str]) -> Memory:
    """Take up what the newest run that kept a memory kept.

    Args:
        details: of runs in the ledger, the newest first.
    """
    for text in details:
        kept = json.loads(text).get(KEY)
        if kept is not None:
            published, challenged, updated = kept["published"], kept["challenged"], kept.get("updated")
            return Memory(
                published and Published(**{**published, "extent": Extent(**published["extent"])}),
                challenged and Challenged(**challenged),
                updated and Updated(**updated),
            )
    return Memory()
