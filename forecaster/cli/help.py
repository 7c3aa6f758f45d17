"""The text of `--help`: options in one column, and beside them what they do, their limits and their defaults.

Typer's own text has a column for each spelling and type of an option. At 80 columns that leaves a third of the width
for sentences, breaks lists of choices within words, and shows limits as `<int range> [0<=x<=9223372036854775807]`.
"""

import textwrap
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from forecaster.model_table import MODELS

_MAX_NAME_WIDTH = 26  # Longer names are on a line of their own, above their sentences.
_MAX_LINE_WIDTH = 120
_MIN_TEXT_WIDTH = 20
_LARGEST_LIMIT_SHOWN = 1_000_000  # Nobody passes more by mistake; the error for it names the limit.
_METAVARS = {"int": "N", "int range": "N", "float": "NUMBER", "str": "TEXT", "path": "PATH"}
_KINDS = {"cell": "cells", "recipe": "recipes", "baseline": "baselines", "statistical": "statistical models"}
NO_COLOR = "no colour"  # The object of a context in which the help has no colour.
_Rows = list[tuple[str, str, str]]  # names, texts, and notes in brackets
_Panels = list[tuple[str, _Rows]]  # titles, each with its rows

_NAME_STYLE, _TITLE_STYLE, _EXTRA_STYLE = "cyan", "bold", "dim"


class HelpCommand(TyperCommand):
    """A command with this module's help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help of the command."""
        _print_help(self, ctx)


class HelpGroup(TyperGroup):
    """A group of commands with this module's help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help of the group."""
        _print_help(self, ctx)


def list_models(names: Iterable[str]) -> str:
    """Return the names of models as a phrase that groups them by kind: `cells gru, lstm; recipes segrnn, deepar`."""
    wanted_names = frozenset(names)
    groups: dict[str, list[str]] = {}
    for model in MODELS:
        if model.name in wanted_names:
            groups.setdefault(_KINDS.get(model.kind, ""), []).append(model.name)
    others = groups.pop("", [])
    return "; ".join([*(f"{title} {', '.join(members)}" for title, members in groups.items()), *others])


def describe_range(minimum: float | None, maximum: float | None) -> str:
    """Return the limits of a number in words: `at least 1`, `1 to 10`; empty without limits."""
    if maximum is not None and maximum > _LARGEST_LIMIT_SHOWN:
        maximum = None
    if minimum is None:
        return "" if maximum is None else f"at most {maximum:,}"
    return f"at least {minimum:,}" if maximum is None else f"{minimum:,} to {maximum:,}"


def _print_help(command: TyperCommand | TyperGroup, ctx: typer.Context) -> None:
    is_plain = True if ctx.find_root().obj == NO_COLOR else None  # With None, rich asks the terminal.
    console = Console(highlight=False, markup=False, emoji=False, no_color=is_plain)
    arguments = [each for each in command.get_params(ctx) if isinstance(each, TyperArgument)]
    words = [_name_argument(each) if each.required else f"[{_name_argument(each)}]" for each in arguments]
    if isinstance(command, TyperGroup):
        words = ["COMMAND", "[ARGUMENTS]"]
    width = min(console.width, _MAX_LINE_WIDTH)
    console.print(Text(" ".join(["Usage:", ctx.command_path, "[OPTIONS]", *words]), style=_TITLE_STYLE))
    for paragraph in (command.help or "").split("\n\n"):
        console.print(Text("\n" + textwrap.fill(" ".join(paragraph.split()), width, break_on_hyphens=False)))
    panels = [
        *_option_panels(command, ctx),
        *(_command_panels(command, ctx) if isinstance(command, TyperGroup) else ()),
    ]
    name_width = max((len(name) for _, rows in panels for name, *_ in rows if len(name) <= _MAX_NAME_WIDTH), default=0)
    for title, rows in panels:
        console.print(Text(f"\n{title}", style=_TITLE_STYLE))
        for name, text, note in rows:
            _print_row(console, name, text, note, name_width)
    if command.epilog:
        console.print(Text("\n" + textwrap.fill(command.epilog, width, break_on_hyphens=False)))


def _print_row(console: Console, name: str, text: str, note: str, width: int) -> None:
    """Print a name and its text side by side, or below each other if the name is longer than `width`.

    A note in brackets follows on the same line where it fits, and otherwise on the next one.
    """
    available = max(min(console.width, _MAX_LINE_WIDTH) - width - 4, _MIN_TEXT_WIDTH)
    lines = textwrap.wrap(text, available, break_on_hyphens=False)
    notes = textwrap.wrap(f"[{note}]", available, break_on_hyphens=False) if note else []
    if notes and lines and len(lines[-1]) + 1 + len(notes[0]) <= available:
        lines[-1] += f" {notes.pop(0)}"
    body = Text("\n".join([*lines, *notes]))
    if note:
        body.stylize(_EXTRA_STYLE, body.plain.rindex(f"[{note.split()[0]}"))
    rows = body.split()
    label = Text(f"  {name}", style=_NAME_STYLE)
    if len(name) <= width and rows:
        label.pad_right(width - len(name) + 2)
        label.append_text(rows.pop(0))
    console.print(label)
    for row in rows:
        console.print(Text(" " * (width + 4)).append_text(row))


def _option_panels(command: TyperCommand | TyperGroup, ctx: typer.Context) -> _Panels:
    """Return arguments and options with their texts, by the panel that each of them names."""
    panels: dict[str, _Rows] = {"Arguments": [], "Options": []}
    for each in command.get_params(ctx):
        if isinstance(each, TyperArgument):
            panels["Arguments"].append((_name_argument(each), each.help or "", _note(each, ctx)))
        elif isinstance(each, TyperOption) and not each.hidden:
            row = (_spell(each, ctx), each.help or "", _note(each, ctx))
            panels.setdefault(each.rich_help_panel or "Options", []).append(row)
    return [(title, rows) for title, rows in panels.items() if rows]


def _command_panels(group: TyperGroup, ctx: typer.Context) -> _Panels:
    """Return the commands of a group with the first paragraphs of their help."""
    panels: dict[str, _Rows] = {}
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if command is not None:
            panel = getattr(command, "rich_help_panel", None) or "Commands"
            summary = " ".join((command.help or "").partition("\n\n")[0].split())
            panels.setdefault(panel, []).append((name, summary, ""))
    return list(panels.items())


def _name_argument(argument: TyperArgument) -> str:
    return argument.display_name_raw + ("" if argument.nargs == 1 else " ...")


def _spell(option: TyperOption, ctx: typer.Context) -> str:
    """Return the spellings of an option and the name of its value: `-o, --out FILE`."""
    spellings = ", ".join([*sorted(option.opts, key=len), *option.secondary_opts])
    if option.is_flag or option.count:
        return spellings
    label = option.metavar or option.display_type(ctx).strip("<>")
    return f"{spellings} {_METAVARS.get(label, label)}"


def _note(parameter: TyperOption | TyperArgument, ctx: typer.Context) -> str:
    """Return the limits and the default of a parameter; empty if it has none."""
    notes = [describe_range(parameter.min, parameter.max)]
    if isinstance(parameter.show_default, str):
        notes.append(f"default: {parameter.show_default}")
    elif parameter.show_default and not getattr(parameter, "is_flag", False):
        default = parameter.get_default(ctx, call=False)
        notes.append("" if default is None else f"default: {default}")
    return "; ".join(filter(None, notes))
