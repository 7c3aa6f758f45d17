"""The named arrays of fitted states, grouped by prefixes of their names."""

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[np.generic]]


def add_prefix(prefix: str, arrays: Arrays) -> Arrays:
    """Return the arrays with a prefix before each name."""
    return {prefix + name: value for name, value in arrays.items()}


def select_prefix(prefix: str, arrays: Arrays) -> Arrays:
    """Return the arrays whose names have a prefix, by their names without it."""
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
