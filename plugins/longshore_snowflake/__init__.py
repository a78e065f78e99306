"""Snowflake: queries that are never submitted twice and never lost."""

from __future__ import annotations

from longshore_snowflake.check import SnowflakeCheck, SnowflakeExpectation
from longshore_snowflake.connections import SnowflakeConnection
from longshore_snowflake.errors import (
    SnowflakeCancelledError,
    SnowflakeCheckFailed,
    SnowflakeDataError,
    SnowflakeError,
    SnowflakeInputError,
    SnowflakeLoginError,
    SnowflakeNetworkError,
    SnowflakeNotFoundError,
    SnowflakePermissionError,
    SnowflakeSyntaxError,
    SnowflakeTimeoutError,
    SnowflakeWarehouseError,
)
from longshore_snowflake.identifiers import TableName
from longshore_snowflake.load import SnowflakeLoad
from longshore_snowflake.query import SnowflakeQuery
from longshore_snowflake.reports import SnowflakeFileReport, SnowflakeLoadResult
from longshore_snowflake.results import SnowflakeResult
from longshore_snowflake.script import SnowflakeScript
from longshore_snowflake.scriptresults import SnowflakeScriptResult, SnowflakeStatementResult
from longshore_snowflake.unload import SnowflakeUnload
from longshore_snowflake.unloading import SnowflakeUnloadedFile, SnowflakeUnloadResult
from longshore_snowflake.wait import SnowflakeWait

__all__ = [
    "SnowflakeCancelledError",
    "SnowflakeCheck",
    "SnowflakeCheckFailed",
    "SnowflakeConnection",
    "SnowflakeDataError",
    "SnowflakeError",
    "SnowflakeExpectation",
    "SnowflakeFileReport",
    "SnowflakeInputError",
    "SnowflakeLoad",
    "SnowflakeLoadResult",
    "SnowflakeLoginError",
    "SnowflakeNetworkError",
    "SnowflakeNotFoundError",
    "SnowflakePermissionError",
    "SnowflakeQuery",
    "SnowflakeResult",
    "SnowflakeScript",
    "SnowflakeScriptResult",
    "SnowflakeStatementResult",
    "SnowflakeSyntaxError",
    "SnowflakeTimeoutError",
    "SnowflakeUnload",
    "SnowflakeUnloadResult",
    "SnowflakeUnloadedFile",
    "SnowflakeWait",
    "SnowflakeWarehouseError",
    "TableName",
]
