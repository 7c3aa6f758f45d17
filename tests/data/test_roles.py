"""The roles of columns, from their names and values."""

from pathlib import Path
from typing import Any

import pytest

from forecaster.config import DataConfig
from forecaster.data.columns.roles import Roles, find_roles
from forecaster.data.files.read import read
from forecaster.errors import DataError, ForecastError, UsageError

LONG = "store,day,sales\n" + "".join(f"{s},2020-01-{d:02},{d * s}.5\n" for d in range(1, 9) for s in (1, 2, 3))


def roles_of(content: str, folder: Path, **config: Any) -> Roles:
    (folder / "t.csv").write_text(content)
    (table,) = read(str(folder / "t.csv"))
    return find_roles(table, DataConfig(**config))


def rows(header: str, *columns: str) -> str:
    """Return a table of six rows; `#` in a cell stands for the number of the row."""
    return "\n".join([header, *(",".join(cell.replace("#", str(row)) for cell in columns) for row in range(1, 7))])


@pytest.mark.parametrize(
    ("content", "shape", "time", "id", "targets", "left_out"),
    [
        (rows("date,y", "2020-01-0#", "#"), "single", "date", None, ("y",), {}),
        (rows("y,date", "#.5", "2020-01-0#"), "single", "date", None, ("y",), {}),
        (rows("date,a,b", "2020-01-0#", "#", "#.5"), "wide", "date", None, ("a", "b"), {}),
        (rows("Month,sky,a", "2020-0#", "rain", "#"), "single", "Month", None, ("a",), {"sky": "text"}),
        (rows("ds,y,temp", "2020-01-0#", "#", "5"), "single", "ds", None, ("y",), {"temp": "not a target"}),
        (rows("unique_id,ds,y", "a", "#", "#"), "long", "ds", "unique_id", ("y",), {}),
        (rows("unique_id,ds,y", "7", "#", "#"), "long", "ds", "unique_id", ("y",), {}),
        (rows("symbol,date,close", "IBM", "2020-01-0#", "#"), "long", "date", "symbol", ("close",), {}),
        (LONG, "long", "day", "store", ("sales",), {}),
        (rows(",date,y", "#", "2020-01-0#", "#.5"), "single", "date", None, ("y",), {"column1": "row numbers"}),
        (
            rows("date,year,month,y", "2020-01-0#", "2020", "1", "#.5"),
            "single",
            "date",
            None,
            ("y",),
            {"year": "a part of the time", "month": "a part of the time"},
        ),
        (
            rows("date,updated_at,y", "2020-01-0#", "2020-02-0#", "#"),
            "single",
            "date",
            None,
            ("y",),
            {"updated_at": "times"},
        ),
        (rows("year,y", "201#", "#.5"), "single", "year", None, ("y",), {}),
        (rows("step,y", "#", "#.5"), "single", "step", None, ("y",), {}),
        (rows("n,y", "#", "9"), "single", "n", None, ("y",), {}),
        (
            "id,day,sales\n" + "".join(f"{s},{d},{d}.5\n" for s in (1, 2) for d in range(9)),
            "long",
            "day",
            "id",
            ("sales",),
            {},
        ),
        (rows("2010-01-09,3,.5", "2010-01-0#", "3", "#.5"), "wide", "column1", None, ("column2", "column3"), {}),
        (
            rows("date,y,z,open", "2020-01-0#", "#", "NA", "true"),
            "single",
            "date",
            None,
            ("y",),
            {"z": "no values", "open": "true or false"},
        ),
        (rows("date,y", "2020-01-0#", '"1,00#"'), "single", "date", None, ("y",), {}),
    ],
)
def test_roles_follow_from_names_and_values(
    content: str,
    shape: str,
    time: str,
    id: str | None,
    targets: tuple[str, ...],
    left_out: dict[str, str],
    tmp_path: Path,
) -> None:
    assert roles_of(content, tmp_path) == Roles(shape, time, id, targets, left_out)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "shape", "time", "targets"),
    [
        ({"target": ("close",)}, "single", "date", ("close",)),
        ({"target": ("close", "open")}, "wide", "date", ("close", "open")),
        ({"time": "none"}, "wide", None, ("open", "close")),
        ({"time": "when", "target": ("open",)}, "single", "when", ("open",)),
    ],
)
def test_the_config_decides(
    config: dict[str, Any], shape: str, time: str | None, targets: tuple[str, ...], tmp_path: Path
) -> None:
    content = rows("date,when,open,close", "2020-01-0#", "2021-01-0#", "#", "#.5")
    found = roles_of(content, tmp_path, **config)
    assert (found.shape, found.time, found.targets) == (shape, time, targets)


