"""Changed bundles with right hashes: does any command end with a traceback, hang, or fill the memory?

    python -m benchmarks.fuzz_bundles --inputs 2000 --seed 1

Each input is a copy of a bundle in `tests/golden`, changed in one to three places: values of JSON and YAML, headers and
data of safetensors, bytes and nodes of ONNX graphs, links and pipes in place of files. Its hashes are computed anew. A
forked child, which has loaded everything already, runs `predict`, `show` or `report` on it within 10 seconds and 2 GB.
Exits with 1 if any child failed, and names the number of its input, by which `--only` repeats it.
"""

import argparse
import collections
import contextlib
import hashlib
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
KINDS = {"network": "sales", "graphs": "sales", "ensemble": "sales", "deepar": "sales", "covariates": "shops"}
COMMANDS = (
    ("predict", "{data}", "--bundle", "b", "-o", "f.csv"),
    ("predict", "{data}", "--bundle", "b", "-o", "f.csv"),
    ("predict", "{data}", "--bundle", "b", "-o", "-", "--json"),
    ("predict", "--bundle", "b"),
    ("show", "b"),
    ("show", "b", "--json"),
    ("report", "b", "-o", "r.html"),
    ("report", "b", "--data", "{data}", "-o", "r.html"),
)
SECONDS = 10
MEMORY_BYTES = 2 * 2**30
_RESERVED_BYTES = 8 * 2**30  # The child is stopped here, before it fills the memory of the machine.
_GOOD_CODES = {0, 2, 65, 66}

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2**31, 2**63, 10**30, 1e308, 0.5, -1e-300),
    *("", "x", "4", "\0", "\x1b[2J", "\u202e", "../../etc/passwd", "/dev/zero", "a" * 100_000, "2020-99-99", "=1+1"),
    *([], {}, [[]], [None], {"": 0}, [1] * 1000, {"a": {"b": {"c": []}}}),
)
ODD_TEXTS = (
    *("1e999", "NaN", "-Infinity", '"\\ud800"', "[" * 5000 + "]" * 5000, '{"a":' * 5000 + "1" + "}" * 5000, "", "{"),
    *("1" * 5000, '"\\u0000"', "0x10", "tru", "[1,]", '{"a": 1, "a": 2}'),
)
ODD_YAML = (
    "x: &a [*a]\n",
    "".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 9) if n else 'x'}]\n" for n in range(9)),
    "".join(f"m{n}: &m{n} {{{f'<<: [*m{n - 1}, *m{n - 1}]' if n else 'a: 1'}}}\n" for n in range(30)),
    "? [a, b]\n: c\n",
    "data: !!python/object/apply:os.system [true]\n",
    "[" * 200,
    "--- a\n--- b\n",
    "\t",
)

Change = Callable[[Path, random.Random], None]


