from argparse import Namespace
from pathlib import Path

from benchmarks.ledger import measure


def test_a_night_is_measured_in_a_ledger_of_the_size_asked(tmp_path: Path) -> None:
    arguments = Namespace(rows=1000, series=5, horizon=48)
    figures = measure(str(tmp_path / "ledger.db"), arguments)
    assert figures["nights"] == 4
    assert figures["forecasts"] == 4 * 5 * 48
    assert figures["new actuals"] == 5 * 24
    assert figures["scored"] == 5 * 24 * 2
    assert set(figures["seconds [wall, processor]"]) >= {"score of a day", "record of a run"}
