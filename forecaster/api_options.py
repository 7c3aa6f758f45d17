"""The options of the functions in `forecaster.api`, with types for editors and type checkers."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

from forecaster.errors import UsageError, did_you_mean

Columns = str | Sequence[str]  # names, or one text with commas


class TableOptions(TypedDict, total=False):
    """The columns of a table and its format; None detects a value, as leaving it out does.

    `minimum` and `maximum` are the limits of forecasts (`--min`, `--max`); the others have the names of their options.
    """

    query: str | None
    query_timeout: float | str | None
    query_rows: int | None
    time: str | None
    target: Columns | None
    id: str | None
    freq: str | None
    season: int | None
    duplicates: Literal["error", "first", "last", "mean", "sum"] | None
    past: Columns | None
    known: Columns | None
    static: Columns | None
    holidays: str | None
    calendar: bool | None
    minimum: float | None
    maximum: float | None
    integer: bool | None
    sheet: str | None
    delimiter: str | None
    encoding: str | None
    skip_rows: int | None
    header: int | None
    decimal: Literal[".", ","] | Mapping[str, Literal[".", ","]] | None
    na: Columns | None
    date_format: str | None
    day_first: bool | None
    zone: str | None


class ModelOptions(TableOptions, total=False):
    """The options on the table and on the training of a model.

    `config` is a YAML file. `cluster` is the address of a Ray cluster; None for the one in `FORECAST_CLUSTER`, if it is
    set. `settings` has any other setting by its key, such as `{"training.steps": 500}`.
    """

    memory: int | str | None
    preset: Literal["fast", "default", "best"] | None
    bidirectional: bool | None
    budget: float | str | None
    seed: int | None
    threads: int | None
    device: Literal["auto", "cpu", "cuda"] | None
    config: str | Path | None
    cluster: str | None
    settings: Mapping[str, Any]


class TrainOptions(ModelOptions, total=False):
    """The options of `train`. With `no_refit`, the evaluated network is not trained again on all data."""

    no_refit: bool


class BacktestOptions(ModelOptions, total=False):
    """The options of `backtest`. The model is fitted again every `refit` folds, and sees `window` steps."""

    stride: int | None
    refit: int | None
    window: int | None


_FORMAT = ("sheet", "delimiter", "encoding", "skip_rows", "header", "decimal", "na", "date_format", "day_first", "zone")
_KEYS = {
    **{name: f"data.{name}" for name in TableOptions.__annotations__},
    **{name: f"data.format.{name}" for name in _FORMAT},
    "memory": "data.memory",
    "preset": "preset",
    "bidirectional": "model.bidirectional",
    **{name: f"training.{name}" for name in ("budget", "seed", "threads", "device")},
    **{name: f"evaluation.{name}" for name in ("stride", "refit", "window")},
}


def to_keys(options: Mapping[str, Any], accepted: type, function: Callable[..., Any]) -> dict[str, Any]:
    """Return options by key of the config: `{"seed": 1}` as `{"training.seed": 1}`, and `settings` by their keys.

    A name with `__` stands for a key with dots, as in environment variables.

    Args:
        options: as the user passed them to the function.
        accepted: the typed dictionary with the names of the function's options.

    Raises: UsageError: an option is unknown; suggests the most similar one.
    """
    names = frozenset(accepted.__annotations__)
    keys: dict[str, Any] = dict(options.get("settings") or {}) if "settings" in names else {}
    for name, value in options.items():
        if name not in names and not ("__" in name and "settings" in names):
            others = [*names, *inspect.signature(function).parameters]
            raise UsageError(
                f"{function.__name__}: unknown option {name!r}{did_you_mean(name, others)}",
                hint=f"pass one of {', '.join(sorted(names))}",
            )
        if name == "no_refit":
            keys["training.refit"] = not value
        elif value is not None and name not in ("settings", "config", "cluster"):
            keys[_KEYS.get(name) or name.replace("__", ".")] = value
    return keys
