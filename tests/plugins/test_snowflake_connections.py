"""Connections and sessions: who we are, kept secret; one session a process, made anew when it is lost."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from snowflake_rig import VARIABLE, connection_to, sql
from snowflake_server import PASSWORD, REFUSED, SnowflakeServer

from longshore import ConfigurationError, Secret, encode, redact
from longshore.testing import raises_saying
from longshore_snowflake import SnowflakeConnection, SnowflakeError, SnowflakeLoginError, SnowflakeQuery
from longshore_snowflake.logins import connect_arguments
from longshore_snowflake.queries import execute
from longshore_snowflake.sessions import close_all, connector_version, dedicated, session
from longshore_snowflake.statements import Statement


@pytest.fixture
def pem() -> Callable[[bytes | None], str]:
    """Make a private key, as PEM, with a passphrase or without."""
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
    from cryptography.hazmat.primitives import serialization

    def make(passphrase: bytes | None) -> str:
        key = rsa.generate_private_key(65537, 2048)
        protection: Any = serialization.NoEncryption()
        if passphrase:
            protection = serialization.BestAvailableEncryption(passphrase)
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        return key.private_bytes(encoding, form, protection).decode()  # type: ignore[no-any-return]

    return make


@pytest.mark.parametrize(
    "field", ["password", "token", "passcode", "private_key_passphrase", "oauth_client_secret"]
)
def test_a_secret_that_is_given_as_its_value_is_refused_and_not_shown(field: str) -> None:
    with raises_saying(ConfigurationError, f'write {field}=Secret("env:SNOWFLAKE_{field.upper()}")'):
        SnowflakeConnection(**{field: "open-canary"})  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError) as caught:
        SnowflakeConnection(private_key="-----BEGIN PRIVATE KEY-----\nopen-canary")
    assert "open-canary" not in str(caught.value)


def test_a_connection_travels_without_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "travel-canary")
    made = SnowflakeConnection(
        account="a-b", password=Secret(f"env:{VARIABLE}"), session_parameters={"TIMEZONE": "UTC"}
    )
    again = pickle.loads(pickle.dumps(made))
    assert again == made == copy.deepcopy(made)
    assert hash(again) == hash(made)
    task = SnowflakeQuery("SELECT 1", connection=made)
    for shown in (repr(task), pickle.dumps(task).decode("latin-1"), encode(made)):
        assert "travel-canary" not in shown


def test_values_are_bound_by_snowflake_and_numbers_come_exact() -> None:
    for major in (4, 5):
        given = connect_arguments(SnowflakeConnection(name="x"), major=major, keeps_session=True)
        assert (given["paramstyle"], given["arrow_number_to_decimal"]) == ("qmark", True)
        assert given["client_store_temporary_credential"] is False, "tokens are kept on disk"
        assert given["server_session_keep_alive"] is True, "a closed session would end its queries"
        assert "authenticator" not in given, "the section says it"


def test_the_way_to_log_in_follows_from_what_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pem: Callable[[bytes | None], str]
) -> None:
    monkeypatch.setenv("LONGSHORE_PEM", pem(b"opens"))
    monkeypatch.setenv("LONGSHORE_OPENS", "opens")
    plain = tmp_path / "key.p8"
    plain.write_text(pem(None))

    def way(**fields: Any) -> dict[str, Any]:
        made = SnowflakeConnection(account="a-b", user="u", **fields)
        return connect_arguments(made, major=connector_version()[0], keeps_session=True)

    pytest.importorskip("snowflake.connector")
    of_secret = way(
        private_key=Secret("env:LONGSHORE_PEM"), private_key_passphrase=Secret("env:LONGSHORE_OPENS")
    )
    assert (of_secret["authenticator"], of_secret["private_key"][:1]) == ("SNOWFLAKE_JWT", b"\x30")
    assert way(private_key=plain)["private_key"][:1] == b"\x30"
    assert way(token=Secret("env:LONGSHORE_OPENS"))["authenticator"] == "PROGRAMMATIC_ACCESS_TOKEN"
    assert way(token=Secret("env:LONGSHORE_OPENS"), authenticator="oauth")["authenticator"] == "oauth"
    assert way(workload_identity_provider="AWS")["authenticator"] == "WORKLOAD_IDENTITY"
    assert way(authenticator="externalbrowser", cache_tokens=True)["client_store_temporary_credential"]
    with pytest.raises(ConfigurationError, match="give private_key_passphrase if it has one") as caught:
        way(private_key=Secret("env:LONGSHORE_PEM"))
    assert "BEGIN" not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(ConfigurationError, match="cannot read the private key of the file"):
        way(private_key=tmp_path / "nosuch.p8")


def test_a_key_pair_logs_in(
    snowflake_server: SnowflakeServer, monkeypatch: pytest.MonkeyPatch, pem: Callable[[bytes | None], str]
) -> None:
    pytest.importorskip("snowflake.connector")
    monkeypatch.setenv("LONGSHORE_PEM", pem(None))
    made = connection_to(snowflake_server, password=None, private_key=Secret("env:LONGSHORE_PEM"))
    assert sql(made, "SELECT 1") == [(1,)]
    close_all()


@pytest.mark.parametrize(
    "way",
    [
        {"password": None, "token": Secret("env:LONGSHORE_GIVEN")},
        {"password": None, "token": Secret("env:LONGSHORE_GIVEN"), "authenticator": "oauth"},
        {"passcode": Secret("env:LONGSHORE_GIVEN")},
        {"authenticator": "username_password_mfa"},
        {"options": {"proxy_password": Secret("env:LONGSHORE_GIVEN")}},
    ],
    ids=["token", "oauth", "passcode", "mfa", "proxy"],
)
def test_other_ways_log_in_too(
    dwh: SnowflakeConnection, monkeypatch: pytest.MonkeyPatch, way: dict[str, Any]
) -> None:
    monkeypatch.setenv("LONGSHORE_GIVEN", "123456")
    assert sql(replace(dwh, **way), "SELECT 1") == [(1,)]


def test_a_section_of_connections_toml_is_used_and_fields_go_over_it(
    snowflake_server: SnowflakeServer, tmp_path: Path
) -> None:
    """In a process of its own: the connector reads the file's place when it is imported."""
    pytest.importorskip("snowflake.connector")
    section = "".join(
        f"{name} = {value!r}\n" for name, value in snowflake_server.connect_arguments(schema="FIRST").items()
    )
    (tmp_path / "connections.toml").write_text(f"[default]\n{section}\n[other]\n{section}")
    (tmp_path / "connections.toml").chmod(0o600)
    program = """
from longshore_snowflake import SnowflakeConnection, SnowflakeQuery
for made in (SnowflakeConnection(), SnowflakeConnection(name="other", schema="SECOND")):
    print(SnowflakeQuery("SELECT CURRENT_SCHEMA() AS s", connection=made)().rows)
"""
    environment = {**os.environ, "SNOWFLAKE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "[{'S': 'FIRST'}]\n[{'S': 'SECOND'}]\n", done.stderr
    left = [path.name for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".log"]
    assert left == ["connections.toml"], "the connector keeps something on disk"


def test_a_session_is_shared_by_the_threads_of_a_process(dwh: SnowflakeConnection) -> None:
    found: list[Any] = []
    ready = threading.Barrier(4)

    def ask() -> None:
        ready.wait()
        found.append((session(dwh), sql(dwh, "SELECT CURRENT_SESSION()")))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(each) for each, _ in found}) == len({str(rows) for _, rows in found}) == 1
    with dedicated(dwh) as own:
        assert own.connection is not session(dwh).connection


