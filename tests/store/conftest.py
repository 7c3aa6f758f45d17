"""Both kinds of database, for tests that hold for either."""

import contextlib
import importlib.util
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store import postgres

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server; where there is none, tests are skipped, unless TEST_POSTGRES says it must be."""
    has_driver = importlib.util.find_spec("psycopg") is not None
    if not has_driver or postgres.find_binaries() is None:
        if os.environ.get("TEST_POSTGRES"):
            pytest.fail("TEST_POSTGRES is set, but psycopg or PostgreSQL's server is not installed")
        pytest.skip("psycopg or PostgreSQL's server is not installed")
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(postgres.serve())


@pytest.fixture
def postgres_url(server: str) -> str:
    """An empty schema of a PostgreSQL database."""
    return postgres.create_schema(server, f"test{next(_NUMBERS)}")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    found: str = request.getfixturevalue("postgres_url")
    return found
