"""Queries: each runs in a thread of its own, can be cancelled, has a time limit, and is remembered."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from snowflake_service.refusals import RefusedError, cancelled, timed_out, translated

if TYPE_CHECKING:
    from snowflake_service.accounts import Session
    from snowflake_service.results import Result

LONGEST = 172_800
"""Seconds of a statement, when `STATEMENT_TIMEOUT_IN_SECONDS` says nothing."""
_REMEMBERED = 20_000


@dataclass(eq=False)
class Query:
    """One statement of a session, from its submission on.

    Attributes:
        request_id: By which a repeated request is known.
        parameters: Of this statement, over the session's, in upper case.
        previous: The session's last query before it.
        executions: How often it was run: 1, however often it was asked for.
        child: Of several statements, the one that runs.
        in_duckdb: Whether it has the session's connection just now.
    """

    session: Session
    text: str
    request_id: str = ""
    bindings: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    describe_only: bool = False
    base_url: str = ""
    parent: str = ""
    previous: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.time)
    ended: float = 0.0
    executions: int = 0
    in_duckdb: bool = False
    child: Query | None = None
    result: Result | None = None
    error: RefusedError | None = None
    lost: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    done: Future[None] = field(default_factory=Future)
    tag: str = ""
    _reason: RefusedError | None = None

    def __post_init__(self) -> None:
        self.tag = str(self.parameter("QUERY_TAG", "") or "")

    def parameter(self, name: str, default: Any = None) -> Any:
        """Return a parameter: the statement's own, else the session's."""
        return self.parameters.get(name, self.session.parameters.get(name, default))

    @property
    def status(self) -> str:
        if not self.done.done():
            return "RUNNING"
        return "FAILED_WITH_ERROR" if self.error else "SUCCESS"

    @property
    def seconds(self) -> float:
        return (self.ended or time.time()) - self.started

    def described(self) -> dict[str, Any]:
        """Return what tests want to know of it."""
        return {
            "id": self.id,
            "text": self.text,
            "user": self.session.user,
            "session": self.session.id,
            "request_id": self.request_id,
            "tag": self.tag,
            "status": self.status,
            "code": self.error.code if self.error else 0,
            "executions": self.executions,
            "in_duckdb": self.in_duckdb,
        }

    def abort(self, reason: RefusedError | None = None) -> bool:
        """Stop it; return whether it ran."""
        if self.done.done():
            return False
        self._reason = self._reason or reason or cancelled()
        self.stop.set()
        threading.Thread(target=self._interrupt, daemon=True).start()
        return True

    def _interrupt(self) -> None:
        while not self.done.done():  # again and again: DuckDB forgets what comes between two statements
            if (self.child or self).in_duckdb:
                self.session.interrupt()
            time.sleep(0.02)

    def wait(self, seconds: float) -> None:
        """Take time.

        Raises:
            RefusedError: It was cancelled meanwhile.
        """
        if self.stop.wait(seconds):
            raise self._reason or cancelled()

    def run(self, work: Callable[[Query], Result]) -> None:
        """Do it, once, and keep what came of it."""
        self.executions += 1
        seconds = int(self.parameter("STATEMENT_TIMEOUT_IN_SECONDS", LONGEST) or LONGEST)
        limit = threading.Timer(seconds, self.abort, [timed_out(seconds)])
        limit.daemon = True
        limit.start()
        try:
            self.result = work(self)
        except BaseException as error:
            failed = error if isinstance(error, Exception) else RuntimeError(repr(error))
            self.error = self._reason or translated(failed)
        finally:
            limit.cancel()
            self.ended = time.time()
            self.done.set_result(None)


class Queries:
    """All queries that were ever submitted, the last of them at the end."""

    def __init__(self, work: Callable[[Query], Result]) -> None:
        self._work = work
        self._by_id: dict[str, Query] = {}
        self._by_request: dict[tuple[str, str], Query] = {}
        self._lock = threading.RLock()
        self._threads = ThreadPoolExecutor(64, "query")

    def submit(self, query: Query) -> Query:
        """Start a query, or return the one that was started under its request id.

        Snowflake knows a repeated request by its `requestId`, and answers with the first's result:
        https://docs.snowflake.com/en/developer-guide/sql-api/submitting-requests#resubmitting-a-request-to-execute-sql-statements
        """
        with self._lock:
            known = self._by_request.get((query.session.user, query.request_id)) if query.request_id else None
            if known is not None:
                return known
            self.add(query)
            if query.request_id:
                self._by_request[query.session.user, query.request_id] = query
        self._threads.submit(query.run, self._work)
        return query

    def add(self, query: Query) -> None:
        """Remember a query."""
        with self._lock:
            self._by_id[query.id] = query
            while len(self._by_id) > _REMEMBERED:
                self._by_id.pop(next(iter(self._by_id)))
            query.previous = query.session.last_query
            query.session.last_query = query.parent or query.id

    def find(self, query_id: str) -> Query | None:
        found = self._by_id.get(query_id)
        return None if found is None or found.lost else found

    def by_request(self, user: str, request_id: str) -> Query | None:
        return self._by_request.get((user, request_id))

    def all(self) -> list[Query]:
        with self._lock:
            return [query for query in self._by_id.values() if not query.lost]

    def abort_all(self, session: Session) -> None:
        """Stop what runs in a session that is closed."""
        for query in self.all():
            if query.session is session:
                query.abort()
