"""Transactions that are committed once, whoever dies: begun under a name, committed under a tag.

A process that is killed leaves its transaction open: Snowflake rolls it back when it is in another one's way
for five minutes, or after four hours ("Transactions", docs.snowflake.com). So it is begun under a name, by
which it is found and ended at once. Whether it was committed is told by the query history, since each
statement carries its key in `QUERY_TAG`.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from longshore import TaskCancelled, current
from longshore_snowflake.errors import (
    SnowflakeCancelledError,
    SnowflakeNetworkError,
    SnowflakeTimeoutError,
)
from longshore_snowflake.identifiers import quoted
from longshore_snowflake.queries import execute
from longshore_snowflake.statements import Statement, key_mark

if TYPE_CHECKING:
    from longshore_snowflake.sessions import Session

_COMMIT: Final = "commit"
_PAUSE: Final = 0.5
LONGEST: Final = 300.0
"""Seconds for a statement that is done at once: without, the older connector asks for two days."""


DOUBTFUL: Final = (SnowflakeCancelledError, SnowflakeNetworkError, SnowflakeTimeoutError)
"""Errors after which a COMMIT may have been carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedStatement(Statement):
    """A statement that has a key however it is run.

    Attributes:
        key: What its tag begins with.
    """

    key: str

    def parameters(self, key: str = "") -> dict[str, Any]:
        """Return the parameters that go with the statement."""
        return Statement.parameters(self, self.key)


@dataclass(frozen=True, slots=True)
class TransactionKey:
    """What the statements of one transaction are tagged with.

    Attributes:
        call: The call's id, the same in all attempts and in a resumed run.
        work: What is done, the same for the same statements and values of the call.
        token: Of this attempt alone.
    """

    call: str
    work: str
    token: str

    @classmethod
    def make(cls, call: str, work: object) -> TransactionKey:
        """Return the key for a piece of work, told by its `repr()`: that of a `Secret` does not show it."""
        digest = hashlib.sha256(repr((call, work)).encode(errors="surrogatepass")).hexdigest()
        return cls(call, digest[:32], uuid.uuid4().hex[:12])

    def of(self, what: int | str) -> str:
        """Return the key of a statement."""
        return f"{self.work}/{self.token}/{what}"

    @property
    def name(self) -> str:
        """The transaction's name."""
        return f"LONGSHORE_{self.call.replace('-', '').upper()}"


def begin(own: Session, key: TransactionKey, **more: Any) -> None:
    """Begin a transaction in a session of its own."""
    begun = TaggedStatement(f"BEGIN TRANSACTION NAME {key.name}", key=key.of("begin"), **more)
    execute(own, begun, timeout=LONGEST).close()


def commit(own: Session, key: TransactionKey, **more: Any) -> None:
    """Commit it.

    Raises:
        SnowflakeError: It is not, unless it is one of `DOUBTFUL`: then that is not known.
    """
    execute(own, TaggedStatement("COMMIT", key=key.of(_COMMIT), **more), timeout=LONGEST).close()


def roll_back(own: Session) -> bool:
    """Roll back what a session has open; return whether Snowflake has confirmed it.

    Otherwise it is done when the session is closed, which follows.
    """
    with suppress(Exception):
        execute(own, Statement("ROLLBACK"), timeout=own.settings.network_timeout).close()
        return True
    return False


def end_abandoned(session: Session, key: TransactionKey) -> None:
    """Roll back a transaction that a killed process has left open.

    Raises:
        SnowflakeError: It cannot be looked for, or not be ended.
    """
    with closing(execute(session, Statement("SHOW TRANSACTIONS"), timeout=LONGEST)) as shown:
        columns = [name.lower() for name in shown.columns]
        found = [dict(zip(columns, row, strict=True)) for row in shown.rows()]
    for each in found:
        if str(each.get("name")) == key.name:
            current.log.warning("a transaction that was left open is rolled back: %s", each["id"])
            abort = Statement(f"SELECT SYSTEM$ABORT_TRANSACTION({int(each['id'])})")  # takes constants only
            execute(session, abort, timeout=LONGEST).close()


def committed(session: Session, key: TransactionKey, *, until: float = 0.0) -> dict[int, str] | None:
    """Return the query ids of the transaction that was committed, by the numbers of its statements.

    Args:
        session: Where to ask.
        key: Of the work; its token does not count.
        until: When to stop looking, on the clock of `time.monotonic()`: the history lags behind by seconds.

    Returns:
        None when the history knows of none.

    Raises:
        SnowflakeError: The history cannot be asked.
    """
    while True:
        found = _history(session, key)
        token = next((token for token, what in found if what == _COMMIT), None)
        if token is not None:
            return {int(what): qid for (each, what), qid in found.items() if each == token and what.isdigit()}
        if time.monotonic() >= until:
            return None
        if current.cancelled:
            raise TaskCancelled(current.cancel_reason)
        time.sleep(_PAUSE)


def _history(session: Session, key: TransactionKey) -> dict[tuple[str, str], str]:
    """Return the queries of a piece of work that ended well, by token and by what they were."""
    # A session may have no database; the one of Snowflake's own is there for all.
    database = quoted(str(session.connection.database or "SNOWFLAKE"))
    history = f"{database}.information_schema.query_history_by_user(result_limit => 10000)"
    asked = Statement(
        f"SELECT query_id, query_tag, execution_status FROM TABLE({history}) "  # noqa: S608 - quoted
        "WHERE STARTSWITH(query_tag, ?) ORDER BY start_time",
        values=[key_mark(f"{key.work}/").removesuffix('"')],
    )
    with closing(execute(session, asked, timeout=LONGEST)) as found:
        rows = list(found.rows())
    ids: dict[tuple[str, str], str] = {}
    for query_id, tag, status in rows:
        if str(status).upper().startswith("SUCCE"):
            _, token, what = str(json.loads(str(tag))["longshore"]).split("/")
            ids[token, what] = str(query_id)
    return ids
