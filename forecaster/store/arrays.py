"""Named arrays as safetensors, which a stranger may have written."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load, save

from forecaster.errors import InputError

Arrays = dict[str, npt.NDArray[np.generic]]

_MAX_ARRAYS = 100_000
_KINDS = "fiub"  # The kinds of numbers that numpy has itself, unlike bfloat16.


def dump_arrays(arrays: Arrays) -> bytes:
    """Return arrays as safetensors."""
    return save({name: np.asarray(value, order="C") for name, value in arrays.items()})


def parse_arrays(content: bytes, path: Path, *, hint: str) -> Arrays:
    """Parse safetensors.

    Args:
        path: the file, as errors name it.
        hint: for the error.

    Raises: InputError: it is no such file, or it contains anything but numbers.
    """
    try:
        arrays = dict(load(content))
    except Exception as error:  # safetensors raises errors of many classes
        raise InputError(f"{path}: cannot be read: {error}", hint=hint) from error
    if len(arrays) > _MAX_ARRAYS:
        raise InputError(f"{path}: contains {len(arrays):,} arrays", hint=hint)
    for name, array in arrays.items():
        if array.dtype.kind not in _KINDS:
            raise InputError(f"{path}: {name!r} contains values of type {array.dtype}", hint=hint)
    return arrays
