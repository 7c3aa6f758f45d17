"""The section `data.format`: how a table of text is read."""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, PrivateAttr, field_validator

from forecaster.config.section import Section, TimeZone

DecimalMark = Literal[".", ","]


class TableFormat(Section):
    """the format of the table; null is detected from all rows, and saved with the bundle"""

    sheet: str | None = Field(None, description="sheet of a workbook: its name, or its number from 1")
    encoding: str | None = Field(None, description="encoding of the text, such as utf-8 or cp1252")
    delimiter: str | None = Field(None, min_length=1, max_length=1, description="character between two cells")
    skip_rows: int | None = Field(None, ge=0, le=1_000_000, description="lines above the header")
    header: int | None = Field(None, ge=0, le=10, description="lines that name the columns, 0 for none")
    decimal: DecimalMark | dict[str, DecimalMark] | None = Field(
        None, description="decimal mark, `.` or `,`, of all columns or of each; the other mark groups thousands"
    )
    na: tuple[str, ...] = Field((), description="cells that mean a missing value, besides the usual ones")
    date_format: str | None = Field(None, description="format of the time column, as in %d.%m.%Y %H:%M")
    day_first: bool | None = Field(None, description="whether 1/2/2021 is 1 February")
    zone: TimeZone | None = Field(
        None, description="time zone of clocks that go forward and back, such as Europe/Berlin"
    )

    _passed: frozenset[str] = PrivateAttr(frozenset())

    @property
    def passed(self) -> frozenset[str]:
        """The fields that options of the command set, and no file; they are not saved."""
        return self._passed

    def with_passed(self, fields: Iterable[str]) -> "TableFormat":
        """Return this format with the fields that options of the command set."""
        copy = self.model_copy()
        copy._passed = frozenset(fields)
        return copy

    def flag_of(self, field: str) -> str:
        """Return the option that sets a field to its value."""
        return "--no-day-first" if field == "day_first" and not self.day_first else f"--{field.replace('_', '-')}"

    @field_validator("na", mode="before")
    @classmethod
    def _words_with_commas(cls, value: object) -> object:
        if value is None:
            return ()
        if isinstance(value, str):
            return [word.strip() for word in value.split(",")]
        return [str(word) for word in value] if isinstance(value, list | tuple) else [str(value)]

    def decimal_of(self, column: str) -> DecimalMark | None:
        """Return the decimal mark of a column; None if it is not known."""
        return self.decimal.get(column) if isinstance(self.decimal, dict) else self.decimal


DETECTED = TableFormat()
