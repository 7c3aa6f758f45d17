"""Forecasts that are kept, scored when their actuals arrive, and read with any SQL tool (docs/ledger.md)."""

import forecaster.store.database  # noqa: F401  it says what to install where sqlalchemy is missing
