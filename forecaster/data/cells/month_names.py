"""Names of months, in English and with the package `babel` in the languages of Europe."""

import re
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec

from forecaster.frequency import MONTHS

_LANGUAGES = (
    *("de", "fr", "es", "it", "nl", "pt", "pl", "cs", "sv", "da", "nb", "fi", "hu", "ro", "el", "tr", "ru", "uk"),
    *("bg", "hr", "sk", "sl", "sr", "et", "lv", "lt", "is", "ca", "eu", "gl", "ga", "mt", "sq", "mk"),
)
_FEWEST_LETTERS = 3
_ENGLISH = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"),
    "december",
)

Names = tuple[frozenset[str], ...]  # the names of each month


def find_month_numbers(words: Iterable[str]) -> dict[str, int]:
    """Return the number of each word that names a month, in the language that knows the most of the words.

    A word may be the beginning of a name, of three letters or more.

    Args:
        words: in any case, without points.
    """
    distinct = {word.lower() for word in words}
    best = _match(distinct, _names_in_english())
    if (
        len(best) == len(distinct)
        or not all(word.rstrip(".").isalpha() for word in distinct)
        or find_spec("babel") is None
    ):
        return best
    for language in _LANGUAGES:
        numbers = _match(distinct, _names_in(language))
        if len(numbers) > len(best):
            best = numbers
        if len(best) == len(distinct):
            break
    return best


def needs_languages(words: Iterable[str]) -> bool:
    """Return True if words may contain names of months that only the missing package `babel` knows."""
    return find_spec("babel") is None and all(re.search(r"[^\W\d_]{3}", word) for word in words)


def _match(words: set[str], names: Names) -> dict[str, int]:
    numbers = {}
    for word in words:
        months = [number for number, each in enumerate(names, start=1) if any(_begins(word, name) for name in each)]
        if len(months) == 1:
            numbers[word] = months[0]
    return numbers


def _begins(word: str, name: str) -> bool:
    """Return True if a word is a name or its beginning; `sept` also stands for `september` where it is no name."""
    return name == word or (len(word) >= _FEWEST_LETTERS and name.startswith(word))


@cache
def _names_in_english() -> Names:
    return tuple(frozenset({full, short.lower()}) for full, short in zip(_ENGLISH, MONTHS, strict=True))


@cache
def _names_in(language: str) -> Names:
    from babel import Locale

    months = Locale(language).months
    forms = [months[use][width] for use in ("format", "stand-alone") for width in ("abbreviated", "wide")]
    return tuple(frozenset(str(form[month]).lower().rstrip(".") for form in forms) for month in range(1, 13))
