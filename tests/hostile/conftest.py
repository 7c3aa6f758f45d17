"""What tests of hostile input share."""

from tests.cli.conftest import forecast

__all__ = ["forecast"]
