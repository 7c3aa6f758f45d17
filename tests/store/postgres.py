"""A PostgreSQL server of the tests' own, on a socket in a temporary folder."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

USER = "forecast"


def find_binaries() -> Path | None:
    """The folder of `initdb` and `postgres`: on the path, or where Debian keeps them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)


@contextlib.contextmanager
def serve() -> Iterator[str]:
    """Run a server; give its URL with `{}` in the place of the database's name."""
    binaries = find_binaries()
    assert binaries is not None
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        account: dict[str, Any] = {}
        if os.geteuid() == 0:  # which the server refuses
            names = {entry.pw_name for entry in pwd.getpwall()}
            owner = "postgres" if "postgres" in names else "nobody"
            account = {"user": owner, "group": pwd.getpwnam(owner).pw_gid, "extra_groups": [], "cwd": "/"}
            shutil.chown(folder, owner)
        data = f"{folder}/data"
        initdb = [binaries / "initdb", "-D", data, "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **account)
        command = [binaries / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
        with Path(folder, "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, **account)
        try:
            _wait(folder, server)
            yield f"postgresql://{USER}@/{{}}?host={folder}"
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing is to be kept
            server.wait(30)


def create_schema(url: str, name: str) -> str:
    """Make an empty schema on the server; give a URL to which it is all there is. A database each would be slow."""
    import psycopg

    with psycopg.connect(url.format("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
    return f"{url.format('postgres')}&options=-csearch_path%3D{name}"


def _wait(folder: str, server: subprocess.Popen[bytes]) -> None:
    import psycopg

    for _ in range(600):
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(f"postgresql://{USER}@/postgres?host={folder}").close()
            return
        assert server.poll() is None, Path(folder, "log").read_text()
        time.sleep(0.1)
    raise AssertionError("the server does not answer")
