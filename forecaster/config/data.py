"""The section `data`: the table and the roles of its columns."""

import math
from typing import Literal

from pydantic import ByteSize, Field, ValidationInfo, field_validator

from forecaster.config.section import Section
from forecaster.config.table_format import DETECTED, TableFormat
from forecaster.durations import parse_duration

Duplicates = Literal["error", "first", "last", "mean", "sum"]


class DataConfig(Section):
    """The table, and the roles of its columns."""

    path: str | None = Field(None, description="file, folder or glob; `-` for standard input; or a SQL URL")
    query: str | None = Field(None, description="SQL query that returns the table, if the path is a SQL URL")
    query_timeout: float = Field(
        600, gt=0, le=86_400 * 28, description="time limit for the query, in seconds or as 30s, 10m, 1h"
    )
    query_rows: int = Field(10_000_000, ge=1, description="largest number of rows that the query may return")
    time: str | None = Field(None, description="column of timestamps; `none` if the table has none")
    target: tuple[str, ...] | None = Field(None, description="columns to forecast")
    id: str | None = Field(None, description="column that names the series of a long table")
    freq: str | None = Field(None, description="pandas alias (D, h, 15min, W, MS, QE), `B`, `trading` or `integer`")
    season: int | None = Field(None, ge=1, le=1_000_000, description="steps in a season, 1 for none")
    horizon: int | None = Field(None, ge=1, le=100_000, description="steps to forecast")
    duplicates: Duplicates = Field("error", description="how to merge rows that differ for one timestamp")
    past: tuple[str, ...] = Field((), description="covariates known only up to the present")
    known: tuple[str, ...] = Field((), description="covariates whose future values are known")
    static: tuple[str, ...] = Field((), description="covariates with one value for each series")
    categories: dict[str, tuple[str, ...]] | None = Field(None, description="categories of each text column")
    calendar: bool | None = Field(None, description="add calendar features: hour, weekday, time of the year")
    holidays: str | None = Field(
        None, description="country or region whose public holidays matter, such as DE or DE-BY"
    )
    minimum: float | None = Field(None, description="lower limit of forecasts")
    maximum: float | None = Field(None, description="upper limit of forecasts")
    integer: bool = Field(False, description="round forecasts to whole numbers")
    format: TableFormat = Field(DETECTED, description="how a table of text is read")
    memory: ByteSize | None = Field(None, description="memory limit for long Parquet files, such as 4GB; null for none")

    @property
    def resolved_horizon(self) -> int:
        """The number of steps to forecast, once the data has settled it.

        Raises: ValueError: the config is not resolved yet.
        """
        if self.horizon is None:
            raise ValueError("data.horizon is not resolved yet")
        return self.horizon

    @field_validator("query_timeout", mode="before")
    @classmethod
    def _durations(cls, value: object) -> object:
        return parse_duration(value) if isinstance(value, str) and value[-1:].isalpha() else value

    @field_validator("target", "past", "known", "static", mode="before")
    @classmethod
    def _names_with_commas(cls, value: object) -> object:
        return [name.strip() for name in value.split(",")] if isinstance(value, str) else value

    @field_validator("maximum")
    @classmethod
    def _leaves_room_above_the_minimum(cls, value: float | None, info: ValidationInfo) -> float | None:
        minimum = info.data.get("minimum")
        if value is not None and minimum is not None and value < minimum:
            raise ValueError(f"must not be below data.minimum {minimum:g}")
        return value

    @field_validator("integer")
    @classmethod
    def _has_a_whole_number_within_the_bounds(cls, value: bool, info: ValidationInfo) -> bool:
        low, high = info.data.get("minimum"), info.data.get("maximum")
        if value and low is not None and high is not None and math.ceil(low) > math.floor(high):
            raise ValueError(f"there is no whole number from data.minimum {low:g} to data.maximum {high:g}")
        return value

    @field_validator("format", mode="before")
    @classmethod
    def _none_is_detected(cls, value: object) -> object:
        return DETECTED if value is None else value

    @field_validator("past", "known", "static", mode="before")
    @classmethod
    def _none_is_empty(cls, value: object) -> object:
        return () if value is None else value
