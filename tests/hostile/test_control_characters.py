"""Control characters from ids, headers, file names and manifests: a terminal shows them and never obeys them."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from rich.panel import Panel as Frame
from rich.table import Table
from rich.text import Text

from forecaster import events
from forecaster.cli.console import Console
from forecaster.cli.control_characters import escape_controls, escape_controls_in_json
from tests.cli.conftest import QUICK, Forecast

SEQUENCES = {
    "OSC 52": "\x1b]52;c;ZXZpbA==\x07",
    "OSC with ST": "\x1b]0;title\x1b\\",
    "CSI": "\x1b[2J\x1b[H",
    "C1 CSI": "\x9b2J",
    "C1 OSC": "\x9d52;c;ZXZpbA==\x9c",
    "DCS": "\x1bP$q\x1b\\",
    "bidi override": "\u202eevil\u202c",
    "bidi isolate": "\u2067evil\u2069",
    "carriage return": "good\rbad",
    "backspaces": "good\x08\x08\x08\x08",
    "line separator": "a\u2028b",
    "DEL": "\x7f",
    "NUL": "a\x00b",
    "half a surrogate pair": "\udc80",
}
OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
EVIL = "a\x1b]52;c;ZXZpbA==\x1b\\\x9b2J\u202eb"
DAYS = pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d")


def in_table(text: str) -> Table:
    table = Table(text)
    table.add_row(Text(text, style="bold"))
    return table


VIEWS: dict[str, Callable[[str], object]] = {
    "text": Text,
    "string": str,
    "table": in_table,
    "frame": lambda text: Frame(Text(text), title=text),
}


def write_long(path: Path, *, name: str = EVIL, header: str = "y") -> Path:
    rows = [f"{day},{series},{number % 7}" for series in (name, "plain") for number, day in enumerate(DAYS)]
    path.write_text(f"ds,unique_id,{header}\n" + "\n".join(rows) + "\n", "utf-8")
    return path


def is_obeyed(text: str) -> bool:
    return bool(OBEYED.search(text))


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
def test_each_sequence_is_visible_and_harmless(sequence: str) -> None:
    escaped = escape_controls(sequence)
    assert not is_obeyed(escaped)
    assert escaped.isprintable()
    assert len(escaped) > len(sequence)


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
def test_json_keeps_each_character_and_shows_none(sequence: str) -> None:
    text = escape_controls_in_json(json.dumps({"id": sequence}, ensure_ascii=False))
    assert not is_obeyed(text)
    assert json.loads(text) == {"id": sequence}


def test_ordinary_text_is_unchanged() -> None:
    text = "Zürich\tнорд 東京 שלום ‰ – \N{NO-BREAK SPACE}👩\u200d🔬\nline"
    assert escape_controls(text) == text


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
def test_the_result_is_escaped(
    view: Callable[[str], object], sequence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Console(json=False, quiet=False, verbose=False, no_color=False).show({}, view(sequence))  # type: ignore[arg-type]
    assert not is_obeyed(capsys.readouterr().out)


def test_notes_errors_details_and_events_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(json=False, quiet=False, verbose=True, no_color=True)
    for write in (console.note, console.error, console.detail):
        write(EVIL)
    console.watch(events.Note(EVIL))
    console.watch(events.DataRead(source=EVIL, roles=EVIL, series=1, rows=1))
    err = capsys.readouterr().err
    assert err.count("\\x1b]52;c;ZXZpbA==") >= 5
    assert not is_obeyed(err)


def test_progress_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    console = Console(json=False, quiet=False, verbose=False, no_color=False)
    with console.working():
        console.watch(events.TrainingStarted(stage=EVIL, steps=3, done=0))
        console.note(EVIL)
    assert "\\x9b2J" in stream.getvalue()
    assert "]52;c;ZXZpbA==" in stream.getvalue()
    for sequence in ("\x1b]52", "\x9b", "\u202e", "\x07"):
        assert sequence not in stream.getvalue()


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", "evil header.csv", "--target", EVIL],
        ["inspect", f"{EVIL}.csv"],
        ["inspect", f"missing {EVIL}.csv"],
        ["inspect", "long.csv", "--target", EVIL],
        ["inspect", "long.csv", EVIL],
        ["inspect", "long.csv", f"--{EVIL}"],
        ["train", "long.csv", "--set", f"{EVIL}=1"],
        ["train", "long.csv", "--model", EVIL],
        ["train", "text.csv", "--time", "ds", "--id", "unique_id"],
        ["show", EVIL],
        [EVIL],
    ],
    ids=ascii,
)
def test_commands_and_their_errors_are_escaped(forecast: Forecast, tmp_path: Path, arguments: list[str]) -> None:
    write_long(tmp_path / "long.csv")
    write_long(tmp_path / "evil header.csv", header=EVIL)
    write_long(tmp_path / f"{EVIL}.csv")
    (tmp_path / "text.csv").write_text("ds,unique_id,y\n" + "".join(f"{day},{EVIL},{EVIL}\n" for day in DAYS))
    done = forecast(*arguments)
    assert not is_obeyed(done.out + done.err)
    assert "]52;c;ZXZpbA" in done.out + done.err


def test_a_bug_prints_an_escaped_traceback(forecast: Forecast, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError(EVIL)

    monkeypatch.setattr("forecaster.workflows.inspect.inspect", fail)
    done = forecast("inspect", "t.csv")
    assert done.code == 1
    assert not is_obeyed(done.err)
    assert "RuntimeError: a\\x1b]52" in done.err


def test_training_forecasting_and_showing_are_escaped_and_tables_keep_the_id(
    forecast: Forecast, tmp_path: Path
) -> None:
    write_long(tmp_path / "long.csv")
    write_long(tmp_path / f"{EVIL}.csv")
    done = [
        forecast("train", f"{EVIL}.csv", *QUICK, "--out", "b"),
        forecast("predict", "long.csv", "--bundle", "b"),
        forecast("show", "b"),
    ]
    assert "]52;c;ZXZpbA==" in done[-1].out
    for each in done:
        assert each.code == 0
        assert not is_obeyed(each.out + each.err)
    assert EVIL in set(pd.read_csv(tmp_path / "forecasts.csv")["unique_id"])
    piped = forecast("predict", "long.csv", "--bundle", "b", "--out", "-")
    assert EVIL in piped.out
    document = forecast("predict", "long.csv", "--bundle", "b", "--out", "-", "--json")
    assert not is_obeyed(document.out)
    assert EVIL in {row["unique_id"] for row in document.json["forecasts"]}


@pytest.mark.parametrize("arguments", [["--out", "-"], ["--json"], []], ids=["table", "json", "summary"])
def test_a_terminal_gets_no_control_sequence(tmp_path: Path, arguments: list[str]) -> None:
    write_long(tmp_path / "long.csv")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-m", "forecaster", "inspect", "long.csv", *arguments]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    content = b""
    while chunk := read_terminal(ours):
        content += chunk
    os.close(ours)
    assert process.wait() == 0
    assert not is_obeyed(content.decode().replace("\r\n", "\n"))


def read_terminal(stream: int) -> bytes:
    try:
        return os.read(stream, 1 << 16)
    except OSError:  # Linux reports the end of a terminal as an error.
        return b""
