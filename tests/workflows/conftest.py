"""Both kinds of database for commands that read or write one."""

from tests.store.conftest import postgres_url, server, url

__all__ = ["postgres_url", "server", "url"]
