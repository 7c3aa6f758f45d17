"""The import rule as a table, and the promise that `--help` is light."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "forecaster"

# a room imports only from rooms on lower floors, and from itself
FLOORS = [
    {"addresses"},
    {"errors", "durations", "model_table", "quantile_function"},
    {"config", "frequency", "events"},
    {"network", "panel", "runtime", "settings"},
    {"closed_steps"},
    {"batches", "parallel", "forecast"},
    {"data", "training", "evaluation", "store"},
    {"models", "explain", "pretraining"},
    {"report", "selection"},
    {"workflows", "api_options"},
    {"cli", "api"},
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# a library and the only modules that may import it
HOMES = {
    "torch": (
        "network.",
        "training.",
        "models.fine_tuned",
        "models.neural",
        "models.pretrained_torch",
        "models.trained",
        "runtime",
        "explain.unroll",
        "explain.gradients",
        "explain.inside",
        "explain.attribution",
        "pretraining.training",
    ),
    "typer": ("cli.",),
    "rich": ("cli.", "report."),
    "safetensors": ("store.",),
    "filelock": ("store.",),
    "sqlalchemy": ("store.",),
    "yaml": ("settings", "config.yaml_loader"),
    "pyarrow": ("data.", "store."),
    "scipy": ("evaluation.significance",),
    "statsforecast": ("models.statistical",),
    "optuna": ("selection.search.study", "selection.search.optuna"),
    "jinja2": ("report.page.document",),
    "plotly": ("report.page.document",),
    "matplotlib": ("report.figure.",),
    "onnxruntime": ("models.onnx",),
    "openpyxl": ("store.workbook",),
    "babel": ("data.cells.month_names",),
    "python_calamine": ("data.files.sheet_process",),
    "onnx": ("models.graph_check",),
    "ray": ("parallel.ray",),
}
# the modules that draw synthetic series need numpy only
SERIES_ROOMS = tuple(
    f"pretraining.{each}" for each in ("families.", "augment", "corpus", "frame", "mixture", "paths", "profiles")
)
STRANGERS = {
    "pandas": ("network.", "training.", *SERIES_ROOMS),
    "torch": SERIES_ROOMS,
}

COMMANDS = (
    "train",
    "predict",
    "init",
    "backtest",
    "compare",
    "tune",
    "run",
    "schedule",
    "ledger",
    "inspect",
    "show",
    "doctor",
    "report",
    "explain",
)
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_from_floors_below(path: Path) -> None:
    room = name_of(path).split(".")[0]
    assert room in FLOOR_OF, f"{room} has no floor"
    for imported in imports_of(path):
        parts = imported.split(".")
        if parts[0] == "forecaster" and len(parts) > 1 and parts[1] not in ("__version__", room):
            assert FLOOR_OF[parts[1]] < FLOOR_OF[room], f"{name_of(path)} imports {imported}"


def folder_of(dotted: str) -> str:
    """Return the folder that a dotted name below `forecaster` leads to, as far as it exists."""
    folder = PACKAGE
    for part in dotted.split("."):
        if not (folder / part).is_dir():
            break
        folder /= part
    return ".".join(folder.relative_to(PACKAGE).parts)


def folder_graph() -> dict[str, set[str]]:
    """Return, for every folder of the package, the folders that its own modules import from."""
    graph: dict[str, set[str]] = {}
    for path in MODULES:
        folder = ".".join(path.parent.relative_to(PACKAGE).parts)
        imported = {each.removeprefix("forecaster.") for each in imports_of(path) if each.startswith("forecaster.")}
        graph.setdefault(folder, set()).update(folder_of(each) for each in imported)
    return {folder: targets - {folder} for folder, targets in graph.items()}


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the nodes of one circle in a directed graph, empty where there is none."""

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return path[path.index(node) :]
        if node in finished:
            return []
        for target in sorted(graph.get(node, ())):
            circle = visit(target, [*path, node])
            if circle:
                return circle
        finished.add(node)
        return []

    finished: set[str] = set()
    return next((circle for node in sorted(graph) if (circle := visit(node, []))), [])


