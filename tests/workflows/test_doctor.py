"""The checks of `forecast doctor` on machines that lack something."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from forecaster.workflows import doctor, packages
from forecaster.workflows.doctor import Check, examine, run_self_test

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
NO_PLACE = ("all", "dev")  # extras that are made of others, or for work on the program


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "train_twice", lambda: (1000.0, True))


def find(name: str, encoding: str | None = "utf-8") -> Check:
    return next(check for check in examine(encoding=encoding) if check.name == name)


def requirements(lines: list[str]) -> dict[str, str]:
    found = [re.match(r"([\w-]+)(?:\[[^]]*])?>=([\d.]+)", line) for line in lines]
    return {match[1]: match[2] for match in found if match}


def test_the_doctor_knows_the_packages_of_the_project() -> None:
    project = tomllib.loads(PROJECT.read_text())["project"]
    assert requirements(project["dependencies"]) == packages.REQUIRED
    extras = {
        name: least
        for extra, lines in project["optional-dependencies"].items()
        if extra not in NO_PLACE
        for name, least in requirements(lines).items()
    }
    assert {name: extra.minimum for name, extra in packages.EXTRAS.items()} == extras


@pytest.mark.parametrize(
    ("found", "least", "expected"),
    [
        ("2.13.0+cpu", "2.4", False),
        ("2.3.9", "2.4", True),
        ("15", "15", False),
        ("4", "3.12", False),
        ("3", "3.12", True),
    ],
)
def test_versions_are_compared_by_their_numbers(found: str, least: str, expected: bool) -> None:
    assert packages.is_older(found, least) is expected


@pytest.mark.parametrize(("here", "hint"), [(None, "pip install scipy"), ("1.2.1", "pip install --upgrade scipy")])
def test_what_is_needed_and_missing_is_a_problem(monkeypatch: pytest.MonkeyPatch, here: str | None, hint: str) -> None:
    installed = doctor.installed_version
    monkeypatch.setattr(doctor, "installed_version", lambda name: here if name == "scipy" else installed(name))
    check = find("scipy")
    assert (check.state, check.hint) == ("problem", hint)
    assert not any(check.name == "self-test" for check in examine(encoding="utf-8"))


def test_an_extra_that_is_missing_is_a_note_with_what_it_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = doctor.installed_version
    monkeypatch.setattr(doctor, "installed_version", lambda name: None if name == "psycopg" else installed(name))
    check = find("psycopg")
    assert (check.state, check.hint) == ("note", "pip install 'psycopg[binary]'")
    assert "PostgreSQL" in check.text


def test_a_busy_machine_is_told_to_keep_to_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.os, "getloadavg", lambda: (1e3, 0, 0))
    assert find("processor").state == "note"
    assert "training.threads" in str(find("processor").hint)
    monkeypatch.setattr(doctor.os, "getloadavg", lambda: (0.0, 0, 0))
    assert find("processor").state == "ok"


@pytest.mark.parametrize(("free", "state"), [(10**8, "problem"), (10**9, "note"), (10**11, "ok"), (None, "note")])
def test_memory_is_enough_or_not(monkeypatch: pytest.MonkeyPatch, free: int | None, state: str) -> None:
    monkeypatch.setattr(doctor, "_free_memory", lambda: free)
    assert find("memory").state == state


def test_a_folder_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    assert find("output").state == "ok"
    assert not list(tmp_path.iterdir())
    (tmp_path / "runs").write_text("in the way")
    assert find("output").state == "problem"
    assert "--out" in str(find("output").hint)


@pytest.mark.parametrize(("encoding", "state"), [("utf-8", "ok"), ("ascii", "note"), (None, "note"), ("cp437", "note")])
def test_a_screen_takes_what_is_drawn_or_not(encoding: str | None, state: str) -> None:
    assert find("screen", encoding).state == state


@pytest.mark.parametrize(
    ("devices", "chosen", "state", "told"),
    [
        ([], "cpu", "ok", "the processor"),
        (["NVIDIA T4"], "cuda", "ok", "NVIDIA T4: networks are trained on it"),
        (["Apple's GPU"], "cpu", "note", "Apple's GPU: not used"),
    ],
)
def test_the_device_is_the_one_that_a_training_would_take(
    monkeypatch: pytest.MonkeyPatch, devices: list[str], chosen: str, state: str, told: str
) -> None:
    found = doctor.runtime.describe() | {"devices": devices, "device": chosen}
    monkeypatch.setattr(doctor.runtime, "describe", lambda: found)
    check = find("device")
    assert check.state == state
    assert told in check.text


def test_a_network_that_fails_or_differs_is_told() -> None:
    def fail() -> tuple[float, bool]:
        raise RuntimeError("no kernel\nimage")

    failed = run_self_test(fail)
    assert failed.state == "problem"
    assert "RuntimeError: no kernel image" in failed.text
    assert run_self_test(lambda: (1.0, False)).state == "note"
    assert run_self_test(lambda: (1.0, True)).state == "ok"


def test_nothing_heavy_is_loaded_where_packages_are_missing() -> None:
    code = (
        "import sys; from forecaster.workflows import doctor; doctor.installed_version = lambda name: None;"
        "checks = doctor.examine(encoding='utf-8');"
        "sys.exit(str({'torch', 'pandas', 'numpy', 'pyarrow'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=PROJECT.parent)
    assert done.stderr.strip() == ""
