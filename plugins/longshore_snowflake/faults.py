"""What Snowflake and its connector say, in our words.

Snowflake's numbers are stable, its texts less so: numbers come first. Both lines of the connector raise the
classes of PEP 249 with `errno`, `sqlstate` and `sfqid`. Numbers from 250000 are the connector's own; the
older line puts the status of an HTTP answer into the last digits (`580503`), the newer one into the text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from longshore import LongshoreError, redact
from longshore_snowflake.errors import (
    SnowflakeCancelledError,
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

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longshore_snowflake.connections import SnowflakeConnection
    from longshore_snowflake.statements import Statement

Kind = type[SnowflakeError]
_LONGEST: Final = 600
_GONE: Final = frozenset({250002, 252007, 390104, 390110, 390111, 390112, 390113, 390114, 390115, 390195})
"""The session or its token is not known any more, or not renewed: the statement was not looked at."""
_HOW_IT_SAYS_SO: Final = ("Failed to refresh session", "Async query did not report a queryId")
"""The newer line keeps the number of a refused submission to itself."""
_NETWORK: Final = frozenset({250001, 250003, 250005, 251011, 251012, 252010, 253002, 253003})
_HTTP: Final = (range(290000, 290600), range(540000, 540600), range(580000, 580600))
_UNANSWERED: Final = re.compile(
    r"^(failed to login: |failed to refresh session: )?"
    r"(http request failed|login timed out|invalid snowflake response|failed to communicate)"
)
"""How the newer line begins where Snowflake did not answer, with a small number of its own."""
_STATUS: Final = re.compile(r"(?:status:?|http) ([1-5]\d\d)\b", re.IGNORECASE)
_LOGIN: Final = (range(390000, 400000), range(250002, 252000))
_CODES: Final[tuple[tuple[Kind, frozenset[int]], ...]] = (
    (SnowflakeSyntaxError, frozenset({8, 900, 904, 907, 939, 979, 1003, 1004, 1007, 1008, 1044, 2049})),
    (SnowflakeNotFoundError, frozenset({709, 2001, 2003, 2004, 2043, 90105})),
    (SnowflakePermissionError, frozenset({3001, 3011, 3041, 3540})),
    (SnowflakeWarehouseError, frozenset({606, 607, 608, 609, 610, 90073})),
    (SnowflakeTimeoutError, frozenset({630, 631})),
    (SnowflakeCancelledError, frozenset({604, 1297})),
    (SnowflakeDataError, frozenset(range(100000, 101000))),
)
_TEXTS: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = (
    (SnowflakeTimeoutError, re.compile(r"reached its .*timeout")),
    (SnowflakeCancelledError, re.compile(r"execution (was )?cancell?ed")),
    (SnowflakeWarehouseError, re.compile(r"no active warehouse|warehouse .*(suspended|resumed)")),
    (SnowflakePermissionError, re.compile(r"insufficient privileges|access control error")),
    (SnowflakeNotFoundError, re.compile(r"does not exist")),
    (SnowflakeSyntaxError, re.compile(r"syntax error|invalid identifier|compilation error")),
)
_STATES: Final[tuple[tuple[Kind, frozenset[str]], ...]] = (
    (SnowflakeNotFoundError, frozenset({"42S02", "02000"})),
    (SnowflakePermissionError, frozenset({"42501"})),
    (SnowflakeWarehouseError, frozenset({"57P03"})),
    (SnowflakeCancelledError, frozenset({"57014"})),
    (SnowflakeSyntaxError, frozenset({"42000", "42601", "0A000"})),
    (SnowflakeDataError, frozenset({"22000", "22012", "22018", "22023", "23001"})),
    (SnowflakeNetworkError, frozenset({"08001", "08006"})),
)
_REMEDIES: Final[dict[Kind, str]] = {
    SnowflakeNotFoundError: "check the name and the role; run: SHOW GRANTS TO ROLE ...",
    SnowflakePermissionError: "grant it to the role, or give SnowflakeConnection(role=...)",
    SnowflakeWarehouseError: "give SnowflakeConnection(warehouse=...), or run: ALTER WAREHOUSE ... RESUME",
    SnowflakeTimeoutError: "raise STATEMENT_TIMEOUT_IN_SECONDS, or take a larger warehouse",
    SnowflakeNetworkError: "see https://status.snowflake.com, and the settings of the proxy",
    SnowflakeLoginError: "check SnowflakeConnection(...), or its section of connections.toml",
}
_NO_SECTION: Final = re.compile(r"invalid connection_name|not found in config")
_NO_SECTION_REMEDY: Final = (
    "write that section into ~/.snowflake/connections.toml, or give account=... and user=..."
)
_SEVERAL: Final = "statement count"
_LINE: Final = re.compile(r"error line (\d+)")
_PASSING: Final = re.compile(r"\block|deadlock|internal error|try again|temporarily|too many|provision")
"""Of refusals without a class: those that may be over in a while."""
_OUR_OWN: Final = (TypeError, AttributeError, LookupError)
"""Errors that would come again, of code that is wrong."""
_PREFIX: Final = re.compile(r"^((\d{6}|-+)( \(\w{5}\))?: )?((None|[0-9a-f-]{36}): )?")
"""The number, state and query id that the older connector puts before the text."""


def is_gone(error: BaseException) -> bool:
    """Return whether an error says that Snowflake does not know the session any more."""
    return (
        _code(error) in _GONE
        or type(error).__name__ == "ReauthenticationRequest"
        or _said(error).startswith(_HOW_IT_SAYS_SO)
    )


def translated(
    what: str,
    error: BaseException,
    *,
    account: str = "",
    statement: Statement | None = None,
    query_id: str = "",
) -> Exception:
    """Return the error for what the connector raised; an error of Longshore's own stays as it is.

    Args:
        what: What could not be done: `run 'SELECT 1'`.
        error: The connector's.
        account: Whose account, to say where the query is shown.
        statement: The statement, to show its line.
        query_id: The query's id, where the error has none.
    """
    if isinstance(error, LongshoreError):
        return error
    return failure(what, error, account=account, statement=statement, query_id=query_id)


def failure(
    what: str,
    error: BaseException | str,
    *,
    account: str = "",
    statement: Statement | None = None,
    query_id: str = "",
) -> SnowflakeError:
    """Return the error for what the connector raised, or Snowflake said, of a query."""
    code, state, said = _code(error), str(getattr(error, "sqlstate", None) or ""), _said(error)
    query_id = str(getattr(error, "sfqid", None) or query_id)
    kind, url = _kind(code, state, said), query_url(account, query_id)
    line = _line(said)
    parts = [
        f"cannot {what}: {_answered(code)} {said!r}",
        f"line {line} is {shown!r}" if (shown := statement.line(line) if statement else "") else "",
        f"query {query_id}{f', see {url}' if url else ''}" if query_id else "",
        "run several statements by SnowflakeScript" if _SEVERAL in said else _REMEDIES.get(kind, ""),
    ]
    return kind(
        "; ".join(part for part in parts if part),
        code=max(code, 0),
        sqlstate=state,
        query_id=query_id,
        line=line,
        url=url,
        retryable=_retryable(kind, code, said) and not isinstance(error, _OUR_OWN),
    )


def login_failure(connection: SnowflakeConnection, error: BaseException) -> SnowflakeError:
    """Return the error for a login that was refused, or that nobody answered."""
    code, said = _code(error), _said(error)
    whom = connection.user or "the default user"
    where = connection.account or connection.host or connection.name or "the default connection"
    low = said.lower()
    # The newer line gives one number to what nobody answered and to what it would not send itself.
    own = low.startswith("failed to login") and not _UNANSWERED.match(low)
    network = _kind(code, "", said) is SnowflakeNetworkError and "incorrect" not in low and not own
    kind: Kind = SnowflakeNetworkError if network else SnowflakeLoginError
    remedy = _NO_SECTION_REMEDY if _NO_SECTION.search(low) else _REMEDIES[kind]
    return kind(
        f"cannot log in to {where!r} as {whom!r}: {_answered(code)} {said!r}; {remedy}",
        code=max(code, 0),
        sqlstate=str(getattr(error, "sqlstate", None) or ""),
        retryable=_retryable(kind, code, said),
    )


def query_url(account: str, query_id: str) -> str:
    """Return where Snowsight shows a query; empty when the account is not named with its organization."""
    organization, dash, name = account.partition("-")
    if not (dash and name and query_id) or "." in account:
        return ""
    place = f"{organization.lower()}/{name.lower()}"
    return f"https://app.snowflake.com/{place}/#/compute/history/queries/{query_id}/detail"


def _answered(code: int) -> str:
    if code < 0:
        return "the connector says"
    own = 250000 <= code < 300000 or code >= 500000
    return f"{'the connector' if own else 'Snowflake'} says {code:06d}"


def _kind(code: int, state: str, said: str) -> Kind:
    if code in _NETWORK or any(code in codes for codes in _HTTP) or _UNANSWERED.match(said.lower()):
        return SnowflakeNetworkError
    if any(code in codes for codes in _LOGIN):
        return SnowflakeLoginError
    return _first(code, _CODES) or _matching(said.lower()) or _first(state, _STATES) or SnowflakeError


def _retryable(kind: Kind, code: int, said: str) -> bool:
    if kind is SnowflakeNetworkError:
        found = _STATUS.search(said)
        status = int(found[1]) if found else code % 1000 if any(code in codes for codes in _HTTP) else 0
        return status < 400 or status in (408, 429) or status >= 500
    if kind is SnowflakeError:
        return code < 0 or _PASSING.search(said.lower()) is not None
    if kind is SnowflakeWarehouseError:
        return "resum" in said.lower() or "provision" in said.lower()
    return kind.hopeful


def _first(value: Any, table: Iterable[tuple[Kind, frozenset[Any]]]) -> Kind | None:
    return next((kind for kind, values in table if value in values), None)


def _matching(said: str) -> Kind | None:
    return next((kind for kind, pattern in _TEXTS if pattern.search(said)), None)


def _line(said: str) -> int:
    found = _LINE.search(said)
    return int(found[1]) if found else 0


def _code(error: BaseException | str) -> int:
    code = getattr(error, "errno", None)
    return code if isinstance(code, int) else -1


def _said(error: BaseException | str) -> str:
    text = str(getattr(error, "raw_msg", None) or getattr(error, "msg", None) or error)
    text = _PREFIX.sub("", redact(" ".join(text.split())))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
