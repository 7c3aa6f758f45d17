"""Places that options name: files and folders of this machine, or addresses of objects."""

from pathlib import Path

from forecaster.addresses import is_object_address


def parse_place(text: str) -> Path | str:
    """Return an address as text, and anything else as a path: a path would lose a slash of `s3://`."""
    return text if is_object_address(text) else Path(text)


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
