"""The first line of a YAML file that editors look for, and the schema beside the file to which it points.

The path is relative, so that it names nothing of this machine and works without a network connection.
"""

import json
from pathlib import Path

from forecaster.store.files import atomic_write

SCHEMA_FILE = ".forecast.schema.json"  # A name with a dot is no table of a folder of data.
MODELINE = f"# yaml-language-server: $schema={SCHEMA_FILE}\n"


def schema_text() -> str:
    """Return the JSON schema of configs and jobs."""
    from forecaster.config.schema import describe_config

    return json.dumps(describe_config(), indent=1, ensure_ascii=False) + "\n"


def place_schema(folder: Path) -> bool:
    """Write the schema into a folder, and return True if it is there.

    A schema that another version of this program wrote is replaced; any other file of its name stays as it is.

    Raises: OutputError: the file cannot be written.
    """
    path, text = folder / SCHEMA_FILE, schema_text()
    if path.exists() or path.is_symlink():
        current = _read(path)
        if current == text:
            return True
        if current is None or not _is_own(current):
            return False
    atomic_write(path, text.encode())
    return True


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _is_own(text: str) -> bool:
    from forecaster.config.schema import TITLE

    try:
        return bool(json.loads(text).get("title") == TITLE)
    except (ValueError, AttributeError):
        return False
