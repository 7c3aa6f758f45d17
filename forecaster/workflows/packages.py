"""The required and the optional packages; a test compares them with pyproject.toml."""

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

REQUIRED = {
    "torch": "2.4",
    "pandas": "2.2.3",
    "typer": "0.29",
    "rich": "15",
    "pyyaml": "6.0.1",
    "pydantic": "2.10",
    "safetensors": "0.5",
    "pyarrow": "18",
    "filelock": "4",
    "scipy": "1.13",
}


@dataclass(frozen=True)
class Extra:
    """An optional package.

    Attributes:
        minimum: the oldest version that works.
        purpose: the features that need the package.
        requirement: the argument of `pip install`.
    """

    minimum: str
    purpose: str
    requirement: str


EXTRAS = {
    "statsforecast": Extra("2.0", "--model auto_ets, auto_theta, auto_arima, croston, tsb", "statsforecast"),
    "optuna": Extra("4", "forecast tune", "optuna"),
    "onnx": Extra("1.15", "predict without torch", "onnx"),
    "onnxruntime": Extra("1.17", "predict without torch", "onnxruntime"),
    "sqlalchemy": Extra("2", "ledgers, and data from a SQL database", "sqlalchemy"),
    "psycopg": Extra("3.1", "PostgreSQL", "'psycopg[binary]'"),
    "holidays": Extra("0.50", "--holidays", "holidays"),
    "babel": Extra("2.12", "names of months in other languages than English", "babel"),
    "python-calamine": Extra("0.4", "workbooks of Excel and LibreOffice", "python-calamine"),
    "openpyxl": Extra("3.1", "predict --out forecasts.xlsx", "openpyxl"),
    "plotly": Extra("6", "forecast report", "plotly"),
    "jinja2": Extra("3.1", "forecast report", "jinja2"),
    "ray": Extra("2.60", "--cluster", "ray"),
    "matplotlib": Extra("3.8", "figures, .png and .svg", "matplotlib"),
}


def installed_version(name: str) -> str | None:
    """Return the version of a package; None if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def is_older(version: str, minimum: str) -> bool:
    """Return True if a version is older than the minimum, as far as the minimum has numbers."""
    numbers = [tuple(map(int, re.findall(r"\d+", text.partition("+")[0])[:3])) for text in (version, minimum)]
    return numbers[0][: len(numbers[1])] < numbers[1]
