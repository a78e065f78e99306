"""`SnowflakeQuery`: one statement, from its submission to its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003 - who describes a task evaluates these
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from longshore import ConfigurationError, field
from longshore_snowflake import lineage, queries, streams
from longshore_snowflake.faults import query_url
from longshore_snowflake.jobs import StatementJob
from longshore_snowflake.results import SnowflakeResult
from longshore_storage.protocol import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_snowflake.results import Outcome
    from longshore_snowflake.sessions import Session
    from longshore_snowflake.statements import Statement

GiB: Final = 1 << 30
Query = dict[str, str]


class SnowflakeQuery(StatementJob[SnowflakeResult]):
    """Run one statement.

    It is submitted asynchronously and then watched. A run that was killed finds it again by its id, or by the
    job's key in its tag, and never submits it a second time. Values are bound by Snowflake itself, never
    formatted into the text.

    Args:
        sql: The statement, with a `?` for each value.
        query_tag: What stands in `QUERY_TAG` beside flow, run, step, map index, attempt and key.
        parameters: Session parameters for this statement alone: `{"STATEMENT_TIMEOUT_IN_SECONDS": 600}`.
        max_memory: Bytes that the result may take here.
        to: A path or URL, `s3://lake/delays.parquet`, to which the rows are written batch by batch; what is
            there is replaced, by the whole result or not at all. Then the rows are not held here.
        file_type: The format of `to`; by default what its name says: `.parquet`, `.csv`, `.csv.gz`.
        storage: Connections for `to` by the beginning of a URL; by default as the storage's SDK finds them.
        history_lag: Seconds for which a query that a killed process may have submitted is looked for in the
            query history before it is submitted anew.
        connection: Which account, and who we are there.

    Example:
        >>> SnowflakeQuery("SELECT carrier, avg(delay) FROM flights WHERE month = ? GROUP BY 1")([7]).table
    """

    sql: str = field(kw_only=False)
    max_memory: int = GiB
    to: str = ""
    file_type: Literal["", "parquet", "csv"] = ""
    storage: Mapping[str, Connection] = field(default_factory=dict[str, Connection])

    def check(self) -> None:
        super().check()
        self._statement(self.sql)
        if self.max_memory <= 0:
            raise ConfigurationError(f"{self.name}(max_memory={self.max_memory!r}): give bytes above 0")
        if self.to:
            streams.kind_of(self.to, self.file_type)

    def submit(self, key: str, /, values: Sequence[Any] = ()) -> Query:
        """Submit the statement.

        Args:
            values: One for each `?`; a `Secret` is resolved when it is sent.

        Raises:
            SnowflakeError: It was refused.
            SnowflakeInputError: A value cannot be bound.
        """
        return {"query": queries.submit(self._session(), self._statement(self.sql, values), key)}

    def find(self, key: str) -> Query | None:
        found = self._looked_for(lambda: queries.find(self._session(), key))
        return None if found is None else {"query": found}

    def result(self, handle: Query) -> SnowflakeResult:
        """Return the result.

        Raises:
            SnowflakeError: It cannot be fetched; Snowflake keeps it for 24 hours.
            SnowflakeInputError: It takes more than `max_memory` bytes.
            StorageError: It cannot be written to `to`.
        """
        own = self._session()
        opened = partial(self._opened, own, handle)
        written = self._written(opened) if self.to else None
        with opened() as outcome:
            table: Any = None if written else outcome.table(self.max_memory)
            tables = lineage.tables_of(self.sql)
            count = outcome.row_count
            reads, writes = lineage.tell(
                own, tables, read_rows=None if tables.writes else count, written_rows=count
            )
            return SnowflakeResult(
                query_id=outcome.query_id,
                kind=outcome.kind,
                row_count=count,
                bytes=written.bytes if written else table.nbytes,
                columns=outcome.columns,
                reads=reads,
                writes=writes,
                url=query_url(own.account, outcome.query_id),
                file=written.file if written else None,
                table=table,
            )

    def _written(self, opened: Callable[[], closing[Outcome]]) -> streams.Written:
        return streams.write(opened, self.to, kind=self.file_type, connections=self.storage)

    def _opened(self, own: Session, handle: Query) -> closing[Outcome]:
        return closing(queries.outcome(own, handle["query"], self._about(handle)))

    def _about(self, handle: Query) -> Statement:
        return self._statement(self.sql)
