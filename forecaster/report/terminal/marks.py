"""The marks of a terminal that may not show more than ASCII."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text


@dataclass(frozen=True)
class Sentence:
    """A line of text with marks beyond ASCII, which a plain terminal shows as `+-` and the like."""

    text: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self.text.replace("±", "+-") if options.ascii_only else self.text)
