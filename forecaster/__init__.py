"""Recurrent networks for time series, from the command line and from Python (see `forecaster.api`)."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "backtest", "load", "predict", "train"]

if TYPE_CHECKING:
    from forecaster.api import backtest, load, predict, train


def __getattr__(name: str) -> Any:
    """Return a function of `forecaster.api`, which loads only when it is used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from forecaster import api

    return getattr(api, name)
