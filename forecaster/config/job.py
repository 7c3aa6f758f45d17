"""The section `job`: the files and policies of `forecast run`."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from forecaster.addresses import check_cluster
from forecaster.config.section import Section, TimeZone
from forecaster.durations import parse_duration

_CLOCK_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)


def _check(duration: str) -> str:
    parse_duration(duration)
    return duration


def _check_clock_time(text: object) -> str:
    match = _CLOCK_TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("not a time of day; write it as 05:30")
    return f"{int(match[1]):02d}:{match[2]}"


Duration = Annotated[str, BeforeValidator(str), AfterValidator(_check)]
ClockTime = Annotated[str, BeforeValidator(_check_clock_time)]
Share = Annotated[float, Field(ge=0, le=1)]


class RetrainConfig(Section):
    """The conditions for training again; one of them is enough."""

    max_age: Duration | None = Field("7d", description="time since the last training, or the last attempt")
    new_rows: int | None = Field(None, ge=1, description="new values since then")
    skill_below: float | None = Field(None, lt=1, description="skill of recent forecasts against seasonal naive")
    drift: bool = Field(False, description="train if the errors of recent forecasts drift above the holdout's")


class ChallengerConfig(Section):
    """The test that a newly trained model must pass before it replaces the champion."""

    folds: int = Field(
        5, ge=1, le=10_000, description="recent cutoffs, a horizon apart, on which both models are compared"
    )
    margin: float = Field(0.0, ge=0, lt=1, description="share by which the new model's MASE must be lower")


class GateConfig(Section):
    """The conditions for publishing; null for no condition."""

    skill: float | None = Field(
        0.0, lt=1, description="minimum skill against seasonal naive; refuses only significant differences"
    )
    coverage: tuple[Share, Share] | None = Field(
        None, description="minimum and maximum share of actuals that the 80 % interval covers"
    )
    otherwise: Literal["fallback", "refuse"] = Field(
        "fallback", description="publish the better naive forecast, marked, if a condition fails, or publish nothing"
    )

    @field_validator("coverage")
    @classmethod
    def _in_order(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] > value[1]:
            raise ValueError("the first number must not be above the second")
        return value


class AlarmConfig(Section):
    """The drift alarm: errors above those on the model's holdout."""

    delta: float = Field(0.25, ge=0, description="tolerated rise of the error, as a share of the holdout's")
    threshold: float = Field(
        8.0, gt=0, description="cumulated excess, in units of the holdout's error, that raises the alarm"
    )


class JobConfig(Section):
    """One job: its files and its policies. Paths are relative to the job's file."""

    version: Literal[1] = Field(1, description="version of this section's layout")
    name: str | None = Field(None, min_length=1, description="name in the ledger; null for the name of this file")
    bundles: str | None = Field(None, description="folder for the job's trained models alone; null for <job>.bundles")
    future: str | None = Field(
        None, description="table with the known columns for the steps to forecast; null if the data has such rows"
    )
    outputs: tuple[str, ...] = Field(
        ("forecasts.csv",),
        min_length=1,
        description=".csv or .parquet files, also at s3:// addresses, or SQL URLs with ?table=NAME",
    )
    levels: tuple[float, ...] = Field((), description="intervals to add to the nine deciles, in per cent, such as 95")
    ledger: str | None = Field(None, description="SQL URL or file; null for <job>.ledger.db")

    max_age: Duration | None = Field(
        None, description="maximum age of the newest value; older data, and older series, are refused"
    )
    min_rows: int = Field(2, ge=2, description="minimum number of rows")
    flat: int | None = Field(None, ge=2, description="number of equal last values that make a series suspect")
    drop: float | None = Field(
        0.5, ge=0, lt=1, description="share of rows or series that may be missing since the last run"
    )
    ended: Literal["mark", "keep"] = Field(
        "mark", description="series that ended more than a horizon before the others: a marked fallback, or a forecast"
    )
    partial: Literal["drop", "keep"] = Field("drop", description="what to do with a last step that is not over")
    zone: TimeZone | None = Field(None, description="time zone of data without one; null for the machine's")

    recent: int = Field(30, ge=1, description="recent steps whose forecasts measure the skill")
    retrain: RetrainConfig = RetrainConfig()
    update: bool = Field(
        False,
        description="between trainings, continue training on each horizon of new steps, and keep it if it is better",
    )
    deadline: ClockTime | None = Field(
        None,
        description="time of day, such as 05:30 on the machine's clock, by which the last good model publishes if"
        " training lasts longer",
    )
    challenger: ChallengerConfig = ChallengerConfig()
    gate: GateConfig = GateConfig()
    recalibrate: bool = Field(False, description="adapt the widths of intervals to the actuals in every run")
    alarm: AlarmConfig = AlarmConfig()
    workers: int | None = Field(
        None, ge=1, le=1024, description="processes that forecast side by side; null for the cores if it is worth it"
    )
    keep: int = Field(5, ge=1, description="number of trained models to retain")

    metrics: str | None = Field(
        None, description="file for the textfile collector of Prometheus, such as forecast.prom"
    )
    on_failure: str | None = Field(
        None,
        description="command that receives the status as JSON on standard input if a run does not end with 0",
    )
    on_drift: str | None = Field(None, description="command that receives the status if the drift alarm is raised")
    timeout: Duration = Field("1m", description="time limit for these commands")
    cluster: Annotated[str, AfterValidator(check_cluster)] | None = Field(
        None, description="Ray cluster that trains networks: auto, or HOST:6379; null for this machine"
    )

    @field_validator("retrain", "challenger", "gate", "alarm", mode="before")
    @classmethod
    def _comments_alone_set_nothing(cls, value: object) -> object:
        return {} if value is None else value

    @field_validator("outputs", mode="before")
    @classmethod
    def _one_is_enough(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value
