"""The section `job` of a configuration: what `forecast run` reads, keeps, publishes, and when it refuses to."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from forecaster.config.section import Section
from forecaster.durations import parse_duration


def _check(duration: str) -> str:
    parse_duration(duration)
    return duration


Duration = Annotated[str, BeforeValidator(str), AfterValidator(_check)]
Share = Annotated[float, Field(ge=0, le=1)]


class RetrainConfig(Section):
    """When the model is trained again; any one of these is enough."""

    max_age: Duration | None = Field("7d", description="time since it was last trained, or its training was tried")
    new_rows: int | None = Field(None, ge=1, description="values that are new since then")
    skill_below: float | None = Field(None, lt=1, description="skill of recent forecasts against seasonal naive")
    drift: bool = Field(False, description="errors of recent forecasts left what the holdout promised")


class ChallengerConfig(Section):
    """What a newly trained model has to show before it replaces the old one."""

    folds: int = Field(5, ge=1, description="recent cutoffs, a horizon apart, that a new model is tried on")
    margin: float = Field(0.0, ge=0, lt=1, description="share by which its MASE has to be lower")


class GateConfig(Section):
    """What has to hold before anything is published; null asks nothing."""

    skill: float | None = Field(
        0.0, lt=1, description="least skill against seasonal naive, but for what may be chance; null for any"
    )
    coverage: tuple[Share, Share] | None = Field(
        None, description="least and most share of values inside the 80 % interval"
    )

    @field_validator("coverage")
    @classmethod
    def _in_order(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] > value[1]:
            raise ValueError("the first must not be above the second")
        return value


class AlarmConfig(Section):
    """When errors count as worse than the model's holdout promised."""

    delta: float = Field(
        0.25, ge=0, description="rise of the error over what the holdout promised that is still allowed"
    )
    threshold: float = Field(8.0, gt=0, description="sum of errors above that, in promised errors, that is an alarm")


class JobConfig(Section):
    """One job: where its files lie, and its policies. Paths are relative to the job's file."""

    version: Literal[1] = Field(1, description="of the layout of this section")
    name: str | None = Field(None, min_length=1, description="in the ledger; null for the name of this file")
    bundles: str | None = Field(None, description="a folder of its own for trained models; null for <job>.bundles")
    outputs: tuple[str, ...] = Field(
        ("forecasts.csv",), min_length=1, description=".csv or .parquet files, or SQL URLs with ?table=NAME"
    )
    levels: tuple[float, ...] = Field((), description="intervals beside the nine deciles, in per cent, such as 95")
    ledger: str | None = Field(None, description="SQL URL or file; null for <job>.ledger.db")

    max_age: Duration | None = Field(
        None, description="most time since the end of the newest value's step; older data is refused, older series too"
    )
    min_rows: int = Field(2, ge=2, description="fewest rows that the data must have")
    flat: int | None = Field(None, ge=2, description="equal last values that make a series suspicious")
    drop: float | None = Field(
        0.5, ge=0, lt=1, description="share of rows or of series that may be gone since the last run"
    )
    partial: Literal["drop", "keep"] = Field("drop", description="what to do with a last step that is not over yet")
    zone: str | None = Field(None, description="time zone of data that names none; null for the machine's")

    recent: int = Field(30, ge=1, description="last steps whose forecasts tell of skill")
    retrain: RetrainConfig = RetrainConfig()
    update: bool = Field(
        False,
        description="between trainings, let a network learn on from each horizon of new steps, if that is better",
    )
    challenger: ChallengerConfig = ChallengerConfig()
    gate: GateConfig = GateConfig()
    recalibrate: bool = Field(False, description="let the widths of intervals follow what came true, run by run")
    alarm: AlarmConfig = AlarmConfig()
    keep: int = Field(5, ge=1, description="trained models that are kept")

    on_failure: str | None = Field(
        None,
        description="command that gets the status, JSON, on standard input where a run ends with another code than 0",
    )
    on_drift: str | None = Field(None, description="command that gets it where errors left what the holdout promised")
    timeout: Duration = Field("1m", description="time that such a command may take")

    @field_validator("retrain", "challenger", "gate", "alarm", mode="before")
    @classmethod
    def _comments_alone_set_nothing(cls, value: object) -> object:
        return {} if value is None else value

    @field_validator("zone")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise ValueError("no such time zone; write it as Europe/Paris or UTC") from error
        return value

    @field_validator("outputs", mode="before")
    @classmethod
    def _one_is_enough(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value
