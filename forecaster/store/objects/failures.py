"""The failures of object stores and web servers as errors that a user can fix.

The messages of their libraries are not shown: they are long, and some of them contain request headers.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from forecaster.errors import DependencyError, ForecastError, InputError, OutputError

CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, ~/.aws, or the machine's role",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, `gcloud auth application-default login`, or the machine's role",
    "abfs": "AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN in the environment, `az login`, or its identity",
    "https": "the server wants a login that this program does not have: download the file, or use a signed address",
}
_MISSING = re.compile(
    "NO_SUCH_|RESOURCE_NOT_FOUND|NOT_FOUND|NotFound|does not exist|No such file|HTTP 404|HTTP 410", re.IGNORECASE
)
_FORBIDDEN = re.compile(
    r"ACCESS_DENIED|FORBIDDEN|INVALID_ACCESS_KEY|INVALID_CLIENT_TOKEN|SIGNATURE|UNRECOGNIZED_CLIENT|EXPIRED_TOKEN"
    r"|MISSING_AUTHENTICATION|PERMISSION_DENIED|UNAUTHENTICATED|UNAUTHORIZED|Authori[sz]ation|Authentication"
    r"|credential|HTTP (status )?40[13]\b",
    re.IGNORECASE,
)
_REACH_HINT = "check the address, the network and the proxy, and try again later"


class MissingObjectError(InputError):
    """An address at which nothing is."""


@contextmanager
def as_forecast_error(place: str, kind: str, *, is_writing: bool = False) -> Iterator[None]:
    """Turn the failures of a block that reaches an address into errors of this program.

    Args:
        place: the address without secrets.
        kind: a key of `CREDENTIALS`.
        is_writing: True if the block writes.

    Raises:
        InputError: reading failed: nothing is there, or this user may not read it.
        OutputError: writing failed: the bucket is missing, or this user may not write there.
        DependencyError: the store or the server cannot be reached.
    """
    from pyarrow import ArrowException  # type: ignore[import-untyped]

    error_type = OutputError if is_writing else InputError
    verb = "written" if is_writing else "read"
    try:
        yield
    except ForecastError:
        raise
    except FileNotFoundError as error:
        raise _missing(place, error_type) from error
    except (OSError, ValueError, ArrowException) as error:  # An invalid name of a bucket is a ValueError.
        text = str(error)
        if _FORBIDDEN.search(text):
            chain = CREDENTIALS[kind]
            hint = chain if kind == "https" else f"credentials come from {chain}; check that they permit this"
            raise error_type(f"{place}: access denied, or no valid credentials", hint=hint) from error
        if _MISSING.search(text):
            raise _missing(place, error_type) from error
        reason = _summarise(text)
        if isinstance(error, ValueError) or _is_local(error):
            raise error_type(f"{place}: cannot be {verb}: {reason}", hint="check the address") from error
        raise DependencyError(f"{place}: cannot be reached: {reason}", hint=_REACH_HINT) from error


def _missing(place: str, error_type: type[ForecastError]) -> ForecastError:
    if error_type is OutputError:
        return OutputError(f"{place}: no such bucket or container", hint="create it, or name another one")
    return MissingObjectError(
        f"{place}: nothing is at this address", hint="check the bucket and the name; both are case-sensitive"
    )


def _is_local(error: Exception) -> bool:
    """Return True if a disk of this machine failed, and not the network: such an error names a file."""
    return isinstance(error, OSError) and error.filename is not None


def _summarise(text: str) -> str:
    """Return the few words of a message that say what failed."""
    match = re.search(r"AWS Error (\w+)|curlCode: \d+, ([\w' ]+)|(HTTP \d{3})", text)
    if match is None:
        return " ".join(text.split())[:200] or "no answer"
    detail = re.search(r"curlCode: \d+, ([\w' ]+)", text)
    return (detail[1] if detail else next(filter(None, match.groups()))).strip()
