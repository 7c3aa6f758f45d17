"""What tests of hostile input share."""

from tests.cli.conftest import forecast, sales

__all__ = ["forecast", "sales"]
