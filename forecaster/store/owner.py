"""The record of the job that a bundles folder belongs to.

A job deletes a bundle only if its manifest contains the id in this record, or if the record names the bundle because
version 0.1, which wrote no ids, made it for the same job.
"""

import json
import os
import re
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from forecaster.errors import ConfigError
from forecaster.store.files import OWNER_ID, atomic_write

RECORD = ".forecast-job.json"
_MAX_BYTES = 10_000_000
_ID_BYTES = 8


@dataclass(frozen=True)
class Owner:
    """A job, as the record in its bundles folder describes it.

    Attributes:
        job: the name of the job.
        file: the job's file, relative to the bundles folder, so that both can be moved together.
        id: the random id that the manifests of the job's bundles and the names of its temporary files contain.
        adopted: the names of bundles that version 0.1 made for this job.
    """

    job: str
    file: str
    id: str
    adopted: tuple[str, ...] = ()

    @classmethod
    def new(cls, job: str, file: Path, folder: Path, *, adopted: tuple[str, ...] = ()) -> "Owner":
        """Return the owner of a folder that has no record yet."""
        return cls(job, relative_file(file, folder), secrets.token_hex(_ID_BYTES), adopted)

    @classmethod
    def read(cls, folder: Path) -> "Owner | None":
        """Read the record in a folder.

        Returns: None if the folder has no record.
        Raises: ConfigError: the record is damaged.
        """
        path = folder / RECORD
        if not path.is_symlink() and not path.exists():
            return None
        try:
            if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_BYTES:
                raise ValueError("not a regular file")
            values = json.loads(path.read_bytes())
            owner = cls(values["job"], values["file"], values["id"], tuple(values["adopted"]))
            texts = (owner.job, owner.file, *owner.adopted)
            if not all(isinstance(text, str) for text in texts) or not re.fullmatch(OWNER_ID, owner.id):
                raise ValueError("a value is not a text")
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise ConfigError(
                f"{path}: cannot be read as the record of a job: {error}",
                hint="name another folder in the job's file: job: {bundles: new.bundles}",
            ) from error
        return owner

    def write(self, folder: Path) -> None:
        """Write the record.

        Raises: OutputError: it cannot be written.
        """
        content = json.dumps(asdict(self), indent=2, ensure_ascii=True) + "\n"
        atomic_write(folder / RECORD, content.encode(), owner=self.id)


def relative_file(file: Path, folder: Path) -> str:
    """Return a job's file relative to its bundles folder, without symbolic links."""
    return os.path.relpath(file.resolve(), folder.resolve())
