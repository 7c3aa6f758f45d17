"""Whether a model is to be trained again, and whether the one in use may be published by."""

import math
from dataclasses import dataclass

import numpy as np

from forecaster.config.job import GateConfig, RetrainConfig
from forecaster.durations import describe_age, parse_duration
from forecaster.evaluation.significance import LEVEL, diebold_mariano


@dataclass(frozen=True)
class Evidence:
    """How good a model's forecasts were, piece of time by piece; empty where nothing is known.

    Attributes:
        errors: mean absolute scaled errors.
        naive: those of the seasonal naive forecast.
        coverage80: share of values inside the 80 % interval; NaN where nothing is known.
        source: `ledger`, its own forecasts that came true; `backtest`, forecasts from past cutoffs by what was
            fitted before them; `holdout`.
    """

    errors: tuple[float, ...]
    naive: tuple[float, ...]
    coverage80: float
    source: str

    @property
    def skill(self) -> float:
        """Against the seasonal naive forecast; NaN where nothing is known."""
        naive = sum(self.naive)
        return 1 - sum(self.errors) / naive if naive else math.nan

    def is_below(self, skill: float) -> bool:
        """Whether the skill is below a bound, and by more than chance as far as there is enough to tell."""
        if not self.skill < skill:
            return False
        differences = np.array(self.errors) - (1 - skill) * np.array(self.naive)
        return not diebold_mariano(differences).p / 2 > LEVEL  # of one side; NaN where there is too little


@dataclass(frozen=True)
class Standing:
    """What is known of the model in use.

    Attributes:
        age: seconds since it was trained, or another was tried against it.
        new_rows: values that the data has gained since then.
        new_steps: steps that the data has gone on since then.
        skill: of its recent forecasts against seasonal naive; NaN where too few came true yet.
        evidence: the same for the gate, which asks for more; None where too few came true yet.
        has_drifted: whether errors left what the holdout promised.
        has_other_settings: whether the job's settings are no longer those it was trained with.
        unlearnt_steps: steps that the data has gone on since the model's own ended, or an update of it was tried.
    """

    age: float
    new_rows: int
    new_steps: int
    skill: float = math.nan
    evidence: Evidence | None = None
    has_drifted: bool = False
    has_other_settings: bool = False
    unlearnt_steps: int = 0


def find_reason(policy: RetrainConfig, standing: Standing, horizon: int) -> str | None:
    """Say why to train again; None where nothing asks for it.

    A low skill or drift asks once a horizon: training again on the same data would tell nothing new.
    """
    if standing.has_other_settings:
        return "the settings have changed"
    if not standing.new_steps:
        return None
    if policy.max_age is not None and abs(standing.age) >= parse_duration(
        policy.max_age
    ):  # below 0 after a clock went back
        return f"trained {describe_age(standing.age)} ago"
    if policy.new_rows is not None and standing.new_rows >= policy.new_rows:
        return f"{standing.new_rows} new values"
    if standing.new_steps < horizon:
        return None
    if policy.skill_below is not None and standing.skill < policy.skill_below:
        return f"skill {standing.skill:.3f} is below {policy.skill_below:g}"
    if policy.drift and standing.has_drifted:
        return "errors left what the holdout promised"
    return None


def find_objection(policy: GateConfig, evidence: Evidence) -> str | None:
    """Say why nothing may be published; None where nothing speaks against it. What is not known is no objection."""
    if policy.skill is not None and evidence.is_below(policy.skill):
        return f"skill {evidence.skill:.3f} on the {evidence.source} is below {policy.skill:g}"
    if policy.coverage is not None:
        least, most = policy.coverage
        if evidence.coverage80 < least or evidence.coverage80 > most:
            return (
                f"the 80 % interval held {100 * evidence.coverage80:.0f} % on the {evidence.source},"
                f" not {100 * least:g} to {100 * most:g} %"
            )
    return None
