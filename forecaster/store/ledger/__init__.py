"""The ledger: stored forecasts, scored when their actuals arrive, and readable by any SQL tool (docs/ledger.md)."""

import forecaster.store.database  # noqa: F401  it names the package to install if sqlalchemy is missing
