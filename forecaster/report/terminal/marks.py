"""The marks of a terminal that may be limited to ASCII."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from forecaster.report.words import bind_units


@dataclass(frozen=True)
class Sentence:
    """A sentence with `±`, which a terminal of ASCII shows as `+-`; no line breaks between a number and its `%`."""

    text: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self.text.replace("±", "+-") if options.ascii_only else bind_units(self.text))
