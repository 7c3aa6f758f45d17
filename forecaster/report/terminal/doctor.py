"""The result of `forecast doctor` for the terminal: fits 80 columns, works without colour."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forecaster.report.terminal.layout import Sentence
from forecaster.report.words import plural

_STYLES = {"ok": "green", "note": "yellow", "problem": "bold red"}


def summary(document: Mapping[str, Any]) -> RenderableType:
    """Return a line for each check, with a hint below it if there is one, and the conclusion.

    Args:
        document: `checks`, each with `name`, `state`, `told` and `hint`.
    """
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in document["checks"]:
        text = check["told"] if check["hint"] is None else f"{check['told']}\n-> {check['hint']}"
        table.add_row(Text(check["state"], style=_STYLES[check["state"]]), check["name"], text)
    return Group(table, Text(), Sentence(_conclusion(document), style="bold"))


def _conclusion(document: Mapping[str, Any]) -> str:
    problems = [check["name"] for check in document["checks"] if check["state"] == "problem"]
    if problems:
        return f"Something needed is missing: {', '.join(problems)}."
    notes = sum(check["state"] == "note" for check in document["checks"])
    return "Everything needed is there." + (f" {plural(notes, 'note')} above." if notes else "")
