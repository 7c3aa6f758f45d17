"""`forecast doctor`."""

import sys
from dataclasses import asdict

import typer

from forecaster.cli import options

_MISSING = 69  # of errors.DependencyError


@options.expand
def doctor(*, console: options.Output) -> None:
    """Look whether this machine has what it takes, and say what to type where it has not.

    Packages, processor, memory, disk, and a small network that is trained twice. Exit code 69 if something needed is
    missing.
    """
    from forecaster.report.terminal.doctor import summary
    from forecaster.workflows.doctor import examine

    with console.working():
        checks = examine(encoding=sys.stdout.encoding, tell=lambda check: console.detail(f"{check.name}: {check.told}"))
    is_fit = all(check.state != "problem" for check in checks)
    document = {"is_fit": is_fit, "checks": [asdict(check) for check in checks]}
    console.show(document, summary(document))
    if not is_fit:
        raise typer.Exit(_MISSING)
