"""Control characters of text from files, written so that a terminal shows them instead of obeying them."""

import re
from collections.abc import Iterable

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment

# C0 without line feed and tab, DEL and C1, line separators, the marks that change the direction of text, and the
# halves of surrogate pairs, which no encoding can write.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def escape_controls(text: str) -> str:
    r"""Return the text with each control character as its escape sequence in Python: `\x1b`, `\u202e`."""
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)


def escape_controls_in_json(text: str) -> str:
    r"""Return a JSON document with each control character of its strings as `\u009b`, which reads the same."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class SafeConsole(RichConsole):
    """A console that escapes the control characters of whatever it renders; rich's own sequences stay."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of a renderable, their text escaped."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else escape_controls(text), style, control)
