"""What was found of the machine, for the terminal: a line a check, and what to type where something is amiss."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

_STYLES = {"ok": "green", "note": "yellow", "problem": "bold red"}


def summary(document: Mapping[str, Any]) -> RenderableType:
    """Every check with its state; then what it comes to."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in document["checks"]:
        told = each["told"] if each["hint"] is None else f"{each['told']}\n-> {each['hint']}"
        table.add_row(Text(each["state"], style=_STYLES[each["state"]]), each["name"], told)
    return Group(table, Text(), Text(_sentence(document), style="bold"))


def _sentence(document: Mapping[str, Any]) -> str:
    problems = [each["name"] for each in document["checks"] if each["state"] == "problem"]
    if problems:
        return f"Something needed is missing: {', '.join(problems)}."
    notes = sum(each["state"] == "note" for each in document["checks"])
    return "Everything needed is there." + (f" Notes: {notes}." if notes else "")
