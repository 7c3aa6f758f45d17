"""`forecast doctor`."""

import pytest

from forecaster.workflows import doctor
from tests.cli.conftest import Forecast


def test_a_fit_machine_is_told_a_line_a_check(forecast: Forecast, monkeypatch: pytest.MonkeyPatch) -> None:
    done = forecast("doctor")
    assert done.code == 0, done.out
    assert "the forecasts are identical" in " ".join(done.out.split())
    assert "Everything needed is there." in done.out
    assert done.err == "next: forecast train data.csv\n"
    assert max(map(len, done.out.splitlines())) <= 80
    monkeypatch.setattr(doctor, "train_twice", lambda: (1000.0, True))
    document = forecast("doctor", "--json").json
    assert document["is_fit"] is True
    assert all(list(check) == ["name", "state", "told", "hint"] for check in document["checks"])
    assert {check["name"] for check in document["checks"]} >= {"python", "torch", "memory", "disk", "self-test"}


def test_a_machine_without_what_is_needed_is_told_what_to_type(
    forecast: Forecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "installed_version", lambda name: None if name in ("torch", "optuna") else "99")
    done = forecast("doctor")
    assert done.code == 69
    assert "-> pip install torch" in done.out
    assert "-> pip install optuna" in done.out
    assert "Something needed is missing: torch." in done.out
    assert forecast("doctor", "--json").json["is_fit"] is False