@pytest.mark.parametrize(
    ("content", "config", "error", "says", "hint"),
    [
        (
            "ordered,shipped,y\n"
            + "".join(f"2020-01-0{day},2020-01-0{3 * day % 7 + 1},{day}\n" for day in range(1, 7)),
            {},
            UsageError,
            "several columns could be the time: ordered, shipped",
            "--time ordered",
        ),
        (
            rows("date,close", "2020-01-0#", "#"),
            {"target": ("clsoe",)},
            UsageError,
            "--target: no column 'clsoe' (did you mean 'close'?)",
            "date, close",
        ),
        (rows("date,close", "2020-01-0#", "#"), {"time": "dat"}, UsageError, "--time: no column 'dat'", "date"),
        (rows("date,close", "2020-01-0#", "#"), {"id": "name"}, UsageError, "--id: no column 'name'", "date"),
        (
            rows("unique_id,ds,a,b", "x", "#", "#", "#"),
            {},
            UsageError,
            "several columns could be the target: a, b",
            "--target a",
        ),
        (
            rows("unique_id,ds,a,b", "x", "#", "#", "#"),
            {"target": ("a", "b")},
            UsageError,
            "can have only one target",
            "--target a",
        ),
        (rows("a,b", "#.5", "#.5"), {}, DataError, "no column contains times", "--time none"),
        (
            rows("date,sky", "2020-01-0#", "rain"),
            {},
            DataError,
            "no numeric column; 'sky' contains text such as 'rain'",
            "numbers",
        ),
        (rows("date,y", "2020-01-0#", "NA"), {}, DataError, "no numeric column; 'y' contains no values", "numbers"),
        (
            rows("date,sky,y", "2020-01-0#", "rain", "#"),
            {"target": ("sky",)},
            DataError,
            "'sky' contains text",
            "--target y",
        ),
    ],
)
def test_the_error_for_unclear_roles_says_what_to_type(
    content: str, config: dict[str, Any], error: type[ForecastError], says: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=r"t\.csv: ") as caught:
        roles_of(content, tmp_path, **config)
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_two_columns_that_could_name_the_series_are_refused(tmp_path: Path) -> None:
    lines = ["kind,town,date,y"] + [f"s{s},t{(s + d) % 2},2020-01-{d:02},{d}.5" for d in range(1, 9) for s in (1, 2)]
    with pytest.raises(UsageError, match="several columns could name the series: kind, town"):
        roles_of("\n".join(lines), tmp_path)


def test_of_two_columns_that_name_the_same_series_the_first_counts(tmp_path: Path) -> None:
    lines = ["Entity,Code,date,y"] + [f"s{s},t{s},2020-01-{d:02},{d}.5" for d in range(1, 9) for s in (1, 2)]
    assert roles_of("\n".join(lines), tmp_path).id == "Entity"


WEATHER = rows("date,sky,temp,y", "2020-01-0#", "rain", "#.5", "#")


@pytest.mark.parametrize(
    ("config", "shape", "targets", "left_out"),
    [
        ({"past": ("temp",)}, "single", ("y",), {"sky": "text"}),
        ({"known": ("sky", "temp")}, "single", ("y",), {}),
        ({"past": ("sky",)}, "wide", ("temp", "y"), {}),
        ({"static": ("temp",), "target": ("y",)}, "single", ("y",), {"sky": "text"}),
    ],
)
def test_a_covariate_is_not_a_target(
    config: dict[str, Any], shape: str, targets: tuple[str, ...], left_out: dict[str, str], tmp_path: Path
) -> None:
    found = roles_of(WEATHER, tmp_path, **config)
    assert (found.shape, found.targets, found.left_out) == (shape, targets, left_out)
    assert {"past": found.past, "known": found.known, "static": found.static} == {
        "past": (),
        "known": (),
        "static": (),
        **{role: names for role, names in config.items() if role != "target"},
    }


def test_a_covariate_is_neither_id_nor_time(tmp_path: Path) -> None:
    lines = ["shop,town,date,opened,y"]
    lines += [f"s{s},t{s},2020-01-{d:02},2019-01-0{s},{d}.5" for d in range(1, 9) for s in (1, 2)]
    found = roles_of("\n".join(lines), tmp_path, static=("town", "opened"))
    assert (found.id, found.time, found.targets) == ("shop", "date", ("y",))


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"past": ("tmep",)}, "--past: no column 'tmep' (did you mean 'temp'?)"),
        ({"known": ("temp", "hail")}, "--known: no column 'hail'"),
        ({"static": ("skies",)}, "--static: no column 'skies'"),
        ({"target": ("y",), "past": ("y",)}, "column 'y' is named twice, by --target and --past"),
        ({"past": ("temp",), "known": ("temp",)}, "column 'temp' is named twice, by --past and --known"),
        ({"past": ("temp", "temp")}, "column 'temp' is named twice, by --past"),
        ({"time": "date", "known": ("date",)}, "column 'date' is named twice, by --time and --known"),
    ],
)
def test_a_covariate_must_exist_and_have_one_role(config: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        roles_of(WEATHER, tmp_path, **config)
    assert says in caught.value.message
