import json
from pathlib import Path

import pytest

from forecaster.workflows.ledger.drift import find_holdout_error

METRICS = {"holdout": {"models": {"gru": {"mase": 0.8}, "naive": {"mase": 1.5}}}}


def run(details: str = "{}", bundle: str | None = "b", model: str = "gru") -> dict[str, object]:
    return {"details": details, "bundle": bundle, "model": model}


def test_the_error_on_the_holdout_is_in_the_run_or_else_in_its_bundle(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "metrics.json").write_text(json.dumps(METRICS))
    assert find_holdout_error(run(), tmp_path) == 0.8
    assert find_holdout_error(run(bundle=str(tmp_path / "b")), Path()) == 0.8
    assert find_holdout_error(run('{"promised": 0.7}'), tmp_path) == 0.7


@pytest.mark.parametrize("run_row", [run(), run(bundle=None), run('{"promised": 0}'), run('{"promised": null}')])
def test_an_error_that_neither_has_is_unknown(tmp_path: Path, run_row: dict[str, object]) -> None:
    assert find_holdout_error(run_row, tmp_path) is None


def test_the_error_of_a_model_that_the_bundle_does_not_have_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "metrics.json").write_text(json.dumps(METRICS))
    assert find_holdout_error(run(model="lstm"), tmp_path) is None
