"""The columns of a table before their roles are found: decimal marks are decided, and times and ids are joined."""

from dataclasses import replace

from forecaster.config import DataConfig
from forecaster.data.cells.decimal_marks import decide_decimals
from forecaster.data.columns import transpose
from forecaster.data.columns.id_columns import join_id_columns, read_codes_as_text
from forecaster.data.columns.roles import Roles
from forecaster.data.columns.time_columns import join_time_columns, read_dates_as_text, read_digits_as_numbers
from forecaster.data.columns.time_roles import find_time
from forecaster.data.table import Table


def prepare(table: Table, config: DataConfig, roles: Roles | None = None) -> Table:
    """Decide the decimal marks of a table, and join the columns that are the time together.

    Raises:
        UsageError: two decimal marks are equally likely.
        DataError: a row has no time.
    """
    reserved = frozenset({*(config.target or ()), *config.past, *config.known, *config.static, config.id or ""})
    table = table.with_format(config.format)
    if config.time in (None, transpose.TIME):
        table = transpose.make_long(table)
    table = read_digits_as_numbers(read_dates_as_text(table, config.time), config.time, reserved)
    table = read_codes_as_text(table, reserved)
    table = decide_decimals(table)
    table = join_time_columns(table, roles.time if roles else config.time, reserved)
    return join_id_columns(
        table,
        roles.id if roles else config.id,
        find_time=lambda: roles.time if roles else find_time(table, config),
        reserved=reserved,
    )


def read_ids_as_text(table: Table, name: str) -> Table:
    """Read numbers that name series again as text, so that `007` stays `007`."""
    if table.frame[name].dtype.kind not in "ifb" or table.reread is None:
        return table
    return replace(table, frame=table.frame.assign(**{name: table.reread([name])[name]}))
