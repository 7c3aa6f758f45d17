"""The shape and the calendar features of a panel's windows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WindowSpec:
    """The shape and the calendar features that all windows of a panel share.

    Attributes:
        context: number of steps up to the cutoff, L.
        horizon: number of steps after the cutoff, H.
        calendar: if True, features of the calendar are part of the known features.
        holidays: country whose holidays are part of the known features; None for none.
    """

    context: int
    horizon: int
    calendar: bool = False
    holidays: str | None = None
