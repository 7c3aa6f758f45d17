import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from forecaster.errors import OutputError
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from forecaster.store.database import Database, reading
from forecaster.store.ledger.open import open_ledger
from forecaster.store.ledger.record import amend, record
from forecaster.store.ledger.tables import QUANTILES
from tests.conftest import MakePanel
from tests.store.ledger.conftest import MakeForecast, run_of

COLUMNS = "unique_id, ds, cutoff, step, model, mean, q100, q975"
OF_RUN = "job, key, started, seconds, code, model, bundle, frequency, horizon, series, cutoff"


def rows(ledger: Database, query: str) -> list[tuple[object, ...]]:
    with reading(ledger) as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_a_run_is_kept_with_all_its_forecasts(ledger: Database, known: Panel, make_forecast: MakeForecast) -> None:
    forecast = make_forecast(known, [[5, 6], [50, 60]])
    naive = np.array([[4.1, 4.1], [40, 40]], np.float32)
    assert record(ledger, run_of("a"), forecast, baselines={"naive": naive}, scale=np.array([1.0, np.nan]))
    found = rows(
        ledger,
        f"SELECT run, {COLUMNS}, naive, status FROM forecasts ORDER BY 2, 5",
    )
    assert found == [
        ("a", "s0", "2024-01-05", "2024-01-04", 1, "gru", 5.0, 1.0, 9.75, 4.1, "ok"),
        ("a", "s0", "2024-01-06", "2024-01-04", 2, "gru", 6.0, 2.0, 10.75, 4.1, "ok"),
        ("a", "s1", "2024-01-05", "2024-01-04", 1, "gru", 50.0, 46.0, 54.75, 40.0, "ok"),
        ("a", "s1", "2024-01-06", "2024-01-04", 2, "gru", 60.0, 56.0, 64.75, 40.0, "ok"),
    ]
    assert rows(ledger, "SELECT scale FROM run_series ORDER BY series_id") == [(1.0,), (None,)]
    assert rows(ledger, "SELECT count(seasonal_naive) FROM forecasts") == [(0,)]
    [run] = rows(
        ledger,
        f"SELECT {OF_RUN}, details FROM runs",
    )
    assert run[:-1] == ("sales", "a", "2024-01-05T03:00:00Z", 1.5, 0, "gru", "runs/x", "D", 2, 2, "2024-01-04")
    assert json.loads(str(run[-1])) == {"note": "ü"}


def test_a_run_is_amended_and_its_forecasts_and_other_runs_stay(
    ledger: Database, known: Panel, make_forecast: MakeForecast
) -> None:
    for key in ("a", "b"):
        record(ledger, run_of(key), make_forecast(known, [[5, 6], [50, 60]]))
    amend(ledger, replace(run_of("a"), code=143, seconds=9.5, details={"deferred": True}))
    assert rows(ledger, "SELECT key, code, seconds, details, series, model FROM runs ORDER BY id") == [
        ("a", 143, 9.5, '{"deferred": true}', 2, "gru"),
        ("b", 0, 1.5, '{"note": "ü"}', 2, "gru"),
    ]
    assert rows(ledger, "SELECT count(*) FROM forecasts WHERE run = 'a'") == [(4,)]


def test_every_quantile_stands_in_the_column_of_its_name(
    ledger: Database, known: Panel, make_forecast: MakeForecast
) -> None:
    record(ledger, run_of("a"), make_forecast(known, [[100], [100]]))
    [found, _] = rows(ledger, f"SELECT {', '.join(QUANTILES)} FROM forecasts")
    assert found == pytest.approx([100 + 10 * (int(name[1:]) / 1000 - 0.5) for name in QUANTILES])


def test_the_same_run_again_changes_nothing(ledger: Database, known: Panel, make_forecast: MakeForecast) -> None:
    assert record(ledger, run_of("a"), make_forecast(known, [[5], [50]]))
    before = rows(ledger, "SELECT * FROM forecasts")
    assert not record(ledger, run_of("a"), make_forecast(known, [[7], [70]]))
    assert rows(ledger, "SELECT * FROM forecasts") == before
    assert record(ledger, run_of("a", job="stock"), make_forecast(known, [[7], [70]]))
    assert rows(ledger, "SELECT count(*) FROM runs") == [(2,)]


