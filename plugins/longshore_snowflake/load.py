"""`SnowflakeLoad`: files, tables and DataFrames into a table, once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence  # noqa: TC003 - who describes a task evaluates these
from contextlib import closing
from typing import Any, Final, Literal

from longshore import ConfigurationError, Job, JobFinished, JobRunning, current, field
from longshore_snowflake import lineage, queries
from longshore_snowflake.connections import SnowflakeConnection
from longshore_snowflake.copying import ON_ERROR
from longshore_snowflake.faults import query_url
from longshore_snowflake.identifiers import TableName
from longshore_snowflake.loadhandles import Handle, clear, recalled
from longshore_snowflake.loading import Loading
from longshore_snowflake.reports import SnowflakeLoadResult, changes, file_reports
from longshore_snowflake.sessions import Session, session
from longshore_snowflake.sources import Source  # noqa: TC001
from longshore_snowflake.statements import Statement

MiB: Final = 1 << 20
_begun: Final[dict[tuple[SnowflakeConnection, str], Handle]] = {}
"""The loads that this process has begun, by their connections and keys."""

_BEGINS: Final = {"append": "COPY INTO", "truncate": "INSERT OVERWRITE INTO", "merge": "MERGE INTO"}


class SnowflakeLoad(Job[SnowflakeLoadResult]):
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
    query_tag: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    history_lag: float = 3.0
    connection: SnowflakeConnection = SnowflakeConnection()

    def check(self) -> None:
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
        if self.history_lag < 0:
            raise ConfigurationError(f"{self.name}(history_lag={self.history_lag!r}): give seconds from 0")

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
        loading = Loading(self, session(self.connection), key, name)
        try:
            handle = _begun[self.connection, key] = loading.begin(source)
        except BaseException as error:
            loading.give_up(error)
            raise
        return handle

    def find(self, key: str) -> Handle | None:
        if (self.connection, key) in _begun:
            return _begun[self.connection, key]
        end = time.monotonic() + self.history_lag
        while True:
            found = recalled(session(self.connection), key)
            if found is not None:
                return found
            if time.monotonic() >= end:
                return None
            time.sleep(min(1.0, self.history_lag))

    def poll(self, handle: Handle) -> JobRunning | JobFinished:
        own = session(self.connection)
        status = queries.status(own, handle["query"], self._statement(handle))
        if status.running:
            link = query_url(own.account, handle["query"])
            return JobRunning(message=status.name.lower().replace("_", " "), link=link)
        return JobFinished(status.failure)

    def result(self, handle: Handle) -> SnowflakeLoadResult:
        """Return what the load came to.

        Raises:
            SnowflakeError: It cannot be fetched; Snowflake keeps it for 24 hours.
        """
        own, query = session(self.connection), handle["query"]
        copy = handle["copy"] or query
        with closing(queries.outcome(own, copy, self._statement(handle))) as outcome:
            files = file_reports(outcome, names_only=bool(handle["root"]))
        rows = sum(report.rows_loaded for report in files)
        changed = {"inserted": rows}
        if handle["copy"]:
            with closing(queries.outcome(own, query, self._statement(handle))) as outcome:
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

    def cancel(self, handle: Handle) -> None:
        queries.cancel(session(self.connection), handle["query"])

    def discard(self, handle: Handle) -> None:
        clear(session(self.connection), handle["root"], handle["scratch"], self.query_tag)

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

    def _statement(self, handle: Handle) -> Statement:
        """Return the statement that changes the table as messages show it."""
        return Statement(f"{_BEGINS[self.mode]} {handle['table']}", tag=self.query_tag)
