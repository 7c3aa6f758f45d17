"""Whatever is wrong with what the user gave: the right code, one error line, one hint, nothing left behind."""

import gzip
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.conftest import QUICK, Done, Forecast

DAYS = [f"2024-{1 + day // 28:02}-{1 + day % 28:02}" for day in range(84)]
GOOD = "date,y\n" + "".join(f"{day},{number * 7 % 13}\n" for number, day in enumerate(DAYS))
HEADER = b"date,y\n"


@dataclass(frozen=True)
class Case:
    """A table `t.csv`, flags, and what must come of it."""

    name: str
    content: str | bytes | None
    code: int
    words: list[str]
    flags: list[str] = field(default_factory=list)
    data: str = "t.csv"


def changed(row: int, text: str) -> str:
    lines = GOOD.splitlines()
    lines[row] = text
    return "\n".join(lines) + "\n"


CASES = [
    Case("an empty file", "", 65, ["t.csv", "empty"]),
    Case("a header only", "date,y\n", 65, ["t.csv"]),
    Case("a missing file", None, 66, ["t.csv", "no such file"]),
    Case("an empty folder", None, 66, ["folder"], data="folder"),
    Case("a binary file", bytes(range(256)) * 40, 65, ["t.csv"]),
    Case("a PDF named .csv", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", 65, ["t.csv", "PDF"]),
    Case("ragged rows", changed(7, "2024-01-07,1,2,3"), 65, ["t.csv", "line 8"]),
    Case("no numeric column", "date,y\n" + "".join(f"{day},red\n" for day in DAYS), 65, ["t.csv"]),
    Case("no parsable time", "".join(f"{'abc'[i % 3]},{i}\n" for i in range(30)), 65, ["--time none"]),
    Case("an all-NaN column", "date,y\n" + "".join(f"{day},\n" for day in DAYS), 65, ["t.csv", "y"]),
    Case("one row", "date,y\n2024-01-01,5\n", 65, ["t.csv"]),
    Case("fewer rows than the horizon", GOOD, 65, ["88", "90", "91"], ["--horizon", "90"]),
    Case(
        "mixed time zones",
        "date,y\n" + "".join(f"{day}T00:00:00{zone},1\n" for day in DAYS[:20] for zone in ("+01:00", "+05:00")),
        65,
        ["zone"],
    ),
    Case("differing rows for one timestamp", GOOD + f"{DAYS[-1]},99\n", 65, [DAYS[-1], "--duplicates"]),
    Case("infinite values", changed(9, f"{DAYS[8]},inf"), 65, ["t.csv", "inf"]),
    Case("numbers with text", changed(9, f'{DAYS[8]},"1,234 kg"'), 65, ["1,234 kg", "line 10"]),
    Case(
        "two time columns",
        "a,b,y\n" + "".join(f"{d},{DAYS[-n]},{n}\n" for n, d in enumerate(DAYS)),
        2,
        ["--time", "a", "b"],
    ),
    Case("an unknown target", GOOD, 2, ["'yy'", "did you mean 'y'"], ["--target", "yy"]),
    Case("an unknown config key", GOOD, 78, ["did you mean 'steps'"], ["--set", "training.stepz=3"]),
    Case("an unknown model", GOOD, 2, ["--model", "gru"], ["--model", "gruu"]),
    Case("an unknown policy", GOOD, 2, ["--duplicates", "mean"], ["--duplicates", "median"]),
    Case("an unknown config value", GOOD, 78, ["did you mean 'gru'"], ["--set", "model.kind=gruu"]),
    Case("a negative horizon", GOOD, 2, ["--horizon"], ["--horizon", "-1"]),
    Case("a horizon of zero", GOOD, 2, ["--horizon"], ["--horizon", "0"]),
    Case("an absurd horizon", GOOD, 2, ["--horizon"], ["--horizon", "1000000000"]),
    Case("a horizon that is no number", GOOD, 2, ["--horizon"], ["--horizon", "two"]),
    Case("an unknown flag", GOOD, 2, ["--horizn"], ["--horizn", "3"]),
    Case("an unknown frequency", GOOD, 2, ["fortnight"], ["--freq", "fortnight"]),
    Case("a missing config file", GOOD, 66, ["nowhere.yaml"], ["--config", "nowhere.yaml"]),
    Case("an output under a file", GOOD, 73, ["t.csv/b"], ["--out", "t.csv/b"]),
    Case("no data at all", None, 2, ["DATA"], data=""),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_training_on_bad_input_is_refused(forecast: Forecast, tmp_path: Path, case: Case) -> None:
    if case.content is not None:
        content = case.content if isinstance(case.content, bytes) else case.content.encode()
        (tmp_path / "t.csv").write_bytes(content)
    if case.data == "folder":
        (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    data = [case.data] if case.data else []
    done = forecast("train", *data, *case.flags)
    assert_refused(done, case.code, case.words)
    assert sorted(tmp_path.rglob("*")) == before
    assert_refused_as_json(forecast("train", *data, *case.flags, "--json"), case.code)


def assert_refused(done: Done, code: int, words: list[str]) -> None:
    assert done.code == code, done.err
    assert done.out == ""
    error, hint = done.err.splitlines()[-2:]
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    assert len(hint) > len("hint: ")
    assert "Traceback" not in done.err
    for word in words:
        assert word in f"{error} {hint}"


def assert_refused_as_json(done: Done, code: int) -> None:
    error = json.loads(done.out)["error"]
    assert done.code == error["code"] == code
    assert set(error) == {"code", "kind", "message", "hint"}


@pytest.fixture
def bundle(forecast: Forecast, tmp_path: Path) -> Path:
    (tmp_path / "t.csv").write_text(GOOD)
    assert forecast("train", "t.csv", *QUICK, "--horizon", "5", "--out", "b").code == 0
    return tmp_path / "b"


def truncate(bundle: Path) -> None:
    weights = bundle / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])


def alter(bundle: Path) -> None:
    config = bundle / "config.yaml"
    config.write_text(config.read_text().replace("gru", "lstm"))


def make_newer(bundle: Path) -> None:
    manifest = bundle / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"schema_version": 1', '"schema_version": 9'))


def remove(bundle: Path) -> None:
    bundle.rename(bundle.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("break_it", "words"),
    [(remove, ["no such bundle"]), (truncate, ["truncated"]), (alter, ["altered"]), (make_newer, ["newer"])],
)
def test_a_broken_bundle_is_refused(
    forecast: Forecast, bundle: Path, break_it: Callable[[Path], None], words: list[str]
) -> None:
    break_it(bundle)
    assert_refused(forecast("predict", "t.csv", "--bundle", "b"), 66, words)
    assert not Path("forecasts.csv").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (GOOD.replace("date,y", "date,x"), ["y"]),
        (GOOD.replace("date,y", "day,y"), ["date"]),
        ("date,y\n" + "".join(f"{2000 + i // 12}-{1 + i % 12:02},{i * 7 % 13}\n" for i in range(300)), ["D"]),
        (GOOD[: len(GOOD) // 2].rsplit("\n", 1)[0] + "\n", [DAYS[-1]]),
    ],
    ids=["another target", "another time column", "another frequency", "older than the bundle's"],
)
def test_data_that_does_not_fit_the_bundle_is_refused(
    forecast: Forecast, bundle: Path, content: str, words: list[str]
) -> None:
    Path("new.csv").write_text(content)
    done = forecast("predict", "new.csv", "--bundle", "b")
    assert_refused(done, 65, ["new.csv", *words])
    assert "--target" not in done.err
    assert "--time" not in done.err
    assert not Path("forecasts.csv").exists()


def test_differing_rows_of_fresh_data_follow_the_flag(forecast: Forecast, bundle: Path) -> None:
    Path("new.csv").write_text(GOOD + f"{DAYS[-1]},99\n")
    assert_refused(forecast("predict", "new.csv", "--bundle", "b"), 65, ["--duplicates"])
    assert forecast("predict", "new.csv", "--bundle", "b", "--duplicates", "last").code == 0


def test_predict_in_an_empty_folder_says_to_train(forecast: Forecast) -> None:
    done = forecast("predict")
    assert_refused(done, 66, ["forecast train"])


def test_the_bundles_data_may_have_gone(forecast: Forecast, bundle: Path) -> None:
    Path("t.csv").unlink()
    assert_refused(forecast("predict", "--bundle", "b"), 66, ["t.csv"])


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--out", "t.csv/f.csv"], 73),
        (["--out", "nowhere/f.csv"], 73),
        (["--out", "f.docx"], 2),
        (["--levels", "99"], 2),
        (["--levels", "wide"], 2),
        (["--horizon", "0"], 2),
        (["--layout", "broad"], 2),
    ],
    ids=str,
)
def test_a_wrong_flag_of_predict_is_refused(forecast: Forecast, bundle: Path, flags: list[str], code: int) -> None:
    assert_refused(forecast("predict", "--bundle", "b", *flags), code, [])


