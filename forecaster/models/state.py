"""The named arrays of fitted states, grouped by prefixes of their names."""

import json

import numpy as np
import numpy.typing as npt

_MAX_SIZE = 100_000_000
_NAMES = ("network.", "dimensions.", "best_step", "series", "history", "length")

Arrays = dict[str, npt.NDArray[np.generic]]


def add_prefix(prefix: str, arrays: Arrays) -> Arrays:
    """Return the arrays with a prefix before each name."""
    return {prefix + name: value for name, value in arrays.items()}


def select_prefix(prefix: str, arrays: Arrays) -> Arrays:
    """Return the arrays whose names have a prefix, by their names without it."""
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def read_sizes(state: Arrays, *, horizon: int) -> dict[str, int]:
    """Return the sizes of a network that the training data determined, by name.

    Args:
        horizon: the horizon of the config.

    Raises: ValueError: a size is missing or impossible, or the horizon is another one.
    """
    unknown = [name for name in state if not name.startswith(_NAMES)]
    if unknown:
        raise ValueError(f"{unknown[0]} is no array of a network")
    sizes = {}
    for name, array in select_prefix("dimensions.", state).items():
        if array.shape != (1,) or array.dtype.kind not in "iu" or not 0 <= int(array[0]) <= _MAX_SIZE:
            raise ValueError(f"dimensions.{name} is not a size")
        sizes[name] = int(array[0])
    if sizes.get("horizon") != horizon or not sizes.get("season") or "series" not in sizes:
        raise ValueError("the sizes of the network do not fit the config")
    return sizes


def read_series(state: Arrays) -> list[str]:
    """Return the names of the trained series; empty if the forecasts do not depend on them.

    Raises: ValueError: the state contains something else.
    """
    if "series" not in state:
        return []
    names = json.loads(state["series"].tobytes())
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("series is not a list of names")
    return names
