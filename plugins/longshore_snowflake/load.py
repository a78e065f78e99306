"""`SnowflakeLoad`: files, tables and DataFrames into a table, once."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence  # noqa: TC003 - who describes a task evaluates these
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, Literal

from longshore import ConfigurationError, current, field
from longshore_snowflake import lineage, queries
from longshore_snowflake.copying import ON_ERROR
from longshore_snowflake.faults import query_url
from longshore_snowflake.identifiers import TableName
from longshore_snowflake.jobs import StatementJob
from longshore_snowflake.loadhandles import Handle, clear, recalled
from longshore_snowflake.loading import Loading
from longshore_snowflake.reports import SnowflakeLoadResult, changes, file_reports
from longshore_snowflake.sources import Source  # noqa: TC001

if TYPE_CHECKING:
    from longshore_snowflake.connections import SnowflakeConnection
    from longshore_snowflake.sessions import Session
    from longshore_snowflake.statements import Statement

MiB: Final = 1 << 20
_begun: Final[dict[tuple[SnowflakeConnection, str], Handle]] = {}
"""The latest loads that this process has begun, by their connections and keys."""
_lock: Final = threading.Lock()
_MOST_BEGUN: Final = 10_000

_BEGINS: Final = {"append": "COPY INTO", "truncate": "INSERT OVERWRITE INTO", "merge": "MERGE INTO"}


class SnowflakeLoad(StatementJob[SnowflakeLoadResult]):
    """Load files, an Arrow table or a DataFrame into a table.

    Local files go to a stage by PUT, as they are or compressed; tables and DataFrames as Parquet files, of
    which a few at a time are on disk. Files in a stage or a bucket are loaded from there. COPY INTO does the
    loading, and matches columns by name. The statement that changes the table has the job's key in its tag:
    a run that was killed finds it again, so what is loaded is loaded once.

    Args:
        mode: `append`; `truncate` puts the rows in the place of those that are there; `merge` replaces the
            rows with a key that is there and adds the others. The last two load into a table of the session
            first, and change the table by one statement: no reader sees it half done.
        keys: The columns that `merge` compares.
        winner: Of several rows of one key in what is loaded, the one with the largest value in this column
            is merged; without it they are an error.
        create: Whether the table is created when it is not there. Its types are those of Arrow, Parquet, or
            what the first 4 MiB of a CSV or JSON file suggest; plain names are stored in upper case.
        columns: Types by name, over those that are seen; or names, where files have none.
        extra_columns: What becomes of columns that the table does not have; `ignore` leaves them out.
        file_type: `csv`, `json` (a line each) or `parquet`; by default what the file's name says.
        file_format: The name of a file format, or options in Snowflake's words over ours, which for CSV are
            `{"PARSE_HEADER": True, "FIELD_OPTIONALLY_ENCLOSED_BY": '"'}`. With `SKIP_HEADER` columns go by
            their position.
        match: How names of columns are compared.
        on_error: What a row that does not fit does: `abort_statement`, `continue`, `skip_file`,
            `skip_file_10`, `skip_file_10%`.
        stage: Where local files go: `~`, the user's own stage, or the name of an internal one.
        storage_integration: What lets Snowflake read `s3://` and `gs://`.
        force: Whether files of a stage or bucket are loaded that were loaded before; Snowflake knows them for
            64 days by name and content.
        part_size: Bytes of the Parquet files.
        parallel: Uploads at a time.
        query_tag: What stands in `QUERY_TAG` beside flow, run, step, map index, attempt and key.
        parameters: Session parameters for the statements: `{"STATEMENT_TIMEOUT_IN_SECONDS": 600}`.
        history_lag: Seconds for which a statement that a killed process may have submitted is looked for in
            the query history before the load is begun anew.
        connection: Which account, and who we are there.

    Example:
        >>> SnowflakeLoad(mode="merge", keys=("id",))("exports/*.csv", "LAKE.PUBLIC.FLIGHTS").rows
        336776
    """

    mode: Literal["append", "truncate", "merge"] = "append"
    keys: tuple[str, ...] = ()
    winner: str = ""
    create: bool = False
    columns: Sequence[str] | Mapping[str, str] = ()
    extra_columns: Literal["error", "ignore"] = "error"
    file_type: Literal["", "csv", "json", "parquet"] = ""
    file_format: str | Mapping[str, Any] = field(default_factory=dict[str, Any])
    match: Literal["case_insensitive", "case_sensitive", "none"] = "case_insensitive"
    on_error: str = "abort_statement"
    stage: str = "~"
    storage_integration: str = ""
    force: bool = False
    part_size: int = 96 * MiB
    parallel: int = 4

    def check(self) -> None:
        super().check()
        if isinstance(self.keys, str):
            raise ConfigurationError(
                f"{self.name}(keys={self.keys!r}): give a tuple, such as ({self.keys!r},)"
            )
        if (self.mode == "merge") != bool(self.keys):
            raise ConfigurationError(
                f"{self.name}: give keys=('...',) with mode='merge', and with no other mode"
            )
        if self.winner and self.mode != "merge":
            raise ConfigurationError(f"{self.name}(winner={self.winner!r}): it is for mode='merge'")
        if not ON_ERROR.fullmatch(self.on_error):
            raise ConfigurationError(
                f"{self.name}(on_error={self.on_error!r}): give 'abort_statement', 'continue', 'skip_file', "
                "'skip_file_10' or 'skip_file_10%'"
            )
        for name in ("part_size", "parallel"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{self.name}({name}={getattr(self, name)!r}): give at least 1")

    def submit(self, key: str, /, source: Source, table: str | TableName) -> Handle:
        """Bring the files to Snowflake, and submit the statement that changes the table.

        Args:
            source: A path, a pattern such as `exports/*.csv`, `@STAGE/path`, `s3://bucket/path`, or a list of
                these; what an upload or download returned; a `pyarrow` table, record batch or reader; a
                pandas or polars DataFrame.
            table: Such as `FLIGHTS` or `LAKE.PUBLIC.FLIGHTS`.

        Raises:
            SnowflakeError: Snowflake refuses.
            SnowflakeInputError: What is given cannot be loaded.
        """
        if (self.connection, key) in _begun:
            return _begun[self.connection, key]
        name = table if isinstance(table, TableName) else TableName.parse(table)
        loading = Loading(self, self._session(), key, name)
        try:
            handle = loading.begin(source)
        except BaseException as error:
            loading.give_up(error)
            raise
        with _lock:
            _begun[self.connection, key] = handle
            while len(_begun) > _MOST_BEGUN:
                del _begun[next(iter(_begun))]
        return handle

    def find(self, key: str) -> Handle | None:
        if (self.connection, key) in _begun:
            return _begun[self.connection, key]
        return self._looked_for(lambda: recalled(self._session(), key))

    def result(self, handle: Handle) -> SnowflakeLoadResult:
        """Return what the load came to.

        Raises:
            SnowflakeError: It cannot be fetched; Snowflake keeps it for 24 hours.
        """
        own, query = self._session(), handle["query"]
        copy = handle["copy"] or query
        with closing(queries.outcome(own, copy, self._about(handle))) as outcome:
            files = file_reports(outcome, names_only=bool(handle["root"]))
        rows = sum(report.rows_loaded for report in files)
        changed = {"inserted": rows}
        if handle["copy"]:
            with closing(queries.outcome(own, query, self._about(handle))) as outcome:
                changed = changes(outcome)
        result = SnowflakeLoadResult(
            table=handle["table"],
            mode=self.mode,
            rows=rows,
            rows_inserted=changed.get("inserted", 0),
            rows_updated=changed.get("updated", 0),
            bytes=int(handle["bytes"]) if handle["bytes"] else None,
            files=files,
            query_id=query,
            query_ids=tuple(dict.fromkeys((copy, query))),
            url=query_url(own.account, query),
        )
        self._tell(own, result)
        return result

    def discard(self, handle: Handle) -> None:
        clear(self._session(), handle["root"], handle["scratch"], self.query_tag)

    def _tell(self, own: Session, result: SnowflakeLoadResult) -> None:
        uri = lineage.uri(own, TableName.parse(result.table))
        current.writes(uri, rows=result.rows_inserted + result.rows_updated, bytes=result.bytes)
        if not result.files:
            current.log.warning(
                "nothing was loaded into %s: no file was there, or all were before", result.table
            )
        for report in result.files:
            if report.errors:
                current.log.warning("%s", report)

    def _about(self, handle: Handle) -> Statement:
        """Return the statement that changes the table, as messages show it."""
        return self._statement(f"{_BEGINS[self.mode]} {handle['table']}")
