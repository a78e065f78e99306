"""One attempt of a script: its session, its transaction, its statements one after the other."""

from __future__ import annotations

import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from longshore import JobUnreachableError, TaskCancelled, current
from longshore_snowflake import queries, transactions
from longshore_snowflake.errors import SnowflakeError
from longshore_snowflake.refusals import is_control
from longshore_snowflake.scriptresults import (
    SnowflakeScriptResult,
    SnowflakeStatementResult,
    read,
    unread,
)
from longshore_snowflake.sessions import dedicated, session
from longshore_snowflake.transactions import TaggedStatement, TransactionKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore_snowflake.binding import Bound
    from longshore_snowflake.results import Outcome
    from longshore_snowflake.script import SnowflakeScript
    from longshore_snowflake.sessions import Session
    from longshore_snowflake.splitting import Piece

_AT_ONCE: Final = frozenset(
    {
        "BEGIN", "COMMIT", "DESC", "DESCRIBE", "ROLLBACK", "SET", "SHOW", "START", "UNSET", "USE",
    }
)  # fmt: skip
"""What is run by one request: it changes the session, or is done at once."""
_UNLIMITED: Final = frozenset({"GET", "LIST", "LS", "PUT", "REMOVE", "RM"})
"""What is run by one request, and takes as long as it takes: it is about files."""
_GRACE: Final = 10.0
"""Seconds that a cancelled attempt may take to roll back, before its session is closed over its head."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One statement of the script."""

    number: int
    piece: Piece
    statement: TaggedStatement


