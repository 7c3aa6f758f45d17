"""No command needs a package that it does not use."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from forecaster.workflows.packages import EXTRAS
from tests.cli.conftest import Forecast

IMPORTS = {"python-calamine": "python_calamine"}
DRAWING = ("plotly", "jinja2", "matplotlib")
COMMANDS = (
    "train sales.csv --model drift -o new",
    "predict sales.csv --bundle b -o f.csv",
    "backtest sales.csv --model drift -o folds",
    "compare sales.csv --models drift -o board",
    "report b",
    "inspect sales.csv",
    "init sales.csv -o -",
    "show b",
    "doctor",
)
SCRIPT = """\
import sys
sys.modules[sys.argv[1]] = None
from forecaster.cli.app import main
codes = {command: main([*command.split(), "-q"]) for command in sys.argv[2:]}
sys.exit(str({command: code for command, code in codes.items() if code}) if any(codes.values()) else 0)
"""


@pytest.mark.slow
@pytest.mark.parametrize("package", EXTRAS)
def test_every_command_runs_without_a_package_that_it_does_not_use(
    forecast: Forecast, sales: Path, package: str
) -> None:
    assert forecast("train", sales, "--model", "drift", "-o", "b").code == 0
    can_draw = all(find_spec(name) for name in DRAWING[:2]) and package not in DRAWING
    commands = [command for command in COMMANDS if can_draw or command != "report b"]
    module = IMPORTS.get(package, package)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, module, *commands], cwd=sales.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-800:]
