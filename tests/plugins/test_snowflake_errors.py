"""What Snowflake and its connectors say, in our words: the class, the remedy, and whether to try again."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from longshore import JobFailed
from longshore_snowflake import (
    SnowflakeCancelledError,
    SnowflakeConnection,
    SnowflakeDataError,
    SnowflakeError,
    SnowflakeLoginError,
    SnowflakeNetworkError,
    SnowflakeNotFoundError,
    SnowflakePermissionError,
    SnowflakeSyntaxError,
    SnowflakeTimeoutError,
    SnowflakeWarehouseError,
)
from longshore_snowflake.faults import failure, is_gone, login_failure, query_url
from longshore_snowflake.statements import Statement

QUERY = "01b2c3d4-0000-1111-2222-333344445555"


class SaidError(Exception):
    """What the connectors raise, as far as we look at it."""

    def __init__(self, errno: int, text: str, sqlstate: str = "", sfqid: str = "") -> None:
        super().__init__(text)
        self.errno, self.raw_msg, self.sqlstate, self.sfqid = errno, text, sqlstate, sfqid


SYNTAX = "SQL compilation error:\n"
LOCKED = "Statement 'x' has locked table 'T' in transaction 1 and this lock has not yet been released."
QUOTA = "Warehouse 'WH' cannot be resumed because resource monitor 'M' has exceeded its quota."
TIMEOUT = "Statement reached its statement or warehouse timeout of 60 second(s) and was canceled."
RETRIES = "HTTP request failed after retries: async submit. last status 503 Service Unavailable"
STATUS = "Invalid Snowflake response. Snowflake responded with error status: 403 Forbidden"
CASES: list[tuple[type[SnowflakeError], bool, int, str, str]] = [
    (SnowflakeSyntaxError, False, 1003, SYNTAX + "syntax error line 1 at position 0", "42000"),
    (SnowflakeSyntaxError, False, 904, SYNTAX + "error line 2 at position 7\ninvalid identifier 'X'", ""),
    (
        SnowflakeSyntaxError,
        False,
        8,
        "Actual statement count 2 did not match the desired statement count 1.",
        "",
    ),
    (SnowflakeNotFoundError, False, 2003, "Object 'T' does not exist or not authorized.", "42S02"),
    (SnowflakeNotFoundError, False, 709, "Statement x not found", "02000"),
    (SnowflakePermissionError, False, 3001, "Insufficient privileges to operate on table 'T'", "42501"),
    (SnowflakeDataError, False, 100038, "Numeric value 'x' is not recognized", "22018"),
    (SnowflakeWarehouseError, False, 606, "No active warehouse selected in the current session.", "57P03"),
    (SnowflakeWarehouseError, True, 90073, QUOTA, ""),
    (SnowflakeTimeoutError, True, 630, TIMEOUT, "57014"),
    (SnowflakeCancelledError, False, 604, "SQL execution canceled", "57014"),
    (SnowflakeNetworkError, True, 250001, "Could not connect to Snowflake backend after 2 attempt(s).", ""),
    (SnowflakeNetworkError, True, 250003, "Failed to execute request: Connection aborted.", ""),
    (SnowflakeNetworkError, True, 580503, "HTTP 503: Service Unavailable", ""),
    (SnowflakeNetworkError, False, 580403, "HTTP 403: Forbidden", ""),
    (SnowflakeNetworkError, False, 290404, "404 Not Found: get host/queries/x/result", ""),
    (SnowflakeNetworkError, True, 4, RETRIES, ""),
    (SnowflakeNetworkError, False, 6, STATUS, ""),
    (SnowflakeLoginError, False, 390144, "JWT token is invalid. [abc]", ""),
    (SnowflakeError, True, 625, LOCKED, ""),
    (SnowflakeError, True, 603, "SQL execution internal error: Processing aborted by error 300010", "XX000"),
    (SnowflakeError, False, 12345, "Something that nobody has seen before", ""),
]


@pytest.mark.parametrize(
    ("kind", "retryable", "code", "text", "state"), CASES, ids=[str(case[2]) for case in CASES]
)
def test_each_refusal_has_its_class_and_says_whether_to_try_again(
    kind: type[SnowflakeError], retryable: bool, code: int, text: str, state: str
) -> None:
    error = failure("run 'SELECT 1'", SaidError(code, text, state), query_id=QUERY)
    assert type(error) is kind, error
    assert error.retryable is retryable
    assert isinstance(error, JobFailed)
    assert (error.code, error.query_id, error.sqlstate) == (code, QUERY, state)
    again: Any = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (kind, str(error), vars(error))


@pytest.mark.parametrize(
    ("kind", "built_in"),
    [
        (SnowflakeSyntaxError, ValueError),
        (SnowflakeNotFoundError, LookupError),
        (SnowflakePermissionError, PermissionError),
        (SnowflakeTimeoutError, TimeoutError),
        (SnowflakeNetworkError, ConnectionError),
        (SnowflakeLoginError, PermissionError),
    ],
)
def test_an_error_is_caught_as_its_built_in_sibling(kind: type[Exception], built_in: type[Exception]) -> None:
    assert issubclass(kind, built_in)


def test_the_message_says_the_line_the_query_and_where_to_look() -> None:
    statement = Statement("SELECT carrier,\n  dela\nFROM flights")
    said = SaidError(
        904, "SQL compilation error: error line 2 at position 2\ninvalid identifier 'DELA'", "42000", QUERY
    )
    error = failure(f"run {statement.shown!r}", said, account="MyOrg-dwh", statement=statement)
    assert str(error) == (
        "cannot run 'SELECT carrier, dela FROM flights': Snowflake says 000904 "
        "\"SQL compilation error: error line 2 at position 2 invalid identifier 'DELA'\"; "
        "line 2 is 'dela'; "
        f"query {QUERY}, see https://app.snowflake.com/myorg/dwh/#/compute/history/queries/{QUERY}/detail"
    )
    assert (error.line, error.sqlstate) == (2, "42000")


def test_a_message_has_the_number_and_the_id_once() -> None:
    said = SaidError(2003, f"002003 (42S02): {QUERY}: Object 'T' does not exist.")
    assert "Snowflake says 002003 \"Object 'T' does not exist.\"" in str(failure("run 'x'", said))


@pytest.mark.parametrize("account", ["", "xy12345", "xy12345.eu-central-1", "my-org.privatelink"])
def test_no_address_is_shown_where_the_account_does_not_tell_it(account: str) -> None:
    assert query_url(account, QUERY) == ""


def test_a_session_that_snowflake_forgot_is_told_from_a_refused_statement() -> None:
    assert is_gone(SaidError(390111, "Session no longer exists."))
    assert is_gone(SaidError(390114, "Authentication token has expired."))
    assert is_gone(SaidError(250001, "Failed to refresh session: missing field"))
    assert not is_gone(SaidError(1003, "syntax error"))


WRONG = "Incorrect username or password was specified."


@pytest.mark.parametrize(
    ("kind", "code", "text"),
    [
        (SnowflakeLoginError, 250001, f"Failed to connect to DB: {WRONG}"),
        (SnowflakeLoginError, 390100, f"Failed to login: Login error: {WRONG}"),
        (SnowflakeLoginError, 251001, "account must be specified"),
        (SnowflakeLoginError, 250001, "Failed to login: Workload Identity Federation attestation failed"),
        (SnowflakeNetworkError, 250001, "Could not connect to Snowflake backend after 2 attempt(s).Aborting"),
        (SnowflakeNetworkError, 14, "Failed to login: login timed out after 4s"),
    ],
)
def test_a_refused_login_is_told_from_one_that_nobody_answers(
    kind: type[SnowflakeError], code: int, text: str
) -> None:
    error = login_failure(SnowflakeConnection(account="a-b", user="ANN"), SaidError(code, text))
    assert type(error) is kind
    assert error.retryable is (kind is SnowflakeNetworkError)
    assert "cannot log in to 'a-b' as 'ANN'" in str(error)