def test_a_run_without_forecasts_is_kept_too(ledger: Database) -> None:
    assert record(ledger, replace(run_of("a"), code=5))
    assert rows(ledger, "SELECT key, code, series FROM runs") == [("a", 5, 0)]


def test_a_fallback_and_integer_time_are_told(
    ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast
) -> None:
    panel = replace(make_panel([[1, 2]], frequency=Frequency("integer")), start=np.array([7]))
    forecast = replace(make_forecast(panel, [[3]]), fallback=np.array([True]))
    record(ledger, run_of("a"), forecast)
    assert rows(ledger, "SELECT ds, at, cutoff, status FROM forecasts") == [("9", 9, "8", "fallback")]


def test_the_zone_stands_in_the_text(ledger: Database, known: Panel, make_forecast: MakeForecast) -> None:
    record(ledger, run_of("a"), make_forecast(replace(known, zone="Europe/Paris"), [[5], [50]]))
    assert rows(ledger, "SELECT DISTINCT ds FROM forecasts") == [("2024-01-05T00:00:00+01:00",)]


def test_a_run_that_cannot_be_kept_whole_is_not_kept(
    tmp_path: Path, known: Panel, make_forecast: MakeForecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_ledger(str(tmp_path / "x.db"))

    def fail(*_: object) -> None:
        raise OutputError("the disk is full", hint="free some space")

    monkeypatch.setattr("forecaster.store.ledger.record._mark_pending", fail)
    with pytest.raises(OutputError):
        record(ledger, run_of("a"), make_forecast(known, [[5], [50]]))
    for table in ("runs", "run_series", "forecast_rows", "series"):
        assert rows(ledger, f"SELECT count(*) FROM {table}") == [(0,)]


KILLING = """
import itertools, os, random, signal, sys, time
import numpy as np
from datetime import UTC, datetime
from forecaster.forecast import Forecast
from forecaster.frequency import DAY, Frequency
from forecaster.store.ledger.open import open_ledger
from forecaster.store.ledger.record import Run, record

N, H = 100, 10
mean, at = np.ones((N, H), np.float32), np.arange(1, H + 1) * DAY + np.zeros((N, 1), np.int64)
ids = np.array([str(n) for n in range(N)], object)
forecast = Forecast(ids, at[:, 0] - DAY, at, mean, mean[:, :, None].repeat(15, 2), "gru", mean[:, 0] < 0,
                    Frequency("fixed", DAY), None)
moments, told = random.Random(0), 0
for attempt in range(20):
    end, begin = os.pipe()
    child = os.fork()
    if not child:
        ledger = open_ledger(sys.argv[1])
        for number in itertools.count():
            record(ledger, Run("sales", f"{attempt}-{number}", datetime.now(UTC)), forecast)
            os.write(begin, b".")
    os.close(begin)
    os.read(end, 1)  # the first is kept
    time.sleep(moments.uniform(0, 0.05))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    told += 1 + len(os.read(end, 10_000))
    os.close(end)
print(told)
"""


def test_a_process_killed_at_any_moment_leaves_no_half_run(tmp_path: Path) -> None:
    url = str(tmp_path / "ledger.db")
    done = subprocess.run([sys.executable, "-c", KILLING, url], capture_output=True, text=True, check=True)
    told = int(done.stdout)
    ledger = open_ledger(url)
    kept = rows(ledger, "SELECT r.id, count(*) FROM runs r JOIN forecast_rows f ON f.run_id = r.id GROUP BY r.id")
    assert {count for _, count in kept} == {1000}
    assert rows(ledger, "SELECT count(*) FROM forecast_rows") == [(1000 * len(kept),)]
    assert rows(ledger, "SELECT count(*) FROM runs") == [(len(kept),)]
    assert told <= len(kept) <= told + 20  # what was told to be kept is; a kill may come between the two
