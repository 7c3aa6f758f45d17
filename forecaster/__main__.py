"""`python -m forecaster` is `forecast`."""

import sys

from forecaster.cli.app import main

sys.exit(main())
