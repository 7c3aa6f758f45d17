"""Commands that start this program anew, and never import a module that lies in the working directory."""

import os
import sys
from pathlib import Path

import forecaster

_SCRIPT = "forecast"
_SAFE_MODULE = ("-P", "-m", "forecaster")  # -P keeps the working directory, such as a job's folder, off the path.
_MAX_SCRIPT_BYTES = 10_000


def installed_program() -> list[str]:
    """Return the words of a command that starts the installed program, for schedules.

    This is the script `forecast` beside the interpreter, or the interpreter itself where there is no such script.
    """
    script = Path(sys.executable).parent / _SCRIPT
    return [str(script)] if _is_own(script) else [sys.executable, *_SAFE_MODULE]


def same_program() -> tuple[list[str], dict[str, str]]:
    """Return the words and the environment of a command that starts the code of this very process again."""
    folders = [str(Path(forecaster.__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")]
    path = os.pathsep.join(folder for folder in folders if folder)
    return [sys.executable, *_SAFE_MODULE], {**os.environ, "PYTHONPATH": path}


def _is_own(script: Path) -> bool:
    """Return True if a file is the script of this package, not another program of the same name."""
    try:
        with script.open("rb") as file:
            return os.access(script, os.X_OK) and b"forecaster.__main__" in file.read(_MAX_SCRIPT_BYTES)
    except OSError:
        return False