class ScriptRun:
    """One attempt.

    Args:
        task: What to run, and how.
        label: What messages call the script.
        pieces: Its statements.
        bound: Their texts and values.
    """

    def __init__(
        self, task: SnowflakeScript, label: str, pieces: Sequence[Piece], bound: Sequence[Bound]
    ) -> None:
        self._task, self._label = task, label
        self._key = TransactionKey.make(current.call_id, list(bound))
        self._more: dict[str, Any] = {"tag": task.query_tag, "options": task.parameters}
        self._steps = [
            _Step(
                n,
                piece,
                TaggedStatement(_sent(piece, text), values=values, key=self._key.of(n), **self._more),
            )
            for n, (piece, (text, values)) in enumerate(zip(pieces, bound, strict=True), start=1)
        ]
        self._opens = task.transaction or any(is_control(piece) for piece in pieces)
        self._done: list[SnowflakeStatementResult] = []
        # An earlier attempt may have committed it: of this process, or of one that was killed.
        self._may_be_done = task.transaction and (current.attempt > 1 or current.recorded)
        self._history_until = time.monotonic() + task.history_lag

    def result(self) -> SnowflakeScriptResult:
        """Run the script, or recall that it was committed before."""
        if self._may_be_done:
            transactions.end_abandoned(session(self._task.connection), self._key)
            recalled = self._recalled(until=0.0)
            if recalled is not None:
                return recalled
        ended = threading.Event()

        def let_end() -> None:
            if not ended.wait(_GRACE):
                own.close()

        with dedicated(self._task.connection) as own, current.on_cancel(let_end):
            try:
                return self._transaction(own) if self._task.transaction else self._plain(own)
            finally:
                ended.set()

    def _plain(self, own: Session) -> SnowflakeScriptResult:
        try:
            self._all(own)
        finally:
            self._tell()
        return SnowflakeScriptResult(statements=tuple(self._done))

    def _transaction(self, own: Session) -> SnowflakeScriptResult:
        transactions.begin(own, self._key, **self._more)
        self._all(own)
        recalled = self._recalled(until=self._history_until) if self._may_be_done else None
        if recalled is not None:
            transactions.roll_back(own)
            return recalled
        if current.cancelled:
            transactions.roll_back(own)
            raise TaskCancelled(current.cancel_reason)
        try:
            transactions.commit(own, self._key, **self._more)
        except transactions.DOUBTFUL as error:
            transactions.roll_back(own)
            self._look(error)
        except SnowflakeError as error:
            raise self._placed(error, "the COMMIT", 0, transactions.roll_back(own)) from error
        self._tell()
        return SnowflakeScriptResult(statements=tuple(self._done))

    def _look(self, error: SnowflakeError) -> None:
        """Return if the COMMIT that was not answered was carried out."""
        try:
            until = time.monotonic() + self._task.history_lag
            found = transactions.committed(session(self._task.connection), self._key, until=until)
        except SnowflakeError as unanswered:
            raise JobUnreachableError(
                f"cannot say whether {self._label} was committed: {error}; then the query history could not "
                f"be asked: {unanswered}; when Snowflake answers again, resume the run: it asks again"
            ) from error
        if found is None:
            raise self._placed(error, "the COMMIT", 0, rolled_back=True) from error

    def _all(self, own: Session) -> None:
        for step in self._steps:
            line = step.piece.line
            self._progress(f"{step.piece.kind}, line {line}")
            try:
                with closing(self._outcome(own, step)) as outcome:
                    self._done.append(read(own, step.number, step.piece, outcome, self._task.first_rows))
            except SnowflakeError as error:
                rolled_back = self._opens and transactions.roll_back(own)
                raise self._placed(error, f"statement {step.number}", line, rolled_back) from error
            except BaseException:
                if self._opens:
                    transactions.roll_back(own)
                raise
            self._log(self._done[-1])
        self._progress("")

    def _outcome(self, own: Session, step: _Step) -> Outcome:
        if current.cancelled:
            raise TaskCancelled(current.cancel_reason)
        if step.piece.kind in _UNLIMITED:
            return queries.execute(own, step.statement)
        if step.piece.kind in _AT_ONCE or step.piece.words[:2] == ("ALTER", "SESSION"):
            return queries.execute(own, step.statement, timeout=transactions.LONGEST)
        return queries.run(own, step.statement)

    def _progress(self, message: str) -> None:
        current.progress(done=len(self._done), total=len(self._steps), unit="statements", message=message)

    def _log(self, done: SnowflakeStatementResult) -> None:
        current.log.info(
            "statement %d of %d, %s in line %d: %d rows, query %s",
            done.number, len(self._steps), done.kind, done.line, done.row_count, done.query_id,
        )  # fmt: skip

    def _placed(self, error: SnowflakeError, what: str, line: int, rolled_back: bool) -> SnowflakeError:
        """Return an error that says where in the script it happened, and what became of the rest."""
        place = f"{what} of {len(self._steps)}" if line else what
        if line:
            line += max(error.line, 1) - 1
            place += f", line {line},"
        said = (
            str(error).removeprefix("cannot run ").replace(f"; line {error.line} is ", "; that line is ", 1)
        )
        return type(error)(
            f"cannot run {place} of {self._label}: {said}; {self._left(rolled_back)}",
            code=error.code,
            sqlstate=error.sqlstate,
            query_id=error.query_id,
            line=line,
            url=error.url,
            retryable=error.retryable,
        )

    def _left(self, rolled_back: bool) -> str:
        how = "was rolled back" if rolled_back else "is rolled back as its session is closed"
        if self._task.transaction:
            return f"the transaction {how}"
        before = len(self._done)
        ran = f"{before} of its statements ran" if before else "nothing of it ran before"
        return f"{ran}; what its own BEGIN left open {how}" if self._opens else ran

    def _tell(self) -> None:
        """Say what was read and written."""
        for each in self._done:
            for uri in each.reads:
                current.reads(uri, rows=None if each.writes or len(each.reads) > 1 else each.row_count)
            for uri in each.writes:
                current.writes(uri, rows=each.row_count)

    def _recalled(self, *, until: float) -> SnowflakeScriptResult | None:
        """Return the result if an earlier attempt has committed the script."""
        shared = session(self._task.connection)
        ids = transactions.committed(shared, self._key, until=until)
        if ids is None:
            return None
        current.log.info("%s was committed by an earlier attempt; it is not run again", self._label)
        self._done = [self._reread(shared, step, ids.get(step.number, "")) for step in self._steps]
        self._tell()
        return SnowflakeScriptResult(statements=tuple(self._done), recalled=True)

    def _reread(self, shared: Session, step: _Step, query_id: str) -> SnowflakeStatementResult:
        with suppress(SnowflakeError), closing(queries.outcome(shared, query_id, step.statement)) as outcome:
            return read(shared, step.number, step.piece, outcome, self._task.first_rows)
        return unread(shared, step.number, step.piece, query_id)


def _sent(piece: Piece, text: str) -> str:
    """Return what is sent: without the comments before a PUT or GET, behind which the connector sees none."""
    return text[piece.begins :] if piece.kind in ("GET", "PUT") else text
