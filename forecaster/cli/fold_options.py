"""The options on the folds of a backtest."""

from typing import Annotated, Any

import typer

_FOLDS = "Folds"

Stride = Annotated[
    int | None,
    typer.Option(
        "--stride",
        min=1,
        max=10_000_000,
        help="Steps between two cutoffs.",
        rich_help_panel=_FOLDS,
        show_default="the horizon",
    ),
]
Refit = Annotated[
    int | None,
    typer.Option(
        "--refit",
        min=0,
        help="Refit the model every N folds; 0 fits it once, before the first cutoff.",
        rich_help_panel=_FOLDS,
        show_default="0",
    ),
]
Window = Annotated[
    int | None,
    typer.Option(
        "--window",
        min=2,
        help="Steps before each cutoff that the model may use.",
        rich_help_panel=_FOLDS,
        show_default="all",
    ),
]


def describe_folds(default: str) -> Any:
    """Return the option --folds with a command's own description of its default."""
    return typer.Option(
        "--folds",
        min=1,
        max=10_000,
        help="Cutoffs per series, counted from its end.",
        rich_help_panel=_FOLDS,
        show_default=default,
    )


def _folds(stride: Stride = None, refit: Refit = None, window: Window = None) -> dict[str, Any]:
    """Return the options on folds by key of the section `evaluation`; None for those that were not passed."""
    return {"stride": stride, "refit": refit, "window": window}


Folds = Annotated[dict[str, Any], _folds]
