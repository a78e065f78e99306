"""What Snowflake and its connector say, in our words.

Snowflake's numbers are stable, its texts less so: numbers come first. Both lines of the connector raise the
classes of PEP 249 with `errno`, `sqlstate`, `sfqid` and `raw_msg`.
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

_LONGEST: Final = 600
_GONE: Final = frozenset({390104, 390110, 390111, 390112, 390113, 390114, 390115, 390195})
"""The session or its token is not known any more: the statement was not looked at."""
_NETWORK: Final = frozenset({250001, 250003, 250005, 251011, 251012, 290000, 290503, 290429, 290504})
_LOGIN: Final = range(390000, 391000)
_CODES: Final[tuple[tuple[type[SnowflakeError], frozenset[int]], ...]] = (
    (SnowflakeSyntaxError, frozenset({900, 904, 907, 939, 979, 1003, 1004, 1007, 1008, 1044, 2049, 8})),
    (SnowflakeNotFoundError, frozenset({2003, 2043, 2001, 2004, 90105, 904_000})),
    (SnowflakePermissionError, frozenset({3001, 3041, 3540, 3011})),
    (SnowflakeWarehouseError, frozenset({606, 607, 608, 609, 610, 90064, 90073, 90096})),
    (SnowflakeTimeoutError, frozenset({630, 631, 390_000_630})),
    (SnowflakeCancelledError, frozenset({604, 1297, 90230})),
    (SnowflakeDataError, frozenset(range(100000, 101000))),
)
_TEXTS: Final[tuple[tuple[type[SnowflakeError], re.Pattern[str]], ...]] = (
    (SnowflakeTimeoutError, re.compile(r"reached its .*timeout|statement.*timed? ?out", re.IGNORECASE)),
    (SnowflakeCancelledError, re.compile(r"sql execution (was )?cancell?ed", re.IGNORECASE)),
    (SnowflakeWarehouseError, re.compile(r"no active warehouse|warehouse .*(suspended|resumed)", re.IGNORECASE)),
    (SnowflakePermissionError, re.compile(r"insufficient privileges|access control error", re.IGNORECASE)),
    (SnowflakeNotFoundError, re.compile(r"does not exist( or not authorized)?", re.IGNORECASE)),
    (SnowflakeSyntaxError, re.compile(r"syntax error|invalid identifier|compilation error", re.IGNORECASE)),
)  # fmt: skip
_STATES: Final[tuple[tuple[type[SnowflakeError], frozenset[str]], ...]] = (
    (SnowflakeNotFoundError, frozenset({"42S02", "02000"})),
    (SnowflakePermissionError, frozenset({"42501"})),
    (SnowflakeWarehouseError, frozenset({"57P03"})),
    (SnowflakeTimeoutError, frozenset({"57014T"})),
    (SnowflakeSyntaxError, frozenset({"42000", "42601"})),
    (SnowflakeDataError, frozenset({"22000", "22018", "22012", "23001"})),
    (SnowflakeNetworkError, frozenset({"08001", "08006"})),
)
_REMEDIES: Final[dict[type[SnowflakeError], str]] = {
    SnowflakeNotFoundError: "check the name, and what the role may see: SHOW GRANTS TO ROLE ...",
    SnowflakePermissionError: "grant it to the role, or give SnowflakeConnection(role=...)",
    SnowflakeWarehouseError: "give SnowflakeConnection(warehouse=...), or run: ALTER WAREHOUSE ... RESUME",
    SnowflakeTimeoutError: "raise STATEMENT_TIMEOUT_IN_SECONDS, or take a larger warehouse",
    SnowflakeNetworkError: "see https://status.snowflake.com, and the proxy's settings",
    SnowflakeLoginError: "run: longshore doctor",
}
_LINE: Final = re.compile(r"(?:error|at) line (\d+)")
_PREFIX: Final = re.compile(r"^(\d{6}|-+)( \([0-9A-Z]{5}\))?: ([0-9a-f-]{36}: )?")
"""The number, state and query id that the older connector puts before the text."""


def is_gone(error: BaseException) -> bool:
    """Return whether an error says that Snowflake does not know the session any more."""
    return _code(error) in _GONE or type(error).__name__ == "ReauthenticationRequest"


def translated(what: str, error: BaseException, *, account: str = "", login: bool = False) -> LongshoreError:
    """Return the error for what the connector raised.

    Args:
        what: What could not be done: `run 'SELECT 1'`.
        error: The connector's.
        account: Whose account, to say where the query is shown.
        login: Whether it happened at the login.
    """
    if isinstance(error, LongshoreError):
        return error
    return failure(what, error, account=account, login=login)


def failure(
    what: str, error: BaseException | str, *, query_id: str = "", account: str = "", login: bool = False
) -> SnowflakeError:
    """Return the error for what Snowflake said of a query."""
    code, said = _code(error), _said(error)
    state = str(getattr(error, "sqlstate", None) or "")
    query_id = str(getattr(error, "sfqid", None) or query_id)
    kind = _kind(code, state, said, login=login)
    url = query_url(account, query_id)
    seen = f"Snowflake answered {code:06d}" if code > 0 else "Snowflake says"
    place = (f"; query {query_id}" if query_id else "") + (f", see {url}" if url else "")
    remedy = f"; {_REMEDIES[kind]}" if kind in _REMEDIES else ""
    found = _LINE.search(said)
    return kind(
        f"cannot {what}: {seen} {said!r}{place}{remedy}",
        code=max(code, 0),
        sqlstate=state,
        query_id=query_id,
        line=int(found[1]) if found else 0,
        url=url,
    )


def query_url(account: str, query_id: str) -> str:
    """Return where Snowsight shows a query; empty when the account has no organization in its name."""
    organization, dash, name = account.partition("-")
    if not (dash and name and query_id):
        return ""
    place = f"{organization.lower()}/{name.lower()}"
    return f"https://app.snowflake.com/{place}/#/compute/history/queries/{query_id}/detail"


def _kind(code: int, state: str, said: str, *, login: bool) -> type[SnowflakeError]:
    if code in _NETWORK and not (login and "incorrect" in said.lower()):
        return SnowflakeNetworkError
    if code in _LOGIN or login:
        return SnowflakeLoginError
    return _first(code, _CODES) or _matching(said) or _first(state, _STATES) or SnowflakeError


def _first(
    value: Any, table: Iterable[tuple[type[SnowflakeError], frozenset[Any]]]
) -> type[SnowflakeError] | None:
    return next((kind for kind, values in table if value in values), None)


def _matching(said: str) -> type[SnowflakeError] | None:
    return next((kind for kind, pattern in _TEXTS if pattern.search(said)), None)


def _code(error: BaseException | str) -> int:
    code = getattr(error, "errno", None)
    return code if isinstance(code, int) else -1


def _said(error: BaseException | str) -> str:
    text = str(getattr(error, "raw_msg", None) or getattr(error, "msg", None) or error)
    text = _PREFIX.sub("", redact(" ".join(text.split())))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
