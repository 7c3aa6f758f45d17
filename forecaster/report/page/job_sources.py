"""The sources beside a job's forecasts, and the value that each step of the process adds."""

from collections.abc import Mapping
from typing import Any

from forecaster.report.page.parts import Section, Table, Text
from forecaster.report.value_added import HEAD, describe_optional, own_rows, source_sentences, step_rows, value_rows


def sources_section(document: Mapping[str, Any]) -> Section | None:
    """Return the section of the sources; None if none is recorded.

    Args:
        document: as `forecast ledger score --json` prints it.
    """
    sources: Mapping[str, Any] = document.get("sources") or {}
    parts: list[Any] = []
    for name, source in sources.items():
        block = source["value_added"]
        if block is not None:
            head, rows = step_rows(name, block)
            parts += [
                Table(f"{name}: value added", HEAD, value_rows(name, block)),
                Table(f"{name}: errors", head, rows),
            ]
        elif source["by_step"]:
            parts.append(Table(f"{name}: errors by lead time", *own_rows(source)))
        quantiles = describe_optional(name, block) if block is not None else None
        parts.append(Text(" ".join([*source_sentences(name, source), *([quantiles] if quantiles else [])])))
    if not parts:
        return None
    meaning = (
        "All forecasts of a table are of the same series, times and lead times. The gain of a step is the share of the"
        " error that it removes: from the better naive forecast to the model, and from the model to the source."
    )
    return Section("sources", "Value added", [Text(meaning), *parts])