def seal(folder: Path) -> None:
    """Compute the hashes of the files and of the manifest anew, as a forger would."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    for name in manifest["files"]:
        path = folder / name
        if path.is_file() and not path.is_symlink():
            manifest["files"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
    seal_manifest(folder, manifest)


def seal_manifest(folder: Path, manifest: Any) -> None:
    """Write a manifest of any content with its hash."""
    manifest.pop("hash", None)
    content = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    manifest["hash"] = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))


def _leaves(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in pairs:
        yield from _leaves(value, (*path, key))


def _change_tree(tree: Any, rng: random.Random) -> None:
    path = rng.choice(list(_leaves(tree)))
    for key in path[:-1]:
        tree = tree[key]
    match rng.randrange(4):
        case 0 if isinstance(tree, dict):
            del tree[path[-1]]
        case 1 if isinstance(tree, dict):
            tree[rng.choice([str(value)[:300] for value in ODD_VALUES])] = tree.pop(path[-1])
        case _:
            tree[path[-1]] = rng.choice(ODD_VALUES)


def change_manifest(folder: Path, rng: random.Random) -> None:
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    _change_tree(manifest, rng)
    if isinstance(manifest.get("files"), dict):
        seal_manifest(folder, manifest)


def change_json(folder: Path, rng: random.Random) -> None:
    path = folder / rng.choice(["metrics.json", "metrics.json", "quality.json"])
    tree = json.loads(path.read_text("utf-8"))
    if rng.random() < 0.7:
        _change_tree(tree, rng)
        path.write_text(json.dumps(tree))
    else:
        text = json.dumps(tree)
        place = rng.choice([number for number, letter in enumerate(text) if letter == ":"]) + 1
        path.write_text(text[:place] + rng.choice(ODD_TEXTS) + text[place:].partition(",")[2])


def change_yaml(folder: Path, rng: random.Random) -> None:
    path = folder / "config.yaml"
    lines = path.read_text("utf-8").splitlines()
    number = rng.randrange(len(lines))
    key, separator, _ = lines[number].partition(":")
    match rng.randrange(4):
        case 0:
            lines[number] = rng.choice(ODD_YAML)
        case 1:
            del lines[number]
        case _ if separator:
            odd = rng.choice([*ODD_VALUES, 60_000, 3, "gru", "point", "auto", "cycle"])
            lines[number] = f"{key}: {json.dumps(odd)[:5000]}"
    path.write_text("\n".join(lines) + "\n")


def change_arrays(folder: Path, rng: random.Random) -> None:
    import numpy as np
    from safetensors.numpy import load_file, save_file

    path = folder / "weights.safetensors"
    arrays = load_file(path)
    name = rng.choice(sorted(arrays))
    array = arrays[name]
    odd: list[Callable[[], Any]] = [
        lambda: array * 0,
        lambda: np.full(array.shape, np.nan, np.float32),
        lambda: np.full(array.shape, rng.choice([np.inf, 1e38, -1e38, 1e-45]), np.float32),
        lambda: np.full(array.shape, rng.choice([-1, 2**62, 10**7, 5]), np.int64),
        lambda: array[:0],
        lambda: array.ravel()[None],
        lambda: np.repeat(array, 2, axis=0),
        lambda: array.astype(rng.choice(["float16", "float64", "int8", "bool"])),
        lambda: np.zeros((), np.float32),
    ]
    arrays[name] = np.ascontiguousarray(rng.choice(odd)())
    if rng.random() < 0.2:
        arrays[name + rng.choice(["", ".x", "\0", "9"])] = arrays.pop(name)
    save_file(arrays, path)


def change_header(folder: Path, rng: random.Random) -> None:
    path = folder / "weights.safetensors"
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    if rng.random() < 0.7:
        _change_tree(header, rng)
        text = json.dumps(header).encode()
    else:
        text = rng.choice(ODD_TEXTS).encode()
    length = rng.choice([len(text)] * 6 + [0, 2**40, 2**63, len(text) + 1])
    path.write_bytes(length.to_bytes(8, "little") + text + content[8 + size :])


def change_bytes(folder: Path, rng: random.Random) -> None:
    path = folder / rng.choice(sorted(each.name for each in folder.iterdir() if each.name != "manifest.json"))
    content = bytearray(path.read_bytes()) if path.is_file() else bytearray()
    for _ in range(rng.choice([1, 3, 30])):
        if content:
            content[rng.randrange(len(content))] = rng.randrange(256)
    path.write_bytes(content[: rng.randrange(len(content) + 1)] if rng.random() < 0.3 else content)


def change_table(folder: Path, rng: random.Random) -> None:
    path = folder / rng.choice(["holdout.csv", "history.csv"])
    lines = path.read_text("utf-8").splitlines()
    cells = lines[number := rng.randrange(len(lines))].split(",")
    cells[rng.randrange(len(cells))] = rng.choice(["", "x", "1e999", "nan", "9" * 400, '"', "2024-02-31", "\0", "a\nb"])
    lines[number] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n")


def change_graph(folder: Path, rng: random.Random) -> None:
    import onnx

    paths = sorted(folder.glob("*.onnx"))
    if not paths:
        return change_arrays(folder, rng)
    path = rng.choice(paths)
    model = onnx.ModelProto.FromString(path.read_bytes())
    graph = model.graph
    node, tensor = rng.choice(graph.node), rng.choice(graph.initializer)
    match rng.randrange(9):
        case 0:
            node.op_type = rng.choice(["Loop", "If", "Scan", "Expand", "Tile", "ConstantOfShape", "Abs", "Odd", ""])
        case 1:
            node.domain = rng.choice(["com.microsoft", "ai.onnx.ml", "x"])
        case 2:
            tensor.data_location = 1
            tensor.external_data.add(key="location", value=rng.choice(["/etc/passwd", "config.yaml", "../sales.csv"]))
        case 3 if tensor.dims:
            tensor.dims[0] = rng.choice([0, -1, 2**40, 7])
        case 4:
            graph.node.remove(node)
        case 5 if node.input:
            node.input[0] = rng.choice(rng.choice(graph.node).output or [""])
        case 6:
            constants = [each for each in graph.node if each.op_type == "Constant" and each.attribute[0].t.raw_data]
            value = rng.choice(constants).attribute[0].t
            value.raw_data = rng.choice([b"\xff", b"\x7f", b"\0", b"\x10"]) * len(value.raw_data)
        case 7:
            del graph.output[rng.randrange(len(graph.output))]
        case _:
            tensor.raw_data = bytes(rng.randrange(256) for _ in range(min(len(tensor.raw_data), 4096)))
    path.write_bytes(model.SerializeToString())
    return None


def change_kind(folder: Path, rng: random.Random) -> None:
    path = folder / rng.choice(sorted(each.name for each in folder.iterdir()))
    path.unlink()
    match rng.randrange(6):
        case 0:
            os.mkfifo(path)
        case 1:
            path.symlink_to(rng.choice(["/dev/zero", "/dev/random", "/proc/self/mem", "../sales.csv", path.name]))
        case 2:
            path.mkdir()
        case 3:
            with path.open("wb") as file:
                file.truncate(2 ** rng.choice([20, 31, 40]))


CHANGES: tuple[Change, ...] = (
    *(change_json, change_json, change_yaml, change_yaml, change_arrays, change_arrays, change_header, change_bytes),
    *(change_table, change_graph, change_graph, change_graph, change_manifest, change_manifest, change_kind),
)
_LAST_CHANGES = (change_manifest, change_kind)  # They leave nothing that another change could read.


def make_input(folder: Path, seed: int, number: int) -> list[str]:
    """Write a changed bundle `b` and its data into an empty folder, and return the arguments of a command."""
    rng = random.Random(f"{seed}/{number}")
    kind = rng.choice(sorted(KINDS))
    data = f"{KINDS[kind]}.csv"
    shutil.copy(GOLDEN / data, folder / data)
    shutil.copytree(GOLDEN / kind / "bundle", folder / "b")
    for change in sorted(rng.choices(CHANGES, k=rng.choice([1, 1, 2, 3])), key=CHANGES.index):
        with contextlib.suppress(Exception):  # An earlier change can leave nothing to change here.
            change(folder / "b", rng)
        if change in _LAST_CHANGES:
            break
        seal(folder / "b")
    return [argument.format(data=data) for argument in rng.choice(COMMANDS)]


@dataclass
class Tally:
    """The outcomes of all inputs.

    Attributes:
        codes: how often each exit code came up.
        failures: the numbers of the inputs that failed, by kind of failure.
    """

    codes: collections.Counter[int] = field(default_factory=collections.Counter)
    failures: dict[str, list[int]] = field(default_factory=dict)
    largest_bytes: int = 0
    longest_seconds: float = 0.0

    def add(self, number: int, code: int, output: str, used_bytes: int, seconds: float) -> None:
        self.codes[code] += 1
        self.largest_bytes = max(self.largest_bytes, used_bytes)
        self.longest_seconds = max(self.longest_seconds, seconds)
        problems = {
            "traceback": code == 1 or "Traceback (most recent call last)" in output,
            "hang": code == -signal.SIGALRM or seconds > SECONDS,
            "crash": code < 0 and code != -signal.SIGALRM,
            "memory": used_bytes > MEMORY_BYTES,
            "code": code >= 0 and code != 1 and code not in _GOOD_CODES,
        }
        for name, is_true in problems.items():
            if is_true:
                self.failures.setdefault(name, []).append(number)


def run_here(arguments: list[str]) -> tuple[int, str]:
    """Run a command in this process and the current folder, and return its exit code and what it wrote."""
    from forecaster.cli.app import main

    output = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = main(arguments)
    output.flush()
    return code, output.buffer.getvalue().decode("utf-8", "replace")


def run_in_child(folder: Path, arguments: list[str]) -> tuple[int, str, int, float]:
    """Run a command in a fork of this process.

    Returns: its exit code, or minus the signal that ended it; what it wrote; the memory it took; its seconds.
    """
    log = folder / "log"
    started = time.perf_counter()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.chdir(folder)
            signal.alarm(SECONDS + 1)
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + _RESERVED_BYTES,) * 2)
            code, output = run_here(arguments)
            log.write_text(output)
        except BaseException as error:
            log.write_text(f"Traceback (most recent call last): {error!r}")
        finally:
            os._exit(code)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    output = log.read_text() if log.exists() else ""
    return os.waitstatus_to_exitcode(status), output, usage.ru_maxrss * 1024, seconds


@contextlib.contextmanager
def empty_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def warm_up() -> None:
    """Run each command once on a bundle as it is, so that the children find all modules loaded."""
    for kind, data in (("graphs", "sales.csv"), ("deepar", "sales.csv")):
        for command in COMMANDS:
            with empty_folder() as folder:
                shutil.copy(GOLDEN / data, folder / data)
                shutil.copytree(GOLDEN / kind / "bundle", folder / "b")
                before = Path.cwd()
                os.chdir(folder)
                code, output = run_here([argument.format(data=data) for argument in command])
                os.chdir(before)
                expected = 2 if command == ("predict", "--bundle", "b") else 0
                assert code == expected, output


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of one input, whose output is printed")
    options = parser.parse_args()
    os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp()
    tally = Tally()
    if options.only is None:
        warm_up()
    started = time.perf_counter()
    for number in range(options.inputs) if options.only is None else [options.only]:
        with empty_folder() as folder:
            arguments = make_input(folder, options.seed, number)
            code, output, used_bytes, seconds = run_in_child(folder, arguments)
            tally.add(number, code, output, used_bytes, seconds)
            if options.only is not None:
                print(" ".join(arguments), code, f"{used_bytes / 1e6:.0f} MB", f"{seconds:.1f} s", output, sep="\n")
    shutil.rmtree(os.environ["XDG_STATE_HOME"])
    print(
        json.dumps(
            {
                "inputs": sum(tally.codes.values()),
                "seed": options.seed,
                "codes": dict(sorted(tally.codes.items())),
                "failures": tally.failures,
                "largest MB": round(tally.largest_bytes / 1e6),
                "longest seconds": round(tally.longest_seconds, 1),
                "minutes": round((time.perf_counter() - started) / 60, 1),
            }
        )
    )
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
