"""The schemas of metrics.json and quality.json of a bundle, which a stranger may have written."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from forecaster.errors import InputError

# The metrics of a model that every version has written; they may be null, and later versions add more.
METRICS = (
    *("mae", "rmse", "smape", "mase", "nd", "wql"),
    *(f"coverage{level}{suffix}" for level in (50, 80, 90, 95) for suffix in ("", "_error")),
)

Count = Annotated[int, Field(ge=0)]
Time = int | Annotated[str, Field(max_length=100)] | None
Share = Annotated[str, Field(pattern=r"^(0\.\d{1,6}|1\.0|0|1)$")]


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


class _Cutoffs(_Section):
    first: Time
    last: Time


class _Holdout(_Section):
    cutoff: _Cutoffs | None
    horizon: Annotated[int, Field(ge=1)]
    season: Annotated[int, Field(ge=1)]
    series: Count
    unscored: Count
    models: dict[str, dict[str, float | None]]
    reliability: dict[Share, float | None] = {}


class _Metrics(_Section):
    holdout: _Holdout
    skill: float | None
    skill_naive: float | None
    verdict: str


class _Quality(_Section):
    rows: Count
    series: Count
    first: int | str
    last: int | str
    gaps: Count = 0
    missing_values: Count = 0
    duplicates_dropped: Count = 0
    duplicates_merged: Count = 0
    out_of_order: Count = 0
    off_grid: Count = 0
    later_rows: Count = 0
    short: Count = 0
    left_out: dict[str, str] = {}


def check_metrics(values: dict[str, Any], model: str, path: Path) -> None:
    """Check the content of metrics.json.

    Args:
        model: the name of the bundle's model, whose scores must be complete.
        path: the file, as errors name it.

    Raises: InputError: a value is missing, or has the wrong type.
    """
    _check(_Metrics, values, path)
    models = values["holdout"]["models"]
    missing = [name for name in METRICS if name not in models.get(model, {})] if models else []
    if missing:
        raise InputError(f"{path}: lacks holdout.models.{model}.{missing[0]}", hint="train again")


def check_quality(values: dict[str, Any], path: Path) -> None:
    """Check the content of quality.json.

    Args:
        path: the file, as errors name it.

    Raises: InputError: a value is missing, or has the wrong type.
    """
    _check(_Quality, values, path)


def _check(schema: type[BaseModel], values: dict[str, Any], path: Path) -> None:
    try:
        schema.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: {key}: {first['msg']}", hint="train again") from error
