"""Durations, sizes and levels as people write them, parsed into numbers."""

from forecaster.durations import parse_duration
from forecaster.errors import UsageError


def parse_time_limit(option: str, text: str | None) -> float | None:
    """Return the seconds of `90`, `90s`, `30m` or `2h`; None for None.

    Raises: UsageError: the text is no duration above 0.
    """
    if text is None:
        return None
    try:
        seconds = parse_duration(f"{text}s" if text[-1:].isdigit() else text)
    except ValueError:
        seconds = 0.0
    if not seconds:
        raise UsageError(f"{option} {text} is no duration", hint=f"write it as {option} 30s, 5m or 1h")
    return seconds


def parse_size(option: str, text: str | None) -> int | None:
    """Return the bytes of `500MB`, `4GB` or `4GiB`; None for None.

    Raises: UsageError: the text is no size, or has no unit.
    """
    if text is None:
        return None
    from pydantic import ByteSize, TypeAdapter, ValidationError

    hint = f"write it as {option} 500MB or 4GB"
    if text.strip().isdigit():  # Nobody means a limit of so few bytes.
        raise UsageError(f"{option} {text} has no unit", hint=hint)
    try:
        return TypeAdapter(ByteSize).validate_python(text)
    except ValidationError as error:
        raise UsageError(f"{option} {text} is no size", hint=hint) from error


def parse_levels(text: str) -> tuple[float, ...]:
    """Return the numbers of a text such as `80,95`.

    Raises: UsageError: a part is no number.
    """
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise UsageError(f"--levels {text!r} is not a list of numbers", hint="write it as --levels 80,95") from error
