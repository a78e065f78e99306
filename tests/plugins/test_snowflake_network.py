"""A network that loses requests and answers: one query is run, and nobody waits for ever."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from snowflake_rig import sql
from snowflake_server import SnowflakeServer

from longshore import JobNotFoundError
from longshore.testing import datasets_told
from longshore_snowflake import SnowflakeConnection, SnowflakeNetworkError, SnowflakeQuery
from longshore_snowflake.plugin import longshore_doctor
from longshore_snowflake.queries import find, submit
from longshore_snowflake.sessions import Session, connector_version, session
from longshore_snowflake.statements import Statement

Order = Callable[..., None]


@pytest.fixture
def order(dwh: SnowflakeConnection, snowflake_server: SnowflakeServer) -> Iterator[Order]:
    """Order a fault of the server for the connection's user."""
    sql(dwh, "SELECT 1")  # logged in

    def ordered(kind: str, **fault: Any) -> None:
        snowflake_server.ask("/_faults", {"kind": kind, "user": dwh.user, **fault})

    yield ordered
    snowflake_server.ask("/_faults", {"kind": "slow", "seconds": 0, "times": 0, "user": dwh.user})


def executions(server: SnowflakeServer, connection: SnowflakeConnection, text: str) -> list[int]:
    return [
        query["executions"]
        for query in server.ask(f"/_queries?user={connection.user}")
        if query["text"].startswith(text)
    ]


@pytest.mark.gate("D2")
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cut", "path": "query-request"},
        {"kind": "cut_after", "path": "query-request"},
        {"kind": "status", "status": 503, "path": "query-request", "times": 2},
        {"kind": "cut", "path": "monitoring"},
        {"kind": "cut", "path": "/result"},
        {"kind": "status", "status": 502, "path": "/result"},
    ],
    ids=lambda fault: f"{fault['kind']} {fault['path']}",
)
def test_a_request_or_an_answer_that_is_lost_makes_no_second_query(
    dwh: SnowflakeConnection, snowflake_server: SnowflakeServer, order: Order, fault: dict[str, Any]
) -> None:
    order(**fault)
    assert SnowflakeQuery("SELECT 42 AS n", connection=dwh)().rows == [{"N": 42}]
    assert executions(snowflake_server, dwh, "SELECT 42") == [1]


def test_a_server_that_never_answers_well_is_told_so(dwh: SnowflakeConnection, order: Order) -> None:
    order("status", status=503, path="query-request", times=1000)
    own = Session(impatient(dwh))
    with pytest.raises(SnowflakeNetworkError, match=r"see https://status\.snowflake\.com") as caught:
        submit(own, Statement("SELECT 1"), "a key")
    assert caught.value.retryable is True
    own.close()


def test_a_page_instead_of_an_answer_is_no_answer(dwh: SnowflakeConnection, order: Order) -> None:
    order("html", status=403, path="query-request", times=1000)
    own = Session(impatient(dwh))
    with pytest.raises(SnowflakeNetworkError):
        submit(own, Statement("SELECT 1"), "a key")
    own.close()


def impatient(connection: SnowflakeConnection) -> SnowflakeConnection:
    """Return a connection that gives up soon; the newer connector counts attempts beside seconds."""
    options = {"retry_max_attempts": 2} if connector_version()[0] >= 5 else {}
    return replace(connection, network_timeout=1, options=options)


def test_a_query_that_snowflake_does_not_know_is_not_found(
    dwh: SnowflakeConnection, snowflake_server: SnowflakeServer
) -> None:
    task = SnowflakeQuery("SELECT 1", connection=dwh)
    handle = task.submit(str(uuid.uuid4()))
    snowflake_server.ask("/_lose", {"query_id": handle["query"]})
    with pytest.raises(JobNotFoundError):
        task.poll(handle)


def test_a_query_is_found_by_another_process_by_its_tag(dwh: SnowflakeConnection) -> None:
    key = str(uuid.uuid4())
    query_id = submit(session(dwh), Statement("SELECT 1"), key)
    other = Session(dwh)  # as another process has it: it knows no key
    assert find(other, key) == query_id
    assert find(other, str(uuid.uuid4())) is None
    other.close()


def test_the_tables_that_were_read_and_written_are_told(dwh: SnowflakeConnection) -> None:
    sql(dwh, "CREATE TABLE flights (carrier TEXT)")
    sql(dwh, "CREATE TABLE copies (carrier TEXT)")
    sql(dwh, "INSERT INTO flights VALUES ('UA'), ('EV')")
    place = f"snowflake://acme-tests/{dwh.database}/PUBLIC"
    with datasets_told() as told:
        written = SnowflakeQuery("INSERT INTO copies SELECT carrier FROM flights", connection=dwh)()
        read = SnowflakeQuery("SELECT * FROM copies", connection=dwh)()
    assert (written.reads, written.writes) == ((f"{place}/FLIGHTS",), (f"{place}/COPIES",))
    assert (read.reads, read.writes) == ((f"{place}/COPIES",), ())
    assert [(d.direction, d.uri, d.rows) for d in told] == [
        ("read", f"{place}/FLIGHTS", None),
        ("write", f"{place}/COPIES", 2),
        ("read", f"{place}/COPIES", 2),
    ]


def test_the_doctor_says_whether_the_default_connection_logs_in(
    monkeypatch: pytest.MonkeyPatch, dwh: SnowflakeConnection
) -> None:
    monkeypatch.setenv("SNOWFLAKE_DEFAULT_CONNECTION_NAME", "nosuch")
    (connector, there, version), (default, logs_in, said) = longshore_doctor()
    assert (connector, there) == ("snowflake-connector-python", True)
    assert version.startswith("version ")
    assert (default, logs_in) == ("default connection", False)
    assert "nosuch" in said
    assert "write that section into ~/.snowflake/connections.toml" in said
