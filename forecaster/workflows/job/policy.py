"""The policies of a job: the reasons for training again, and the quality gate before publishing."""

import math
from dataclasses import dataclass

import numpy as np

from forecaster.config.job import GateConfig, RetrainConfig
from forecaster.durations import describe_age, parse_duration
from forecaster.evaluation.verdict import Units, compare_with_baseline


@dataclass(frozen=True)
class Evidence:
    """Errors of a model per period, for the retrain and gate policies; empty if nothing is known.

    Attributes:
        errors: mean absolute scaled errors.
        naive: those of the seasonal naive forecast for the same periods.
        coverage80: share of actuals that the 80 % interval covered; NaN if nothing is known.
        source: `ledger` for published forecasts, `backtest` for forecasts from past cutoffs by a model fitted before
            them, or `holdout`.
    """

    errors: tuple[float, ...]
    naive: tuple[float, ...]
    coverage80: float
    source: str

    @property
    def skill(self) -> float:
        """Skill against the seasonal naive forecast; NaN if nothing is known."""
        naive = sum(self.naive)
        return 1 - sum(self.errors) / naive if naive else math.nan

    def is_below(self, skill: float) -> bool:
        """Return True if the skill is below a bound by more than chance.

        For the bound 0 this is the rule by which the verdict on a model is `worse`. With too few periods for a test,
        the verdict is undecided and the result False.
        """
        bound = (1 - skill) * np.array(self.naive)
        periods = Units("cutoffs", np.arange(len(bound)), 1)
        return len(bound) > 0 and compare_with_baseline(np.array(self.errors), bound, periods).is_worse


@dataclass(frozen=True)
class Assessment:
    """The state of the champion before a run decides whether to train or update.

    Attributes:
        age: seconds since the last training, or the last attempt.
        new_rows: number of values that are new since then.
        new_steps: number of steps that are new since then.
        skill: skill of recent forecasts against seasonal naive; NaN if too few of them have actuals.
        evidence: errors of recent forecasts for the gate, which needs more of them; None if there are too few.
        has_drifted: True if the errors have risen above those on the holdout.
        has_other_settings: True if the job's settings are not those of the last training.
        unlearnt_steps: number of steps that are new since the champion's data, or the last attempt to update it.
    """

    age: float
    new_rows: int
    new_steps: int
    skill: float = math.nan
    evidence: Evidence | None = None
    has_drifted: bool = False
    has_other_settings: bool = False
    unlearnt_steps: int = 0


def find_retrain_reason(policy: RetrainConfig, assessment: Assessment, horizon: int) -> str | None:
    """Find a reason to train again; None if there is none.

    A low skill or drift is a reason only once per horizon: training again on nearly the same data would change little.
    """
    if assessment.has_other_settings:
        return "the settings have changed"
    if not assessment.new_steps:
        return None
    age = abs(assessment.age)  # negative if the clock was set back
    if policy.max_age is not None and age >= parse_duration(policy.max_age):
        return f"trained {describe_age(assessment.age)} ago"
    if policy.new_rows is not None and assessment.new_rows >= policy.new_rows:
        return f"{assessment.new_rows} new values"
    if assessment.new_steps < horizon:
        return None
    if policy.skill_below is not None and assessment.skill < policy.skill_below:
        return f"skill {assessment.skill:.3f} is below {policy.skill_below:g}"
    if policy.drift and assessment.has_drifted:
        return "errors left what the holdout promised"
    return None


def find_gate_objection(policy: GateConfig, evidence: Evidence) -> str | None:
    """Find a reason not to publish; None if there is none. Unknown errors or coverage are no reason."""
    if policy.skill is not None and evidence.is_below(policy.skill):
        return f"skill {evidence.skill:.3f} on the {evidence.source} is below {policy.skill:g}"
    if policy.coverage is not None:
        least, most = policy.coverage
        if evidence.coverage80 < least or evidence.coverage80 > most:
            return (
                f"the 80 % interval covered {100 * evidence.coverage80:.0f} % on the {evidence.source},"
                f" not {100 * least:g} to {100 * most:g} %"
            )
    return None
