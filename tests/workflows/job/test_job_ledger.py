from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from forecaster.workflows import run as workflow

JOB = """\
data: {path: sales.csv, horizon: 2, season: 1}
model: {kind: naive}
job:
  zone: UTC
  gate: {skill: null}
  retrain: {max_age: null}
"""


def run(days: int, *settings: str) -> dict[str, Any]:
    """Run a job after so many days of sales, the newest of which a naive forecast misses by 3."""
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    rows = (f"{begin + timedelta(days=day):%Y-%m-%d},{3 * day}" for day in range(days))
    Path("sales.csv").write_text("\n".join(["day,sold", *rows]) + "\n")
    now = begin + timedelta(days=days, hours=2)
    return workflow.run(Path("nightly.yaml"), settings=settings, now=now).to_dict()


def test_the_gate_takes_the_ledgers_word_once_five_horizons_came_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("nightly.yaml").write_text(JOB)
    sources = [run(days)["gate"]["source"] for days in range(40, 54)]
    assert sources[0] == "backtest"
    assert sources[-1] == "ledger"
    assert sources == sorted(sources)
    summary = run(54, "job.gate.skill=0.5", "job.gate.otherwise=refuse")
    assert summary["code"] == 4
    assert "on the ledger is below 0.5" in summary["error"]["message"]
