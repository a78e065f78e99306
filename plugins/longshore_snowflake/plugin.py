"""What this integration offers."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from longshore import Leftover, LongshoreError, Task, hookimpl
from longshore_snowflake import (
    SnowflakeCheck,
    SnowflakeConnection,
    SnowflakeLoad,
    SnowflakeQuery,
    SnowflakeScript,
    SnowflakeUnload,
    SnowflakeWait,
)
from longshore_snowflake.ledger import leftovers
from longshore_snowflake.sessions import dedicated
from longshore_snowflake.staging import remove

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def longshore_tasks() -> list[type[Task[Any]]]:
    """Return the tasks."""
    return [SnowflakeQuery, SnowflakeScript, SnowflakeLoad, SnowflakeUnload, SnowflakeWait, SnowflakeCheck]


@hookimpl
def longshore_sweep() -> Iterable[Leftover]:
    """Tell which files loads have left in stages."""

    def removed(connection: SnowflakeConnection, root: str) -> None:
        with dedicated(connection) as own:
            remove(own, root, {})

    return leftovers(removed)


@hookimpl
def longshore_doctor() -> Iterable[tuple[str, bool, str]]:
    """Look for the connector, and log in by its default connection."""
    try:
        found = version("snowflake-connector-python")
    except PackageNotFoundError:
        yield "snowflake-connector-python", False, "not installed; run: pip install 'longshore[snowflake]'"
        return
    yield "snowflake-connector-python", True, f"version {found}"
    try:
        with dedicated(SnowflakeConnection(login_timeout=10, network_timeout=10)) as own:
            yield "default connection", True, f"logs in to {own.connection.account} as {own.connection.user}"
    except LongshoreError as error:
        yield "default connection", False, str(error)
