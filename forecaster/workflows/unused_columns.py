"""Columns of a table that could be covariates, but are not used: a note that says how to use them."""

import shlex

import numpy as np

from forecaster.data.load import LoadedData, load
from forecaster.errors import ForecastError
from forecaster.evaluation.covariate_gain import measure_gain
from forecaster.panel import Panel
from forecaster.report.words import share
from forecaster.workflows.source import Source

_REASONS = ("not a target", "true or false")
_MAX_ROWS_MEASURED = 200_000
_MAX_COLUMNS_MEASURED = 20
_MIN_GAIN = 0.02


def describe_unused(source: Source, loaded: LoadedData) -> str | None:
    """Describe the numeric columns that are not used, and what they may be worth as covariates.

    Returns: None if there are none.
    """
    names = [name for name, reason in loaded.quality["left_out"].items() if reason in _REASONS]
    if not names or loaded.config.time in (None, "none"):
        return None
    panel = _load_as_known(source, loaded, names)
    static = _find_static(panel, names) if panel is not None and loaded.shape == "long" else []
    moving = [name for name in names if name not in static]
    advice = []
    if moving:
        option = shlex.quote(",".join(moving))
        advice.append(f"if you know them ahead, add --known {option}, otherwise --past {option}")
    if static:
        advice.append(f"--static {shlex.quote(','.join(static))} describes the series")
    text = f"not used: {', '.join(names)} (numbers); {'; '.join(advice)}"
    gain = measure_gain(panel) if panel is not None and moving else float("nan")
    if np.isnan(gain):
        return text
    if gain < _MIN_GAIN:
        return f"{text}; a straight line in them does not improve on seasonal naive, but a network may"
    return f"{text}; a straight line in them makes seasonal naive {share(gain)} better on the last 15 %"


def _load_as_known(source: Source, loaded: LoadedData, names: list[str]) -> Panel | None:
    """Load the table again with the columns as known covariates; None if it is large or cannot be read twice."""
    is_large = loaded.rows > _MAX_ROWS_MEASURED or len(names) > _MAX_COLUMNS_MEASURED
    if is_large or source.text == "-" or source.is_database or source.is_object:
        return None
    config = loaded.config.model_copy(update={"known": tuple(names), "past": (), "static": (), "categories": None})
    try:
        return load(source.read(config), config).panel
    except ForecastError:  # The columns cannot be covariates as they are; naming them will say why.
        return None


def _find_static(panel: Panel, names: list[str]) -> list[str]:
    """Return the names of the columns with one value for each series."""
    columns = panel.columns_as("known")
    if len(columns) != len(names):
        return []
    parts = [panel.values[begin:end, columns] for begin, end in zip(panel.begin, panel.end, strict=True)]
    is_constant = np.all([np.fmin.reduce(part) == np.fmax.reduce(part) for part in parts], axis=0)
    return [name for name, constant in zip(names, is_constant, strict=True) if constant]
