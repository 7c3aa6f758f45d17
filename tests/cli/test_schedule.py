"""`forecast schedule`: held to the programs that read it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Forecast

ROOT = Path(__file__).parents[2]
JOB = "data: {path: sales.csv}\nmodel: {kind: seasonal_naive}\njob:\n"


@pytest.fixture
def odd(sales: Path) -> Path:
    """A job in a folder whose name needs quotes, and more than these."""
    folder = sales.parent / "it's 100% $HOME"
    folder.mkdir()
    sales.rename(folder / sales.name)
    path = folder / "night job.yaml"
    path.write_text(JOB)
    return path


def needs(program: str) -> None:
    if not shutil.which(program):
        if os.environ.get("TEST_SCHEDULE"):
            pytest.fail(f"TEST_SCHEDULE is set, but {program} is not installed")
        pytest.skip(f"{program} is not installed")


def as_cron_runs(line: str) -> "subprocess.CompletedProcess[str]":
    """Run a crontab's line as cron does: by sh, from home, with little in the environment."""
    command = re.sub(r"\\%", "%", line.split(maxsplit=5)[5])
    assert not re.search(r"(?<!\\)%", line)
    env = {"HOME": "/", "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "PYTHONPATH": str(ROOT)}
    return subprocess.run(["/bin/sh", "-c", command], cwd="/", env=env, capture_output=True, text=True, check=False)


def test_the_crontab_line_runs_the_job_from_anywhere(forecast: Forecast, odd: Path) -> None:
    done = forecast("schedule", odd, "--at", "02:15")
    assert done.code == 0, done.err
    (line,) = done.out.splitlines()
    assert line.startswith("15 2 * * * PATH=")
    ran = as_cron_runs(line)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert odd.with_name("forecasts.csv").exists()
    log = [json.loads(line) for line in odd.with_suffix(".log").read_text().splitlines()]
    assert log[-1]["status"] == "published"
    assert "to install it: (crontab -l 2>/dev/null; " in done.err
    odd.with_name("sales.csv").unlink()
    assert as_cron_runs(line).stderr.startswith("error: ")  # which cron mails


def test_the_command_that_installs_the_crontab_gives_the_same_line(forecast: Forecast, odd: Path) -> None:
    done = forecast("schedule", odd, "--at", "2:15,*:45")
    assert [line[:12] for line in done.out.splitlines()] == ["15 2 * * * P", "45 * * * * P"]
    again = done.err.partition("2>/dev/null; ")[2].partition(") | crontab -")[0]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(["/bin/sh", "-c", again], cwd="/", env=env, capture_output=True, text=True, check=True)
    assert ran.stdout == done.out


def test_cron_itself_takes_the_line(forecast: Forecast, odd: Path, tmp_path: Path) -> None:
    needs("crontab")
    forecast("schedule", odd, "--at", "02:15", "-o", tmp_path)
    checked = subprocess.run(["crontab", "-T", tmp_path / "crontab"], capture_output=True, text=True, check=False)
    if "invalid option" in checked.stderr:
        if not os.environ.get("TEST_SCHEDULE"):
            pytest.skip("this crontab checks only what it installs; TEST_SCHEDULE lets it, for nobody")
        checked = subprocess.run(
            ["crontab", "-u", "nobody", tmp_path / "crontab"], capture_output=True, text=True, check=False
        )
        subprocess.run(["crontab", "-u", "nobody", "-r"], check=False)
    assert checked.returncode == 0, checked.stderr


def test_systemd_itself_takes_the_units(forecast: Forecast, odd: Path, tmp_path: Path) -> None:
    needs("systemd-analyze")
    units = tmp_path / "units"
    units.mkdir()
    done = forecast("schedule", odd, "--at", "02:15,*:45", "--systemd", "-o", units)
    assert done.code == 0
    names = sorted(path.name for path in units.iterdir())
    assert names == ["forecast-night_job.service", "forecast-night_job.timer"]
    verify = ["systemd-analyze", "verify", "--man=no", *(str(units / name) for name in names)]
    checked = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    service, timer = ((units / name).read_text() for name in names)
    quoted = str(odd).replace("%", "%%").replace("$", "$$")
    assert f'ExecStart="{sys.executable}" "-m" "forecaster" "run" "{quoted}" "--log-file"' in service
    assert "OnCalendar=*-*-* 02:15:00\nOnCalendar=*-*-* *:45:00\n" in timer
    assert "systemctl --user enable --now forecast-night_job.timer" in done.err


@pytest.mark.parametrize("at", ["25:00", "2.15", "", "02:60"])
def test_a_time_that_is_none_is_refused(forecast: Forecast, odd: Path, at: str) -> None:
    done = forecast("schedule", odd, "--at", at)
    assert done.code == 2
    assert "write it as 02:15" in done.err


def test_a_broken_job_is_not_scheduled(forecast: Forecast, odd: Path) -> None:
    odd.write_text("job: {keeep: 1}\n")
    assert forecast("schedule", odd).code == 78
    assert forecast("schedule", "absent.yaml").code == 66
