"""`forecast doctor`."""

import typer

from forecaster.cli import options, streams

_EXIT_CODE = 69  # A required package or service is missing, as for errors.DependencyError.


@options.expand
def doctor(*, console: options.Output) -> None:
    """Check this machine, and print how to fix what is missing.

    Checks packages, processor, memory and disk, and trains a small network twice. Exit code 69 if something required is
    missing.
    """
    from forecaster.report.terminal.doctor import summary
    from forecaster.workflows.doctor import examine

    with console.working():
        checks = examine(
            encoding=streams.stdout_encoding(), on_check=lambda check: console.detail(f"{check.name}: {check.text}")
        )
    is_fit = all(check.state != "problem" for check in checks)
    document = {"is_fit": is_fit, "checks": [check.to_dict() for check in checks]}
    console.show(document, summary(document))
    if not is_fit:
        raise typer.Exit(_EXIT_CODE)
    console.note("next: forecast train data.csv")
