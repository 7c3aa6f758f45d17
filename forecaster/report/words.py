"""Numbers, shares, times and paths as sentences and tables show them. Loads nothing heavy."""

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecaster.evaluation.metric_table import Metric

SCALE_IN_WORDS = "in units of the usual change of a series from season to season"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: `1 step`, `12 steps`, `3 series`."""
    return f"{count:,} {noun}{'s' * (count != 1 and not noun.endswith('series'))}"


def number(value: float | None) -> str:
    """Return four significant digits, or all digits before the point; `-` for None.

    An exponent appears only where a plain number would be unreadable: below 0.0001 and from ten trillion.
    """
    if value is None:
        return "-"
    value = float(value)
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -4 or magnitude > 12:
        return f"{value:.3g}"
    return f"{value:,.{max(0, 3 - magnitude)}f}"


def signed(value: float) -> str:
    """Return a summand with its sign: `+12.50`, `-3.000`."""
    return ("+" if value >= 0 else "") + number(value)


def share(value: float | None) -> str:
    """Return a share in whole per cent, with one decimal close to 0 % and to 100 %; `-` for None."""
    if value is None:
        return "-"
    percent = 100 * value
    is_edge = 0 < abs(percent) < 1 or 99 < percent < 100
    return f"{percent:.1f} %" if is_edge else f"{percent:.0f} %"


def metric_cell(metric: "Metric", value: float | None) -> str:
    """Return a metric as a table shows it: a share in per cent, any other metric as a number."""
    return share(value) if metric.is_share else number(value)


def file_size(count: int) -> str:
    """Return a number of bytes as `12 kB` or `3.4 MB`."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.0f} kB"


def timestamp(stamp: Any) -> str:
    """Return a time as people write it, `2024-03-31 02:00`, with its offset if it has one."""
    return re.sub(r"T(\d\d:\d\d)(:00)?(?=$|[+-]|Z)", r" \1", str(stamp))


_BOUND_SPACES = re.compile(r"(?<=\d) (?=%)|(?<=±) (?=\d)|(?<=\bp) (?=[<=] )|(?<=p [<=]) (?=\d)|(?<=--folds) (?=\d)")


def bind_units(text: str) -> str:
    """Return the text with numbers bound to their `%`, `±`, `p =` or option, so that no line breaks between them."""
    return _BOUND_SPACES.sub("\N{NO-BREAK SPACE}", text)


def clip(name: str, width: int) -> str:
    """Return a name, its end replaced by `...` if it has more than `width` characters."""
    return name if len(name) <= width else f"{name[: width - 3]}..."


def short_path(path: str | os.PathLike[str], width: int | None = 48) -> str:
    """Return a path for people to read: relative to the current folder if it is below it, and shortened in the middle.

    Programs and commands that the user copies need the whole path instead.

    Args:
        path: a path or another source of data, such as a URL.
        width: longest result in characters; None shortens nothing.
    """
    text = os.fspath(path)
    if Path(text).is_absolute() and Path(text).is_relative_to(Path.cwd()):
        text = str(Path(text).relative_to(Path.cwd()))
    if width is None or len(text) <= width:
        return text
    tail = (width - 3) * 2 // 3  # the end says more than the beginning
    return f"{text[: width - 3 - tail]}...{text[-tail:]}"
