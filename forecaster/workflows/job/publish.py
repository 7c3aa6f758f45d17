"""Writing of forecasts to the outputs of a job, and digests that show if an output was changed later."""

import hashlib
from pathlib import Path

from forecaster.addresses import hide_secrets, is_database_url, is_object_address
from forecaster.errors import InputError
from forecaster.events import ForecastsWritten, Watch
from forecaster.forecast import Forecast
from forecaster.store.files import atomic_write
from forecaster.store.owner import Owner
from forecaster.store.regular_files import MAX_BYTES
from forecaster.workflows.forecast_files import render


def publish(
    forecast: Forecast,
    outputs: tuple[str, ...],
    levels: tuple[float, ...],
    *,
    run: str,
    owner: Owner,
    watch: Watch,
) -> dict[str, str]:
    """Write a forecast to every output, each atomically.

    Args:
        owner: the job that publishes.

    Returns: a digest of each output, by its place without a password.
    Raises:
        OutputError: an output cannot be written; its previous content is unchanged.
        DependencyError: its store cannot be reached.
    """
    frame = forecast.to_frame(levels=levels)
    contents = {output: render(frame, Path(output)) for output in outputs if not is_database_url(output)}
    digests: dict[str, str] = {}
    for output in outputs:
        if is_database_url(output):
            from forecaster.store.published import replace_rows

            digests[hide_secrets(output)] = replace_rows(output, forecast, job=owner.job, run=run)
        elif is_object_address(output):
            from forecaster.store.objects.transfer import write_object

            write_object(contents[output], output)
            digests[output] = _digest(contents[output])
        else:
            atomic_write(Path(output), contents[output], owner=owner.id)
            digests[output] = _digest(contents[output])
        watch(ForecastsWritten(hide_secrets(output), len(forecast.ids), len(frame)))
    return digests


def is_intact(output: str, digest: str | None, *, job: str) -> bool:
    """Return True if an output is as it was published."""
    if is_database_url(output):
        from forecaster.store.published import digest_rows

        return digest_rows(output, job=job) == digest
    if is_object_address(output):
        from forecaster.store.objects.transfer import read_object

        try:
            return _digest(read_object(output, max_bytes=MAX_BYTES)) == digest
        except InputError:
            return False
    try:
        return _digest(Path(output).read_bytes()) == digest
    except OSError:
        return False


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
