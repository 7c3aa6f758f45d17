"""Places that options name: files and folders of this machine, or addresses of objects."""

from collections.abc import Iterable
from pathlib import Path

from forecaster.addresses import is_object_address
from forecaster.errors import UsageError


def parse_place(text: str) -> Path | str:
    """Return an address as text, and anything else as a path: a path would lose a slash of `s3://`."""
    return text if is_object_address(text) else Path(text)


def refuse_addresses(values: Iterable[object]) -> None:
    """Check that no value which has to be a path was an address: it would name a folder `s3:` of this machine.

    Raises: UsageError: names the first such value.
    """
    for value in values:
        for path in value if isinstance(value, list | tuple) else (value,):
            scheme, colon, name = str(path).partition(":/")
            if isinstance(path, Path) and colon and is_object_address(f"{scheme}://{name}"):
                raise UsageError(
                    f"{scheme}://{name}: an address cannot be used here",
                    hint="copy it to this machine and name the file or folder; DATA, bundles to predict with, and the "
                    "outputs of train and predict can be at addresses",
                )


def check_output(place: Path | str) -> None:
    """Check that an output can be written at an address, before any work is done for it.

    Raises:
        UsageError: the address can only be read, contains credentials, or names no object.
        OutputError: there is no such bucket, or this user may not reach it.
        DependencyError: the store cannot be reached.
    """
    if isinstance(place, str):
        from forecaster.store.objects.transfer import check_bucket

        check_bucket(place)
