"""`forecast schedule`: held to the programs that read it."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from forecaster.workflows import program
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
    begin, line, end = done.out.splitlines()
    assert begin.startswith("# begin forecast-night_job ")
    assert end == begin.replace("begin", "end")
    assert line.startswith("15 2 * * * PATH=")
    ran = as_cron_runs(line)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert odd.with_name("forecasts.csv").exists()
    log = [json.loads(line) for line in odd.with_suffix(".log").read_text().splitlines()]
    assert log[-1]["status"] == "published"
    assert "to install it: (lines=$(" in done.err
    odd.with_name("sales.csv").unlink()
    assert as_cron_runs(line).stderr.startswith("error: ")  # which cron mails


def test_the_command_that_installs_the_crontab_gives_the_same_line(forecast: Forecast, odd: Path) -> None:
    done = forecast("schedule", odd, "--at", "2:15,*:45")
    assert [line[:12] for line in done.out.splitlines()[1:-1]] == ["15 2 * * * P", "45 * * * * P"]
    again = done.err.partition("(lines=$(")[2].partition(") && { crontab")[0]
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
    assert f'ExecStart="{Path(sys.executable).with_name("forecast")}" "run" "{quoted}" "--log-file"' in service
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


@pytest.mark.parametrize("systemd", [[], ["--systemd"]])
@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\x1bb", "a\x7fb", "a\u2028b", os.fsdecode(b"a\xffb")])
def test_a_path_that_a_schedule_cannot_contain_is_refused(
    forecast: Forecast, sales: Path, name: str, systemd: list[str]
) -> None:
    job = sales.with_name("night.yaml")
    job.write_text(JOB)
    folder = sales.parent / name
    folder.mkdir()
    shutil.copy(job, folder)
    for arguments in ([folder / "night.yaml"], [job, "--log-file", folder / "night.log"]):
        done = forecast("schedule", *arguments, *systemd)
        assert (done.code, done.out) == (2, "")
        assert "has characters that a schedule cannot contain" in done.err


@pytest.mark.parametrize("name", ["a ", "a\\"])
def test_a_folder_that_systemd_would_misread_is_refused(forecast: Forecast, sales: Path, name: str) -> None:
    folder = sales.parent / name
    folder.mkdir()
    (folder / "night.yaml").write_text(JOB)
    assert forecast("schedule", folder / "night.yaml", "--systemd").code == 2
    assert forecast("schedule", folder / "night.yaml").code == 0


def test_the_name_of_a_job_adds_no_directive_and_names_units_of_its_own(
    forecast: Forecast, sales: Path, tmp_path: Path
) -> None:
    names = ["x\nExecStart=/bin/false", "日本", "東京", "a/../b", "%n $HOME\\", "n" * 300, "\x1b[2J"]
    job = sales.with_name("night.yaml")
    for name in names:
        job.write_text(JOB.rstrip() + f" {{name: {json.dumps(name)}}}\n")
        assert forecast("schedule", job, "--systemd", "-o", tmp_path).code == 0
    services = list(tmp_path.glob("*.service"))
    assert len(services) == len(list(tmp_path.glob("*.timer"))) == len(names)
    for path in services:
        assert len(path.name) < 150
        text = path.read_text()
        assert text.count("\n") == 10
        assert text.count("\nExecStart=") == 1
        assert not text.splitlines()[1].endswith("\\")
    if shutil.which("systemd-analyze"):
        verify = ["systemd-analyze", "verify", "--man=no", *map(str, services)]
        checked = subprocess.run(verify, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


FAKE_CRONTAB = """\
#!/bin/sh
if [ "$1" = -l ]; then cat "$HOME/table" 2>/dev/null; else cat > "$HOME/new" && mv "$HOME/new" "$HOME/table"; fi
"""


def test_installing_again_replaces_the_lines_of_the_job_alone(forecast: Forecast, odd: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "crontab"
    program.write_text(FAKE_CRONTAB)
    program.chmod(0o755)
    (tmp_path / "table").write_text("0 1 * * * backup\n")
    other = odd.with_name("other.yaml")
    other.write_text(JOB + "  outputs: [other.csv]\n")
    env = {"HOME": str(tmp_path), "PATH": f"{tmp_path}/bin:/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    folder = sorted(tmp_path.iterdir())

    def install(*arguments: str | Path) -> list[str]:
        command = forecast("schedule", *arguments).err.partition("to install it: ")[2].splitlines()[0]
        subprocess.run(["/bin/sh", "-c", command], cwd="/", env=env, check=True)
        return (tmp_path / "table").read_text().splitlines()

    assert len(install(odd, other, "--at", "02:15")) == 1 + 3 + 3
    lines = install(odd, "--at", "03:45")
    assert len(lines) == 1 + 3 + 3
    assert lines[0] == "0 1 * * * backup"
    assert sorted(line[:5] for line in lines[1:] if not line.startswith("#")) == ["15 2 ", "45 3 "]
    assert install(odd, "--at", "03:45") == lines
    command = forecast("schedule", odd).err.partition("to install it: ")[2].splitlines()[0]
    odd.write_text("job: {keeep: 1}\n")
    ran = subprocess.run(["/bin/sh", "-c", command], cwd="/", env=env, capture_output=True, text=True, check=False)
    assert (ran.returncode, "unknown key 'job.keeep'" in ran.stderr) == (78, True)
    assert (tmp_path / "table").read_text().splitlines() == lines
    assert sorted(tmp_path.iterdir()) == folder


@pytest.mark.parametrize("has_script", [True, False])
def test_a_scheduled_run_imports_nothing_that_lies_beside_the_job(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch, has_script: bool
) -> None:
    if not has_script:
        monkeypatch.setattr(program, "_SCRIPT", "no-such-script")
    job = sales.with_name("night.yaml")
    job.write_text(JOB)
    for name in ("random.py", "forecaster.py", "numpy.py"):
        sales.with_name(name).write_text("raise SystemExit('imported from the folder of the job')\n")
    service = json.loads(forecast("schedule", job, "--systemd", "--json").out)["files"]["forecast-night.service"]
    (line,) = re.findall("^ExecStart=(.*)$", service, re.M)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(shlex.split(line), cwd=sales.parent, env=env, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    several = subprocess.run(
        [*program.installed_program(), "run", job, sales.with_name("absent.yaml"), "--workers", "2"],
        cwd=sales.parent,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert [json.loads(text)["code"] for text in several.stdout.splitlines()] == [0, 66], several.stderr


def test_the_units_of_a_user_come_with_the_command_that_keeps_them_running(forecast: Forecast, odd: Path) -> None:
    assert "to run it while you are logged out: loginctl enable-linger" in forecast("schedule", odd, "--systemd").err


def test_several_jobs_need_logs_of_their_own(forecast: Forecast, odd: Path) -> None:
    other = odd.with_name("other.yaml")
    other.write_text(JOB)
    assert forecast("schedule", odd, other, "--log-file", "one.log").code == 2


@pytest.mark.parametrize(
    ("key", "is_shared"),
    [
        ("outputs: [forecasts.csv, {}.csv]", True),
        ("{{outputs: [{}.csv], metrics: ../{folder}/out.prom}}", True),
        ("{{outputs: [{}.csv], ledger: all.db}}", False),
        ("{{outputs: [{}.csv], ledger: all.db, name: same}}", True),
        ("{{outputs: ['sqlite:///out.db?table=fc']}}", False),
        ("{{outputs: ['sqlite:///out.db?table=fc'], name: same}}", True),
    ],
)
def test_jobs_that_would_overwrite_each_other_are_not_scheduled(
    forecast: Forecast, sales: Path, key: str, is_shared: bool
) -> None:
    paths = []
    for name in ("one", "two"):
        text = key.format(name, folder=sales.parent.name)
        paths.append(sales.with_name(f"{name}.yaml"))
        paths[-1].write_text(JOB.rstrip() + f" {text if text.startswith('{') else f'{{{text}}}'}\n")
    done = forecast("schedule", *paths)
    assert done.code == (2 if is_shared else 0), done.err
    if is_shared:
        assert f"{paths[0]} and {paths[1]} have the same job." in done.err.replace("\n", " ")


@pytest.mark.parametrize(("at", "is_late"), [("02:15", False), ("22:00", False), ("06:00", True), ("*:15", False)])
def test_a_time_after_the_deadline_is_a_warning(forecast: Forecast, odd: Path, at: str, is_late: bool) -> None:
    odd.write_text(JOB + "  deadline: 05:30\n")
    done = forecast("schedule", odd, "--at", at, "-q")
    assert done.code == 0
    assert (f"a run at {at} starts after job.deadline 05:30" in done.err) == is_late
