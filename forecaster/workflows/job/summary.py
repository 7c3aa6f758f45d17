"""The summary of a job's run: the status line, the ledger's details and the input of alert commands."""

import contextlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from forecaster.addresses import hide_secrets
from forecaster.evaluation.score import without_nan
from forecaster.workflows.ledger.drift import DriftStatus

RunStatus = Literal["published", "partial", "republished", "unchanged", "planned", "locked", "failed"]

PUBLISHED: tuple[RunStatus, ...] = ("published", "partial", "republished")

# The fields that a publication sets; the others belong to the rest of the run.
_PUBLICATION = ("status", "bundle", "model", "gate", "fallbacks", "outputs", "deferred")
# Those that describe the forecast itself, and so remain true as long as it is published.
_FINDING = {"bundle", "model", "gate", "fallbacks", "drift"}
_LEDGER_COLUMNS = {"job", "run", "code", "seconds"}  # The table of runs has a column for each.


class DataSummary(BaseModel):
    """The data that a run read.

    Attributes:
        source: place without a password.
        rows: number of observed values.
        cutoff: newest cutoff, as text.
        age_seconds: the time since the newest step ended; None for steps without a calendar.
        new: series that the data of the training did not have.
        missing: series of the training that the data does not have.
        ended: series that ended more than a horizon before the newest one.
    """

    source: str
    rows: int
    series: int
    cutoff: str
    age_seconds: float | None = None
    new: list[str] = []
    missing: list[str] = []
    ended: list[str] = []


class ActualsSummary(BaseModel):
    """The number of actuals that were new, and that were restated."""

    new: int
    restated: int


class ComparisonSummary(BaseModel):
    """A comparison of the champion with a challenger; see `challenge.Comparison`."""

    champion: float
    challenger: float
    folds: int
    horizon: int
    champion_as: str
    has_won: bool


class UpdateSummary(BaseModel):
    """An attempt to update the champion: its reason, and the comparison unless there were too few new steps."""

    reason: str
    champion: float | None = None
    challenger: float | None = None
    folds: int | None = None
    horizon: int | None = None
    champion_as: str | None = None
    has_won: bool | None = None


class GateSummary(BaseModel):
    """The evidence that the quality gate looked at; see `policy.Evidence`.

    Attributes:
        objection: the reason why the model does not forecast; None if it passed.
    """

    skill: float | None
    coverage80: float | None
    source: str
    objection: str | None = None


class DeferralSummary(BaseModel):
    """A publication before the end of a training that lasted beyond the deadline.

    Attributes:
        deadline: ISO 8601, on the machine's clock.
        bundle: name of the new model, which is used from the next run; None if there is none.
    """

    deadline: str
    bundle: str | None = None


class ErrorSummary(BaseModel):
    """The failure of a run; its hint is printed, and not recorded in the ledger."""

    kind: str
    message: str
    hint: str | None = None


class AlertSummary(BaseModel):
    """A command that received the summary: the key of the job's policy, and how the command ended."""

    event: str
    ended: str


class RunSummary(BaseModel):
    """The outcome of a run.

    Every step of the run sets its own fields. Fields that no step set are left out of the JSON document; fields that a
    step set to None are null.

    Attributes:
        job: name of the job.
        run: key of the run.
        code: exit code.
        scored: number of forecasts that were scored.
        drift: drift of the champion's errors; None if its error on the holdout is unknown.
        retrain: reason for training; None if there was none.
        update: set if an update of the champion was due.
        challenger: set if a challenger was trained beside a champion; None if they could not be compared.
        deferred: set if the forecast was published before the end of a training.
        bundle: name of the bundle that forecast.
        fallbacks: reasons by series that a simpler model forecast.
        outputs: digests by place; the places alone for a dry run.
        warnings: what somebody should look at, although the run did its work.
    """

    job: str
    run: str | None
    status: RunStatus = "failed"
    code: int = 1
    seconds: float = 0.0
    data: DataSummary | None = None
    actuals: ActualsSummary | None = None
    scored: int | None = None
    drift: DriftStatus | None = None
    retrain: str | None = None
    update: UpdateSummary | None = None
    challenger: ComparisonSummary | None = None
    deferred: DeferralSummary | None = None
    bundle: str | None = None
    model: str | None = None
    gate: GateSummary | None = None
    fallbacks: dict[str, str] | None = None
    outputs: dict[str, str] | list[str] | None = None
    error: ErrorSummary | None = None
    warnings: list[str] | None = None
    alerts: list[AlertSummary] | None = None

    @property
    def has_published(self) -> bool:
        return self.status in PUBLISHED

    def adopt_publication(self, other: "RunSummary") -> None:
        """Replace what this summary has of a publication by what another summary has."""
        for name in _PUBLICATION:
            setattr(self, name, getattr(other, name))
            if name not in other.model_fields_set:
                self.model_fields_set.discard(name)

    def warn(self, text: str) -> None:
        """Add a warning."""
        self.warnings = [*(self.warnings or []), hide_secrets(text)]

    @property
    def is_partial(self) -> bool:
        """True if series of the training are missing, or have a simpler forecast than the model's."""
        return bool(self.fallbacks) or bool(self.data and self.data.missing)

    @property
    def finding(self) -> dict[str, Any]:
        """The fields that describe the forecast, as JSON values."""
        return dict(without_nan(self.model_dump(exclude_unset=True, include=_FINDING)))

    def repeat_finding(self, finding: Mapping[str, Any]) -> None:
        """Set the fields that describe a forecast that an earlier run published.

        A value that this version cannot read, such as an unknown number, is left out.
        """
        for name in _FINDING & finding.keys():
            with contextlib.suppress(ValidationError):
                other = type(self).model_validate({"job": self.job, "run": self.run, name: finding[name]})
                setattr(self, name, getattr(other, name))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document, with null instead of NaN."""
        return dict(without_nan(self.model_dump(exclude_unset=True)))

    def to_json(self) -> str:
        """Return the status line."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    def to_details(self) -> dict[str, Any]:
        """Return the JSON document without what the ledger records in columns."""
        return {name: value for name, value in self.to_dict().items() if name not in _LEDGER_COLUMNS}
