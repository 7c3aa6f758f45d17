"""The option on the cluster that trains networks."""

from typing import Annotated

import typer

Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        envvar="FORECAST_CLUSTER",
        help="Ray cluster that trains networks: auto, or HOST:6379.",
        show_default="this machine",
    ),
]
