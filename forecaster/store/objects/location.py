"""Addresses in object stores, checked, with the file system that reaches them."""

import os
import re
from dataclasses import dataclass
from typing import Any

from forecaster.addresses import STORE_SCHEMES, hide_secrets, is_web_address
from forecaster.errors import UsageError
from forecaster.store.objects.failures import CREDENTIALS

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_AZURE_HOST = re.compile(rf"({_BUCKET.pattern})@([a-z0-9]+)\.(?:dfs|blob)\.core\.windows\.net")
_CONNECT_SECONDS, _REQUEST_SECONDS, _ATTEMPTS = 10, 60, 3


@dataclass(frozen=True)
class Location:
    """The place that an address names.

    Attributes:
        place: the address without secrets, for messages.
        kind: `s3`, `gs`, `abfs` or `https`; a key of `CREDENTIALS`.
        bucket: the bucket or container; the host for `https`.
        key: the name within the bucket, without slashes at its ends.
        account: the storage account of Azure; empty for the one in the environment.
        text: the address itself, without a slash at its end; it may contain the signature of a web server.
    """

    place: str
    kind: str
    bucket: str
    key: str
    account: str = ""
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> "Location":
        """Parse and check an address.

        Raises: UsageError: it contains credentials, or names no bucket.
        """
        scheme, _, rest = text.partition("://")
        place = hide_secrets(text)
        host, _, key = rest.partition("/")
        if is_web_address(text):
            if "@" in host or not host:
                raise _refuse(place, "https", "contains a user or password" if host else "names no host")
            return cls(place, "https", host, key, text=text)
        kind = "abfs" if scheme.lower() == "abfss" else scheme.lower()
        account = ""
        if kind == "abfs" and (match := _AZURE_HOST.fullmatch(host)):
            host, account = match.groups()
        if "@" in host or ":" in host:
            raise _refuse(place, kind, "contains a user or password")
        if not _BUCKET.fullmatch(host):
            raise UsageError(f"{place}: names no bucket", hint=f"write it as {kind}://BUCKET/NAME")
        return cls(place, kind, host, key.strip("/"), account, text.rstrip("/"))

    @property
    def path(self) -> str:
        """The bucket and the key, as the file systems of Arrow name an object."""
        return f"{self.bucket}/{self.key}".rstrip("/")

    def child(self, name: str) -> "Location":
        """Return the location of a name below this one."""
        return Location.parse(f"{self.text}/{name}")

    def open(self) -> Any:
        """Return the file system of Arrow for this location; credentials come from the standard chain of the store."""
        from pyarrow import fs  # type: ignore[import-untyped]

        if self.kind == "s3":
            return _open_s3(fs, self.bucket)
        if self.kind == "gs":
            return _open_google(fs)
        assert self.kind == "abfs"
        return _open_azure(fs, self.account or os.environ.get("AZURE_STORAGE_ACCOUNT", ""), self.place)


def _refuse(place: str, kind: str, problem: str) -> UsageError:
    chain = f"; credentials come from {CREDENTIALS[kind]}" if kind in STORE_SCHEMES else ""
    return UsageError(f"{place}: {problem}", hint=f"leave the part before @ out{chain}")


def _open_s3(fs: Any, bucket: str) -> Any:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or None
    if region is None and endpoint is None:
        try:
            region = fs.resolve_s3_region(bucket)
        except OSError:  # The first request reports the reason.
            region = None
    return fs.S3FileSystem(
        endpoint_override=endpoint,
        region=region,
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=_REQUEST_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
        allow_delayed_open=True,  # A small object is written by one request.
    )


def _open_google(fs: Any) -> Any:
    from datetime import timedelta

    emulator = os.environ.get("STORAGE_EMULATOR_HOST") or os.environ.get("CLOUD_STORAGE_EMULATOR_ENDPOINT") or ""
    scheme, separator, host = emulator.rpartition("://")
    return fs.GcsFileSystem(
        anonymous=bool(emulator),
        endpoint_override=host or None,
        scheme=(scheme if separator else "http") if host else None,
        retry_time_limit=timedelta(seconds=_CONNECT_SECONDS),
    )


def _open_azure(fs: Any, account: str, place: str) -> Any:
    if not account:
        raise UsageError(
            f"{place}: names no storage account",
            hint="write it as abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/NAME, or set AZURE_STORAGE_ACCOUNT",
        )
    key, token = os.environ.get("AZURE_STORAGE_KEY"), os.environ.get("AZURE_STORAGE_SAS_TOKEN")
    return fs.AzureFileSystem(account, account_key=key or None, sas_token=None if key else token or None)