@pytest.mark.parametrize("what", ["session", "master", "gone"])
def test_a_session_whose_token_is_worth_nothing_is_renewed_or_made_anew(
    dwh: SnowflakeConnection, snowflake_server: SnowflakeServer, what: str
) -> None:
    before = sql(dwh, "SELECT CURRENT_SESSION()")
    assert expired(snowflake_server, dwh, what) == 1
    assert SnowflakeQuery("SELECT 1 AS n", connection=dwh)().rows == [{"N": 1}]
    assert (sql(dwh, "SELECT CURRENT_SESSION()") == before) is (what == "session")


def test_a_statement_of_a_dedicated_session_is_not_repeated_when_that_is_lost(
    dwh: SnowflakeConnection, snowflake_server: SnowflakeServer
) -> None:
    with dedicated(dwh) as own:
        execute(own, Statement("SELECT 1"))
        expired(snowflake_server, dwh, "gone")
        with pytest.raises(SnowflakeError):
            execute(own, Statement("SELECT 1"))


def expired(server: SnowflakeServer, connection: SnowflakeConnection, what: str) -> int:
    """Let the tokens of a user's sessions expire; return how many sessions it has."""
    count: int = server.ask("/_expire", {"what": what, "user": connection.user})
    return count


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_a_session_of_its_own_or_is_told_why_not(dwh: SnowflakeConnection) -> None:
    before = sql(dwh, "SELECT CURRENT_SESSION()")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            said = str(sql(dwh, "SELECT CURRENT_SESSION()"))
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    _, status = os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    assert status == 0, "the child hangs"
    if connector_version()[0] < 5:
        assert said != str(before)
        assert said.startswith("[(")
    else:
        assert said.startswith("ConfigurationError: cannot use Snowflake in a forked child"), said
        assert "start processes by 'spawn'" in said
    assert sql(dwh, "SELECT CURRENT_SESSION()") == before, "the child ended its parent's session"