def test_a_folder_in_use_is_refused(forecast: Forecast, bundle: Path) -> None:
    assert_refused(forecast("train", "t.csv", "--out", "b"), 73, ["--resume"])
    assert (bundle / "manifest.json").exists()


@pytest.mark.slow
def test_a_full_disk_is_told_and_leaves_nothing(forecast: Forecast, tmp_path: Path, bundle: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(full)], check=True)
    try:
        (full / "old").write_bytes(b"x" * 40_000)
        flags = ["--set", "model.hidden=64", "--set", "training.steps=2", "--out", "full/b"]
        assert_refused(forecast("train", "t.csv", *flags), 73, ["full/b", "space"])
        assert [path.name for path in full.iterdir()] == ["old"]
        forecasts = full / "f.csv"
        forecasts.write_text("published before")
        (full / "rest").write_bytes(b"x" * 16_000)
        assert_refused(forecast("predict", "--bundle", "b", "--horizon", "1000", "--out", forecasts), 73, ["space"])
        assert forecasts.read_text() == "published before"
    finally:
        subprocess.run(["umount", str(full)], check=True)


@pytest.mark.parametrize("zipped", [False, True])
def test_one_line_of_200_megabytes_is_refused_in_little_memory(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / ("t.csv.gz" if zipped else "t.csv")
    with gzip.open(path, "wb", compresslevel=1) if zipped else path.open("wb") as file:
        for _ in range(200):
            file.write(b"1234567," * 131_072)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))

    code = "import sys; from forecaster.cli.app import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "train", path.name],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        preexec_fn=limit,
        env={"OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system", "PATH": ""},
    )
    assert_refused(Done(done.returncode, done.stdout, done.stderr), 65, ["line 1"])


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--model", "lstmm"], ["--model", "did you mean 'lstm'?"]),
        (["--preset", "fats"], ["--preset", "did you mean 'fast'?"]),
        (["--preste", "fast"], ["No such option: --preste (did you mean '--preset'?)"]),
        (["--duplicates", "frist"], ["--duplicates", "did you mean 'first'?"]),
        (["--presett", "fast"], ["--presett", "--preset"]),
    ],
    ids=lambda given: given[-1],
)
def test_a_wrong_choice_names_the_near_miss(forecast: Forecast, flags: list[str], words: list[str]) -> None:
    assert_refused(forecast("train", "t.csv", *flags), 2, words)


def test_a_choice_that_is_near_none_gets_the_list_alone(forecast: Forecast) -> None:
    done = forecast("train", "t.csv", "--preset", "quick")
    assert_refused(done, 2, ["'fast', 'default', 'best'"])
    assert "did you mean" not in done.err
