"""The tables of the ledger, and its views for readers (docs/ledger.md explains each column).

Rows of forecasts, actuals and scores name their series and run by number, because there are many of them; the views
show the names instead. These three tables have no foreign keys, which would be checked for every row. Only `record`,
`actuals` and `score` write them, each in one transaction with the rows that they refer to.
"""

import sqlalchemy as sa

from forecaster.forecast import PROBABILITIES

# One column per probability, named in per mille: q025 ... q975.
QUANTILES = tuple(f"q{round(1000 * probability):03d}" for probability in PROBABILITIES)
MEDIAN = "q500"
BASELINES = ("seasonal_naive", "naive")
OUTSIDE = 100  # The value of `inside` for an actual that no interval covers.

metadata = sa.MetaData()

version = sa.Table("ledger_version", metadata, sa.Column("version", sa.Integer, nullable=False))

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("started", sa.Text, nullable=False),
    sa.Column("seconds", sa.Double),
    sa.Column("code", sa.Integer, nullable=False),
    sa.Column("model", sa.Text),
    sa.Column("bundle", sa.Text),
    sa.Column("frequency", sa.Text),
    sa.Column("zone", sa.Text),
    sa.Column("horizon", sa.Integer),
    sa.Column("series", sa.Integer, nullable=False),
    sa.Column("cutoff", sa.Text),
    sa.Column("cutoff_at", sa.BigInteger),
    sa.Column("first_at", sa.BigInteger),
    sa.Column("last_at", sa.BigInteger),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("adjustment", sa.Integer),  # The adjustment that was applied to the intervals; null for none.
    sa.UniqueConstraint("job", "key"),
    sa.Index("runs_newest", "job", "id"),
)

series = sa.Table(
    "series",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("unique_id", sa.Text, nullable=False),
    # The times of the stored actuals and their digest, so that unchanged actuals are not read again.
    sa.Column("known_from", sa.BigInteger),
    sa.Column("known_until", sa.BigInteger),
    sa.Column("digest", sa.Text),
    sa.UniqueConstraint("job", "unique_id"),
)

run_series = sa.Table(
    "run_series",
    metadata,
    sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True, autoincrement=False),
    sa.Column("series_id", sa.Integer, sa.ForeignKey("series.id"), primary_key=True, autoincrement=False),
    sa.Column("cutoff", sa.Text, nullable=False),
    sa.Column("cutoff_at", sa.BigInteger, nullable=False),
    sa.Column("scale", sa.Double),
    sa.Column("status", sa.Text, nullable=False),
)

