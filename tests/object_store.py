"""A real S3 server on this machine: that of `moto`, which pip installs, in a process of its own."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

SECRET = "aws-test-secret"
_SECONDS = 60
_VARIABLES = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_REGION")


@dataclass(frozen=True)
class ObjectStore:
    """A running server.

    Attributes:
        url: its address, for AWS_ENDPOINT_URL.
    """

    url: str

    def connect(self) -> Any:
        """Return a client that does not depend on the product."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key=SECRET,
        )

    def post(self, path: str, content: bytes = b"") -> None:
        """Call the interface of moto that changes the server."""
        headers = {"Content-Type": "text/plain"}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data=content, headers=headers)):
            pass


def free_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """Start the server, and wait until it answers."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("wb") as stream:
        server = subprocess.Popen(command, stdout=stream, stderr=stream)
    try:
        url, end = f"http://127.0.0.1:{port}", time.monotonic() + _SECONDS
        while True:
            with suppress(OSError), urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5):
                break
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < end, "the S3 server does not answer"
            time.sleep(0.1)
        yield ObjectStore(url)
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def bucket(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Point the standard variables to the server, and give an empty bucket `shop` as a client sees it."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", object_store.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = object_store.connect()
    client.create_bucket(Bucket="shop")
    yield client
    object_store.post("/moto-api/reset")


def put(client: Any, key: str, content: bytes, bucket: str = "shop") -> None:
    """Store an object."""
    client.put_object(Bucket=bucket, Key=key, Body=content)


def get(client: Any, key: str, bucket: str = "shop") -> bytes:
    """Return the content of an object."""
    content: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def list_keys(client: Any, bucket: str = "shop") -> list[str]:
    """Return the names of all objects."""
    return [each["Key"] for each in client.list_objects_v2(Bucket=bucket).get("Contents", ())]
