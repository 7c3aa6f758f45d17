"""The command that a result suggests as the next step."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

_FLAGS = {"minimum": "--min", "maximum": "--max", "kind": "--model"}


def compose_command(words: Sequence[str], options: Mapping[str, Any], settings: Sequence[str] | None) -> str:
    """Return a command that passes options on, quoted for the shell.

    Args:
        words: the command and its arguments, such as `forecast train sales.csv`.
        options: values by name of the option or key of the config, such as `data.target`; None if it was not passed.
        settings: the values of `--set`.
    """
    command = list(words)
    for key, value in options.items():
        name = key.rpartition(".")[2]
        if isinstance(value, bool):
            command.append(f"--{'' if value else 'no-'}{name.replace('_', '-')}")
        elif value is not None:
            command += [_FLAGS.get(name, f"--{name.replace('_', '-')}"), _text(value)]
    return shlex.join([*command, *(word for each in settings or () for word in ("--set", each))])


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
