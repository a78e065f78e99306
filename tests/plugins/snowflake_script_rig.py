"""What the tests of scripts share: a user of their own, what the server ran for it, and faults to order."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from snowflake_rig import VARIABLE, connection_to, sql
from snowflake_server import PASSWORD, SnowflakeServer

from longshore_snowflake import SnowflakeConnection
from longshore_snowflake.sessions import close_all

Ran = Callable[[str], list[dict[str, Any]]]
INSERTS = "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);"
COUNT = "SELECT COUNT(*) AS n FROM t"


@pytest.fixture
def snowflake_user() -> str:
    return f"U{os.urandom(4).hex().upper()}"


@pytest.fixture
def script_dwh(
    snowflake_server: SnowflakeServer, monkeypatch: pytest.MonkeyPatch, snowflake_user: str
) -> Iterator[SnowflakeConnection]:
    """A connection of a user of its own, to a database of its own with an empty table."""
    monkeypatch.setenv(VARIABLE, PASSWORD)
    connection = connection_to(snowflake_server, user=snowflake_user)
    sql(connection, "CREATE TABLE t (n INTEGER)")
    yield connection
    close_all()


@pytest.fixture
def ran_sql(snowflake_server: SnowflakeServer, snowflake_user: str) -> Ran:
    """What the server ran for the user: the queries whose text has a pattern."""

    def queries(pattern: str) -> list[dict[str, Any]]:
        found = snowflake_server.ask(f"/_queries?user={snowflake_user}")
        return [query for query in found if re.search(pattern, query["text"])]

    return queries


@pytest.fixture
def order_fault(snowflake_server: SnowflakeServer, snowflake_user: str) -> Callable[..., None]:
    """Orders a fault for the user."""
    return lambda **fault: snowflake_server.ask("/_faults", {"user": snowflake_user, **fault})
