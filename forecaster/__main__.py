"""The process `forecast`; `python -m forecaster` is the same."""

import gc
import sys
from typing import NoReturn

from forecaster.cli import streams
from forecaster.cli.app import main


def run() -> NoReturn:
    """Run the command line and end the process, without a last search through torch's objects for garbage."""
    streams.prepare()
    code = streams.flush_stdout(main())
    gc.disable()
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    run()
