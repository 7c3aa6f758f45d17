"""The files of a source: a path, a folder or a glob."""

import glob
import shlex
from collections.abc import Callable
from pathlib import Path

from forecaster.data.files import compression
from forecaster.errors import InputError, did_you_mean

PARQUET_SUFFIXES = (".parquet", ".pq")
_WORKBOOK_SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
SUFFIXES = (
    *(".csv", ".tsv", ".txt", ".dat", ".json", ".jsonl", ".ndjson", ".arrow", ".feather"),
    *PARQUET_SUFFIXES,
    *_WORKBOOK_SUFFIXES,
)


def find_files(source: str) -> list[Path]:
    """List the files of a path, folder or glob.

    Raises: InputError: there is no such file.
    """
    path = Path(source)
    if path.exists() and not path.is_dir():
        return [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and _is_table(file))
        if not files:
            raise InputError(f"{source}: the folder has no table", hint="name a folder with *.csv, *.parquet or *.xlsx")
        return files
    if glob.has_magic(source):
        files = sorted(Path(name) for name in glob.glob(source, recursive=True) if Path(name).is_file())  # noqa: PTH207
        if not files:
            raise InputError(
                f"{source}: no file matches", hint=f"list the files there: ls {shlex.quote(str(path.parent))}"
            )
        return files
    folder = next(parent for parent in path.parents if parent.is_dir())
    missing = path.relative_to(folder).parts[0]
    kind = "file" if folder == path.parent else "folder"
    raise InputError(
        f"{source}: no such {kind}{did_you_mean(missing, [each.name for each in folder.iterdir()])}",
        hint=f"list the files there: ls {shlex.quote(str(folder))}",
    )


def list_paths(find: Callable[[str], list[Path]], source: str) -> list[Path]:
    try:
        return find(source)
    except OSError as error:
        raise InputError(f"{source}: {error.strerror or error}", hint="check the permissions of the folder") from error


def _is_table(path: Path) -> bool:
    return not path.name.startswith((".", "~$")) and compression.strip_suffix(path.name).lower().endswith(SUFFIXES)


def stem_of(path: Path) -> str:
    return Path(compression.strip_suffix(path.name)).stem
