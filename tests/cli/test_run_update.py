"""`job.update`: nights on which the model in use goes on learning between two trainings."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from forecaster.events import Note
from forecaster.store import bundle
from forecaster.training import update as training
from forecaster.workflows import run as workflow
from tests.cli.test_run import ask

JOB = """\
data: {path: sales.csv, horizon: 7}
preset: fast
model: {kind: gru, hidden: 4}
training: {steps: 8, validate_every: 4, learning_rate: 0.005, batch: 32}
conformal: {kind: "off"}
job:
  zone: UTC
  update: true
  gate: {skill: null}
  retrain: {max_age: null}
"""
CHAMPION = Path("nightly.bundles/champion")


FIRST_DAYS = 90


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A job of a tiny network, trained far too little for sales that grow, so that going on with it is better."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training, "STEP_SHARE", 4.0)
    monkeypatch.setattr(training, "RATE_SHARE", 1.0)
    write_days(FIRST_DAYS)
    path = tmp_path / "nightly.yaml"
    path.write_text(JOB)
    return path


def write_days(count: int) -> None:
    """Write sales that grow by 2 a day and are 10 higher every seventh day."""
    days = (
        f"{datetime(2024, 1, 1) + timedelta(days=day):%Y-%m-%d},{2 * day + 10 * (day % 7 == 0)}" for day in range(count)
    )
    Path("sales.csv").write_text("\n".join(["day,sold", *days]) + "\n")


def run(job: Path, *settings: str, days: int = 0, is_dry: bool = False) -> dict[str, Any]:
    """Run a job on the night after some more days like those before."""
    count = len(Path("sales.csv").read_text().splitlines()) - 1 + days
    write_days(count)
    now = datetime(2024, 1, 1, 2, tzinfo=UTC) + timedelta(days=count)
    done = workflow.run(job, settings=settings, now=now, is_dry=is_dry)
    assert done.code == 0, done.to_dict()
    return done.to_dict()


def test_an_update_that_is_better_comes_into_use(job: Path) -> None:
    assert "update" not in run(job)
    first = bundle.read(CHAMPION.resolve())
    assert "update" not in run(job, days=6)  # less than a horizon
    planned = run(job, days=1, is_dry=True)
    assert (planned["retrain"], planned["update"]) == (None, {"reason": "7 new steps"})
    told = run(job)
    assert told["retrain"] is None
    update = told["update"]
    assert update["challenger"] < update["champion"]
    assert (update["has_won"], update["champion_as"], update["folds"], update["horizon"]) == (True, "it is", 3, 1)
    new = bundle.read(CHAMPION.resolve())
    assert told["bundle"] == new.folder.name != first.folder.name
    assert new.manifest.data.last_cutoff > first.manifest.data.last_cutoff
    steps = new.manifest.training.steps["update"]
    assert len((new.folder / "history.csv").read_text().splitlines()) == 1 + steps
    assert new.manifest.job["updated_from"] == first.folder.name
    assert new.metrics == {**first.metrics, "update": {"from": first.folder.name, **update}}
    assert (new.folder / "holdout.csv").read_bytes() == (first.folder / "holdout.csv").read_bytes()
    assert run(job)["status"] == "unchanged"


def test_an_update_that_is_not_better_leaves_the_model_alone_for_a_horizon(job: Path) -> None:
    bundle_before = run(job)["bundle"]
    told = run(job, "job.challenger.margin=0.99", days=7)
    assert (told["update"]["has_won"], told["bundle"]) == (False, bundle_before)
    assert told["status"] == "published"
    assert "update" not in run(job, days=6)
    told = run(job, days=1)
    assert told["update"]["reason"] == "7 new steps"  # since it was tried
    assert told["update"]["horizon"] > 1  # all fourteen are new to the model


def test_updates_do_not_put_off_a_training(job: Path) -> None:
    settings = ("job.retrain.new_rows=14", "job.retrain.max_age=null")
    run(job, *settings)
    assert run(job, *settings, days=7)["update"]["has_won"]
    told = run(job, *settings, days=7)
    assert told["retrain"] == "14 new values"
    assert "update" not in told
    assert told["challenger"]["folds"] == 5


def test_an_update_does_not_make_younger_what_the_ledger_has_forgotten(job: Path) -> None:
    run(job)
    assert run(job, days=7)["update"]["has_won"]
    Path("nightly.ledger.db").unlink()
    told = run(job, "job.retrain.max_age=8d", days=1)
    assert told["retrain"] == "trained 8 days ago"


def test_forecasts_before_an_update_tell_of_the_model_after_it(job: Path) -> None:
    run(job)
    assert run(job, days=7)["update"]["has_won"]
    told = run(job, "job.recent=7", "job.retrain.skill_below=0.999", days=7)
    assert told["retrain"].startswith("skill")  # the week before was forecast by the weights before


def test_changed_settings_train_and_do_not_update(job: Path) -> None:
    run(job)
    told = run(job, "training.steps=9", days=7)
    assert told["retrain"] == "the settings have changed"
    assert "update" not in told


def test_without_the_key_nothing_is_updated(job: Path) -> None:
    run(job)
    assert "update" not in run(job, "job.update=false", days=7)


def test_a_model_without_weights_says_so_and_stays(job: Path) -> None:
    naive = ("model={kind: naive}",)
    run(job, *naive)
    notes: list[str] = []
    for days in (7, 8):
        write_days(FIRST_DAYS + days)
        done = workflow.run(
            job,
            settings=naive,
            now=datetime(2024, 4, 20, tzinfo=UTC),
            watch=lambda event: notes.append(event.text) if isinstance(event, Note) else None,
        )
        assert "update" not in done.to_dict()
    assert [note for note in notes if "update" in note] == [
        "job.update changes nothing: naive has no weights to go on from"
    ]
    assert json.loads(ask("SELECT details FROM runs ORDER BY id DESC LIMIT 1")[0][0])["status"] == "published"