forecast_rows = sa.Table(
    "forecast_rows",
    metadata,
    sa.Column("run_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("series_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("step", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("ds", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("mean", sa.Double, nullable=False),
    *(sa.Column(name, sa.Double, nullable=False) for name in QUANTILES),
    *(sa.Column(name, sa.Double) for name in BASELINES),
    sa.Index("forecast_rows_of_a_time", "series_id", "at", "run_id"),
    sqlite_with_rowid=False,
)

actual_rows = sa.Table(
    "actual_rows",
    metadata,
    sa.Column("series_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("ds", sa.Text, nullable=False),
    sa.Column("y", sa.Double, nullable=False),
    sa.Column("seen", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

# Actuals by which no forecast has been scored yet. A separate table keeps updates away from scored actuals.
pending_rows = sa.Table(
    "pending_rows",
    metadata,
    sa.Column("series_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("y", sa.Double, nullable=False),
    sqlite_with_rowid=False,
)

score_rows = sa.Table(
    "score_rows",
    metadata,
    sa.Column("series_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("run_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("error", sa.Double, nullable=False),  # mean - actual
    sa.Column("absolute", sa.Double),  # |median - actual|
    sa.Column("scaled", sa.Double),
    *(sa.Column(f"{name}_scaled", sa.Double) for name in BASELINES),
    sa.Column("inside", sa.SmallInteger, nullable=False),
    sa.Column("below", sa.SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Factors of intervals, learnt from scores. An adjustment consists of all rows with the same number.
adjustments = sa.Table(
    "adjustments",
    metadata,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("last_step", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("level", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("made", sa.Text, nullable=False),
    sa.Column("until_at", sa.BigInteger, nullable=False),
    sa.Column("factor", sa.Double, nullable=False),
)

# Forecasts that somebody else made, and changes of the job's own ones by hand. No other table refers to them, so that
# scores, drift and recalibration cannot mix them with the job's forecasts.
sources = sa.Table(
    "sources",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # `forecast` or `override`
    sa.UniqueConstraint("job", "name"),
)

source_rows = sa.Table(
    "source_rows",
    metadata,
    sa.Column("source_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("series_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("cutoff_at", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("run_id", sa.Integer),  # The run that an override changes; null for a forecast.
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("ds", sa.Text, nullable=False),
    sa.Column("cutoff", sa.Text, nullable=False),
    sa.Column("value", sa.Double, nullable=False),
    *(sa.Column(name, sa.Double) for name in QUANTILES),
    sa.Column("recorded", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

# Who works on a job, in a ledger on a server. The times are of the server's clock.
leases = sa.Table(
    "job_leases",
    metadata,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("process", sa.Integer, nullable=False),
    sa.Column("place", sa.Text),  # The file on that host which the run has locked as well; null if unknown.
    sa.Column("acquired_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
)

_NEWEST = """NOT EXISTS (SELECT 1 FROM actual_rows AS later
    WHERE later.series_id = a.series_id AND later.at = a.at AND later.version > a.version)"""
_NAMES = "r.job, r.key AS run, f.run_id, s.unique_id, f.series_id, f.ds, f.at, k.cutoff, f.step, r.model"
_OF_FORECAST = """
    JOIN runs AS r ON r.id = f.run_id
    JOIN series AS s ON s.id = f.series_id
    JOIN run_series AS k ON k.run_id = f.run_id AND k.series_id = f.series_id"""

VIEWS = {
    "forecasts": f"""SELECT {_NAMES}, f.mean, f.{MEDIAN} AS median,
    {", ".join(f"f.{name}" for name in (*QUANTILES, *BASELINES))}, k.status
FROM forecast_rows AS f {_OF_FORECAST}""",
    "actuals": f"""SELECT s.job, s.unique_id, a.series_id, a.ds, a.at, a.y, a.version, a.seen
FROM actual_rows AS a JOIN series AS s ON s.id = a.series_id
WHERE {_NEWEST}""",
    "scores": f"""SELECT {_NAMES}, a.y, a.version, f.mean, f.{MEDIAN} AS median,
    c.error, c.absolute, c.scaled, c.seasonal_naive_scaled, c.naive_scaled,
    c.inside, c.below, k.status
FROM score_rows AS c
    JOIN actual_rows AS a ON a.series_id = c.series_id AND a.at = c.at AND a.version = c.version
    JOIN forecast_rows AS f ON f.run_id = c.run_id AND f.series_id = c.series_id AND f.step = c.step {_OF_FORECAST}""",
    "source_forecasts": f"""SELECT o.job, o.name AS source, o.kind, s.unique_id, f.series_id, f.ds, f.at, f.cutoff,
    f.cutoff_at, f.step, f.run_id, f.value, {", ".join(f"f.{name}" for name in QUANTILES)}, f.version, f.recorded
FROM source_rows AS f
    JOIN sources AS o ON o.id = f.source_id
    JOIN series AS s ON s.id = f.series_id
WHERE NOT EXISTS (SELECT 1 FROM source_rows AS later
    WHERE later.source_id = f.source_id AND later.series_id = f.series_id AND later.at = f.at
    AND later.cutoff_at = f.cutoff_at AND later.version > f.version)""",
}
