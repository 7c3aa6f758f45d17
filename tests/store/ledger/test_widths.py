from datetime import UTC, datetime

import numpy as np

from forecaster.store.database import Database
from forecaster.store.ledger.queries import history
from forecaster.store.ledger.record import Run, record
from forecaster.store.ledger.widths import list_adjustments, newest_adjustment, record_adjustment
from tests.store.ledger.conftest import START
from tests.store.ledger.test_record import rows

MADE = datetime(2024, 1, 9, tzinfo=UTC)
FACTORS = np.arange(1, 15).reshape(2, 7) / 7


def test_the_newest_adjustment_is_read_as_it_was_kept(ledger: Database) -> None:
    assert newest_adjustment(ledger, "sales") is None
    record_adjustment(ledger, "sales", (1, 3), FACTORS, created=MADE, until_at=5)
    assert record_adjustment(ledger, "sales", (2, 12), 2 * FACTORS, created=MADE, until_at=6) == 2
    found = newest_adjustment(ledger, "sales")
    assert found is not None
    assert (found.number, found.created, found.until_at) == (2, "2024-01-09T00:00:00Z", 6)
    assert found.last_steps == (2, 12)
    assert (found.factors == 2 * FACTORS).all()
    assert [each.number for each in list_adjustments(ledger, "sales")] == [1, 2]
    told = rows(ledger, "SELECT level, factor FROM adjustments WHERE number = 1 AND last_step = 3 ORDER BY level")
    assert told == list(zip([20, 40, 50, 60, 80, 90, 95], FACTORS[1].tolist(), strict=True))


def test_equal_factors_are_kept_once(ledger: Database) -> None:
    for _ in range(2):
        assert record_adjustment(ledger, "sales", (1, 3), FACTORS, created=MADE, until_at=5) == 1
    assert record_adjustment(ledger, "sales", (2, 3), FACTORS, created=MADE, until_at=5) == 2


def test_jobs_have_adjustments_of_their_own(ledger: Database) -> None:
    assert [
        record_adjustment(ledger, job, (1, 3), FACTORS, created=MADE, until_at=5) for job in ("sales", "stock")
    ] == [1, 1]
    assert newest_adjustment(ledger, "other") is None


def test_a_run_remembers_whose_factors_its_intervals_have(ledger: Database) -> None:
    record(ledger, Run("sales", "a", START))
    record(ledger, Run("sales", "b", START, adjustment=3))
    assert history(ledger, "sales")["adjustment"].tolist()[0] == 3
    assert rows(ledger, "SELECT adjustment FROM runs ORDER BY id") == [(None,), (3,)]
