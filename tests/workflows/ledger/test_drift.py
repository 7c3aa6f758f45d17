import json
from pathlib import Path

import pytest

from forecaster.workflows.ledger.drift import find_promise

METRICS = {"holdout": {"models": {"gru": {"mase": 0.8}, "naive": {"mase": 1.5}}}}


def run(details: str = "{}", bundle: str | None = "b", model: str = "gru") -> dict[str, object]:
    return {"details": details, "bundle": bundle, "model": model}


def test_what_was_promised_is_in_the_run_or_else_in_its_bundle(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "metrics.json").write_text(json.dumps(METRICS))
    assert find_promise(run(), tmp_path) == 0.8
    assert find_promise(run(bundle=str(tmp_path / "b")), Path()) == 0.8
    assert find_promise(run('{"promised": 0.7}'), tmp_path) == 0.7


@pytest.mark.parametrize("given", [run(), run(bundle=None), run('{"promised": 0}'), run('{"promised": null}')])
def test_nobody_knows_where_neither_tells(tmp_path: Path, given: dict[str, object]) -> None:
    assert find_promise(given, tmp_path) is None


def test_a_model_that_the_bundle_does_not_know_promised_nothing(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "metrics.json").write_text(json.dumps(METRICS))
    assert find_promise(run(model="lstm"), tmp_path) is None
