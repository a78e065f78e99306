"""A Snowflake account on this machine, for tests of your own flows: fakesnow on DuckDB, and what it lacks.

It answers the connector as Snowflake does: logins, bound values, asynchronous queries with their history and
cancelling, Arrow results in chunks, stages with PUT and GET, COPY INTO both ways with reports and load
history, MERGE, transactions. SQL is DuckDB's where fakesnow does not translate it.

Example:
    >>> from longshore_snowflake.testing import SnowflakeServer
    >>> with SnowflakeServer() as server:
    ...     SnowflakeQuery("SELECT 1 AS n", connection=server.connection)().rows
    [{'N': 1}]
"""

from __future__ import annotations

from longshore_snowflake.testing.server import SnowflakeServer

__all__ = ["SnowflakeServer"]
