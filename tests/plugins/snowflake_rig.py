"""What the tests of Snowflake share: connections to the server of the tests, or to an account of yours.

With `SNOWFLAKE_TEST_CONNECTION` in the environment they are those of that section of `connections.toml`; each
test then works in a schema of its own, which is dropped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from snowflake_server import ACCOUNT, PASSWORD, USER, SnowflakeServer

from longshore import Secret
from longshore_snowflake import SnowflakeConnection
from longshore_snowflake.queries import execute
from longshore_snowflake.sessions import close_all, dedicated, session
from longshore_snowflake.statements import Statement

VARIABLE = "LONGSHORE_TEST_SNOWFLAKE_PASSWORD"
WAIT = "SELECT SYSTEM$WAIT({}) AS waited"


def connection_to(server: SnowflakeServer, **changes: Any) -> SnowflakeConnection:
    """Return a connection of a user with a database, whose history has nothing of other tests."""
    database = server.new_database()
    given: dict[str, Any] = {
        "account": ACCOUNT,
        "user": f"{USER}_{database}",
        "password": Secret(f"env:{VARIABLE}"),
        "host": "localhost",
        "port": server.port,
        "protocol": "http",
        "database": database,
        "schema": "PUBLIC",
        "warehouse": "TEST_WH",
        "login_timeout": 20,
        "network_timeout": 20,
    }
    return SnowflakeConnection(**{**given, **changes})


@pytest.fixture
def dwh(snowflake_server: SnowflakeServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SnowflakeConnection]:
    """A connection to an empty schema."""
    pytest.importorskip("snowflake.connector", reason="needs longshore[snowflake]")
    monkeypatch.setenv(VARIABLE, PASSWORD)
    monkeypatch.setenv("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")  # asks metadata services at each login
    own = os.environ.get("SNOWFLAKE_TEST_CONNECTION")
    if own:
        yield from _in_a_schema(own)
    else:
        yield connection_to(snowflake_server)
    close_all()


def _in_a_schema(name: str) -> Iterator[SnowflakeConnection]:
    schema = f"LONGSHORE_{os.urandom(6).hex().upper()}"
    with dedicated(SnowflakeConnection(name=name)) as made:
        execute(made, Statement(f"CREATE SCHEMA {schema}"))
        try:
            yield SnowflakeConnection(name=name, schema=schema)
        finally:
            execute(made, Statement(f"DROP SCHEMA {schema}"))


def sql(connection: SnowflakeConnection, text: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows."""
    return list(execute(session(connection), Statement(text, values=values)).rows())