@pytest.mark.gate("S1")
def test_nothing_secret_is_in_a_log_or_an_error(
    snowflake_server: SnowflakeServer,
    dwh: SnowflakeConnection,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At level DEBUG of everything, the connector's own among it."""
    monkeypatch.setenv("LONGSHORE_TOKEN", "token-canary-6363")
    monkeypatch.setenv("LONGSHORE_VALUE", "value-canary-7272")
    monkeypatch.setenv(VARIABLE, "password-canary-8181")
    errors: list[BaseException] = []
    with caplog.at_level(logging.DEBUG):
        for name in ("snowflake", "snowflake.connector", "snowflake.connector._core"):
            caplog.set_level(logging.DEBUG, name)
        fresh = connection_to(snowflake_server)
        SnowflakeQuery("SELECT ? AS v", connection=fresh)([Secret("env:LONGSHORE_VALUE")])
        for changes, text in (
            ({}, "SELECT ?::INTEGER"),
            ({"user": REFUSED}, "SELECT ?"),
            ({"user": REFUSED, "password": None, "token": Secret("env:LONGSHORE_TOKEN")}, "SELECT ?"),
        ):
            with pytest.raises(SnowflakeError) as caught:
                SnowflakeQuery(text, connection=connection_to(snowflake_server, **changes))(
                    [Secret("env:LONGSHORE_VALUE")]
                )
            errors.append(caught.value)
    assert isinstance(errors[-1], SnowflakeLoginError)
    seen = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    for error in errors:
        told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        # Of what was bound the frames know; of the credentials those of a refused login do not.
        seen += told if isinstance(error, SnowflakeLoginError) else redact(told)
        seen += str(error) + repr(pickle.dumps(error))
    assert "canary" not in seen, [line for line in seen.splitlines() if "canary" in line][:3]
    assert len(caplog.records) > 10, "nothing was logged"
    assert PASSWORD not in seen


def test_an_argument_that_has_a_field_of_its_own_is_refused_among_the_options() -> None:
    with raises_saying(ConfigurationError, "'password' cannot be given there"):
        SnowflakeConnection(options={"password": "x"})
    with raises_saying(ConfigurationError, "'proxy_password' takes a Secret, not the value itself"):
        SnowflakeConnection(options={"proxy_password": "x"})
    with raises_saying(ConfigurationError, "'unsafe_skip_file_permissions_check' cannot be given there"):
        SnowflakeConnection(options={"unsafe_skip_file_permissions_check": True})
    with raises_saying(ConfigurationError, "give seconds above 0"):
        SnowflakeConnection(login_timeout=0)