def is_nested(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def test_folders_side_by_side_form_no_circle() -> None:
    """A folder and the folders within it are one subject: between them the test of modules finds circles."""
    graph = {
        one: {other for other in others if other and not is_nested(one, other)}
        for one, others in folder_graph().items()
    }
    graph.pop("", None)  # the modules beside the folders have floors of their own
    assert find_circle(graph) == []


def test_modules_form_no_circle() -> None:
    names = {name_of(path) for path in MODULES}
    graph: dict[str, set[str]] = {}
    for path in MODULES:
        imported = {each.removeprefix("forecaster.") for each in imports_of(path) if each.startswith("forecaster.")}
        graph[name_of(path)] = {each if each in names else each.rpartition(".")[0] for each in imported} & names
    assert find_circle(graph) == []


def test_a_circle_would_be_found() -> None:
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_library_stays_in_its_home(path: Path) -> None:
    name = name_of(path)
    for imported in imports_of(path):
        library = imported.split(".")[0]
        if library in HOMES:
            assert any(name == home or name.startswith(home) for home in HOMES[library]), f"{name} imports {library}"
        assert not any(name.startswith(room) for room in STRANGERS.get(library, ())), f"{name} imports {library}"


DOCUMENT = (ROOT / "ARCHITECTURE.md").read_text("utf-8")


def parse_tree(block: str) -> set[str]:
    """Return the dotted names of the modules in a tree: a folder ends in `/`, and its modules follow it."""
    names: set[str] = set()
    folders: list[str] = []
    for line in block.splitlines():
        head = re.match(r"( *)(\w+)/ *", line)
        if head:
            folders = [*folders[: len(head[1]) // 2], head[2]]
        modules = line[head.end() :] if head else line
        names |= {".".join([*folders[1:], module]) for module in modules.split()}
    return names


def test_the_documented_tree_is_the_real_one() -> None:
    block = next(each for each in DOCUMENT.split("```") if each.startswith("\nforecaster/"))
    documented, real = parse_tree(block[1:]), {name_of(path) for path in MODULES}
    assert (sorted(documented - real), sorted(real - documented)) == ([], [])


def test_a_tree_is_read_with_its_folders() -> None:
    assert parse_tree("forecaster/   one\n  a/    two\n        three\n    b/  four\n  c/    five") == {
        "one",
        "a.two",
        "a.three",
        "a.b.four",
        "c.five",
    }


def test_the_map_is_brief_and_every_path_in_it_exists() -> None:
    assert len(DOCUMENT.splitlines()) <= 120
    paths = re.findall(r"`((?:forecaster|tests)/[\w/.]*)`", DOCUMENT)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_function_of_the_two_flows_exists() -> None:
    steps = re.findall(r"`([\w/]+\.py):(\w+)`", DOCUMENT)
    assert len(steps) > 20
    missing = [
        f"{file}:{name}"
        for file, name in steps
        if not re.search(rf"^ *(def|class) {name}\b", (PACKAGE / file).read_text("utf-8"), flags=re.MULTILINE)
    ]
    assert missing == []


def modules_with(pattern: str) -> set[str]:
    return {name_of(path) for path in MODULES if re.search(pattern, path.read_text("utf-8"))}


@pytest.mark.parametrize(
    ("pattern", "modules"),
    [
        pytest.param("minlstm|MinLstm", {"network.recurrent.minlstm", "config.model", "model_table"}, id="a cell"),
        pytest.param("StudentT", {"network.heads.student_t", "config.network", "network.build"}, id="a head"),
        pytest.param("no_refit", {"cli.train", "api_options"}, id="a flag of train"),
        pytest.param(
            r'"--integer"|integer: bool \| None',
            {"cli.options", "api_options"},
            id="a flag of all commands that read tables",
        ),
        pytest.param(r"csv\.parse\(", {"data.files.read"}, id="an input format"),
        pytest.param(r'columns\["status"\] = ', {"forecast"}, id="an output column"),
    ],
)
def test_an_addition_takes_as_many_files_as_the_map_says(pattern: str, modules: set[str]) -> None:
    """The newest cell, head and flag show where another one would be added."""
    assert modules_with(pattern) == modules


@pytest.mark.slow
def test_predicting_with_graphs_never_loads_torch(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    data = ROOT / "data" / "air_passengers.csv"
    settings = ("training.steps=4", "model.hidden=4", "ensemble.workers=1")
    arguments = ["train", data, "--out", "b", *(word for each in settings for word in ("--set", each))]
    run = [sys.executable, "-m", "forecaster", *map(str, arguments)]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    code = (
        "import sys; from forecaster.cli.app import main; code = main(['predict', '--bundle', 'b']);"
        "heavy = {'torch', 'optuna', 'statsforecast', 'scipy', 'sqlalchemy', 'holidays', 'ray'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "forecasts.csv").read_text().splitlines()) == 13


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["ledger", "score", "--help"], *([name, "--help"] for name in COMMANDS)]
)
def test_help_loads_neither_torch_nor_pandas(arguments: list[str]) -> None:
    code = (
        "import sys; from forecaster.cli.app import main; code = main(sys.argv[1:]);"
        "heavy = {'torch', 'pandas', 'numpy', 'pyarrow', 'sqlalchemy', 'ray', 'forecaster.config'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
