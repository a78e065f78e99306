"""`SnowflakeScript`: several statements, in one session and, if wanted, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003 - who describes a task evaluates these
from pathlib import Path
from typing import Any, Self

from longshore import ConfigurationError, Task, field
from longshore_snowflake.binding import bind
from longshore_snowflake.connections import SnowflakeConnection
from longshore_snowflake.errors import SnowflakeInputError
from longshore_snowflake.refusals import refuse
from longshore_snowflake.scriptresults import SnowflakeScriptResult
from longshore_snowflake.scriptruns import ScriptRun
from longshore_snowflake.splitting import Piece, split


class SnowflakeScript(Task[SnowflakeScriptResult]):
    """Run several statements, one after the other, in a session of their own.

    The script is cut where Snowflake's own client cuts it (`execute_string()`, SnowSQL). Blocks of Snowflake
    Scripting have to stand between `$$`, as there; one that does not is refused before anything is sent.

    Each attempt begins at the first statement. Without `transaction`, what a failed attempt has done stays,
    and a run that was killed in a script does not know how far it came: the step is Unknown, unless
    `repeatable=True` says that the script may be run again. With `transaction` it is done once or not at
    all: an error rolls it back, and every attempt, also that of a resumed run, first rolls back what a killed
    process has left open and asks the query history whether a COMMIT of the same statements and values was
    carried out. So `repeatable` is True then. The history has the last 10,000 queries of the user within
    seven days.

    Args:
        sql: The statements as text, or the `Path` of a file that has them, in UTF-8, on the machine that runs
            the step.
        transaction: Whether to put BEGIN before and COMMIT behind them. Snowflake commits at each CREATE,
            ALTER, DROP, GRANT and the like, so a script that has one is refused then; what a procedure or
            EXECUTE IMMEDIATE does is not looked into, and files that PUT has copied stay.
        first_rows: How many rows of each statement's result are kept.
        query_tag: What stands in `QUERY_TAG` beside flow, run, step, map index, attempt and key.
        parameters: Session parameters for each statement: `{"STATEMENT_TIMEOUT_IN_SECONDS": 600}`.
        history_lag: Seconds after the start until the query history is trusted to know of a COMMIT that an
            earlier attempt has sent.
        repeatable: Whether a crash in the middle may be answered by running it again.
        connection: Which account, and who we are there.

    Example:
        >>> merge = SnowflakeScript(Path("sql/merge.sql"), transaction=True, retries=2)
        >>> merge({"day": "2013-01-01"}).last.row_count
        842
    """

    sql: str | Path = field(kw_only=False)
    transaction: bool = False
    first_rows: int = 10
    query_tag: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    history_lag: float = 3.0
    repeatable: bool = False
    connection: SnowflakeConnection = SnowflakeConnection()

    def check(self) -> None:
        if self.first_rows < 0:
            raise ConfigurationError(f"{self.name}(first_rows={self.first_rows!r}): give 0 or more")
        if self.history_lag < 0:
            raise ConfigurationError(f"{self.name}(history_lag={self.history_lag!r}): give seconds from 0")
        if isinstance(self.sql, str):
            self._pieces()
        if self.transaction:
            object.__setattr__(self, "repeatable", True)

    def replace(self, **changes: Any) -> Self:
        if self.transaction and not changes.get("transaction", True):
            changes.setdefault("repeatable", False)  # it was the transaction that made it so
        return super().replace(**changes)

    def run(self, values: Mapping[str, Any] | Sequence[Any] = ()) -> SnowflakeScriptResult:
        """Run the statements.

        Args:
            values: By name, for each `:name` in the script; or in order, for each `?` of the whole script.
                They are bound by Snowflake itself; a `Secret` is resolved when it is sent. A `:name` that is
                not given here is left to Snowflake, and nothing in quotes, comments or `$$` is a place.

        Raises:
            SnowflakeError: A statement failed; the error has its number, line, code and query id.
            SnowflakeInputError: The script cannot be read or run as it is, or a value has no place.
            JobUnreachableError: Snowflake did not say whether the COMMIT was carried out.
        """
        pieces = self._pieces()
        return ScriptRun(self, self._label, pieces, bind(pieces, values, self._label)).result()

    @property
    def _label(self) -> str:
        return repr(self.sql.name) if isinstance(self.sql, Path) else "the script"

    def _pieces(self) -> list[Piece]:
        pieces = [piece for piece in split(self._text()) if piece.kind]
        refuse(pieces, self._label, transaction=self.transaction)
        return pieces

    def _text(self) -> str:
        if isinstance(self.sql, str):
            if self.sql.lower().endswith(".sql") and not any(map(str.isspace, self.sql)):
                raise ConfigurationError(
                    f"{self.name}({self.sql[-80:]!r}): a text is the statements themselves; for a file give "
                    f"Path({self.sql[-80:]!r})"
                )
            return self.sql
        try:
            return self.sql.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise SnowflakeInputError(
                f"cannot read {str(self.sql)!r}: {getattr(error, 'strerror', None) or error}; give "
                "a UTF-8 file that is on the machine that runs the step"
            ) from error
