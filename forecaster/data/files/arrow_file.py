"""Files and streams of Arrow; Feather is such a file."""

import pyarrow as pa  # type: ignore[import-untyped]

from forecaster.data.files.content import Content, to_arrow
from forecaster.errors import DataError

_STREAM = b"\xff\xff\xff\xff"
MAGICS = (b"ARROW1", _STREAM)


def parse(place: str, content: Content) -> pa.Table:
    """Read the columns of a file.

    Args:
        place: names the file in errors.

    Raises: DataError: the file is damaged.
    """
    open_batches = pa.ipc.open_stream if content[: len(_STREAM)] == _STREAM else pa.ipc.open_file
    try:
        with to_arrow(content) as file:
            table = open_batches(file).read_all()
        table.validate(full=True)  # the offsets of a damaged file could lead out of its buffers
    except (pa.ArrowException, OSError, MemoryError, UnicodeDecodeError) as error:
        raise DataError(
            f"{place}: the Arrow file is damaged: {' '.join(str(error).split())[:200]}", hint="write the file again"
        ) from error
    return table
