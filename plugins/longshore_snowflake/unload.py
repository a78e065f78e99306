"""`SnowflakeUnload`: a table or a query to files, in a stage or on to a folder at any storage URL."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - who describes a task evaluates these
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, Literal

from longshore import ConfigurationError, current, field
from longshore_snowflake import ledger, queries, staging
from longshore_snowflake.faults import query_url
from longshore_snowflake.identifiers import TableName  # noqa: TC001
from longshore_snowflake.jobs import StatementJob
from longshore_snowflake.unloading import (
    Fetching,
    SnowflakeUnloadResult,
    root_of,
    select_of,
    unload_format,
    unload_statement,
    unloaded_files,
)
from longshore_storage.protocol import Connection

if TYPE_CHECKING:
    from longshore_snowflake.statements import Statement

MiB: Final = 1 << 20
Unload = dict[str, str]


class SnowflakeUnload(StatementJob[SnowflakeUnloadResult]):
    """Unload a table, or the rows of a query, to files.

    COPY INTO writes them to a folder of a stage that has the job's key in its path, so that no other unload
    writes there, and a run that was killed takes up what it began. With `to` they are then fetched by GET, a
    few at a time, and each is put in its place whole or not at all; the folder of the stage is removed.

    Args:
        to: A folder, as a path or URL such as `s3://lake/flights/`, to which the files are brought; a file of
            the same name is replaced, others stay. Empty to leave them in the stage.
        stage: Where Snowflake writes them: `~`, the user's own stage, or the name of an internal or external
            one. What is in an external stage cannot be fetched by GET.
        prefix: The folder of the stage below which each unload has its own.
        file_type: `parquet`, `csv` or `json` (a line for each row).
        file_format: The name of a file format, or options in Snowflake's words over ours, which for CSV are
            `{"COMPRESSION": "GZIP", "FIELD_OPTIONALLY_ENCLOSED_BY": '"', "NULL_IF": [""]}`.
        header: Whether columns keep their names: in the first line of CSV, in the schema of Parquet.
        single: Whether there is one file, however large.
        max_file_size: Bytes after which the next file begins; Snowflake takes up to 5 GB.
        parallel: Files that are fetched at a time; the disk holds so many.
        keep: Whether the files stay in the stage after they were fetched.
        query_tag: What stands in `QUERY_TAG` beside flow, run, step, map index, attempt and key.
        parameters: Session parameters for the statement: `{"STATEMENT_TIMEOUT_IN_SECONDS": 600}`.
        history_lag: Seconds for which a statement that a killed process may have submitted is looked for in
            the query history before it is submitted anew.
        storage: Connections for `to` by the beginning of a URL; by default as the storage's SDK finds them.
        connection: Which account, and who we are there.

    Example:
        >>> SnowflakeUnload(to="s3://lake/flights/")("LAKE.PUBLIC.FLIGHTS").rows
        336776
    """

    to: str = ""
    stage: str = "~"
    prefix: str = "longshore"
    file_type: Literal["parquet", "csv", "json"] = "parquet"
    file_format: str | Mapping[str, Any] = field(default_factory=dict[str, Any])
    header: bool = True
    single: bool = False
    max_file_size: int = 64 * MiB
    parallel: int = 4
    keep: bool = False
    storage: Mapping[str, Connection] = field(default_factory=dict[str, Connection])

    def check(self) -> None:
        for name in ("max_file_size", "parallel"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{self.name}({name}={getattr(self, name)!r}): give at least 1")
        super().check()
        unload_format(self.file_format, self.file_type)
        root_of(self.stage, self.prefix, "")

    def submit(self, key: str, /, source: str | TableName) -> Unload:
        """Submit the statement.

        Args:
            source: A table, such as `LAKE.PUBLIC.FLIGHTS`, or a query.

        Raises:
            SnowflakeError: It was refused.
            SnowflakeInputError: The source is neither.
        """
        root = root_of(self.stage, self.prefix, key)
        text = unload_statement(
            root,
            select_of(source, as_json=self.file_type == "json"),
            unload_format(self.file_format, self.file_type),
            header=self.header and self.file_type != "json",
            single=self.single,
            max_file_size=self.max_file_size,
        )
        if self._fetched:
            ledger.begin(self.connection, root)
        return {"query": queries.submit(self._session(), self._statement(text), key), "root": root}

    def find(self, key: str) -> Unload | None:
        found = self._looked_for(lambda: queries.find(self._session(), key))
        return None if found is None else {"query": found, "root": root_of(self.stage, self.prefix, key)}

    def result(self, handle: Unload) -> SnowflakeUnloadResult:
        """Return what was unloaded, after the files were brought to `to`.

        Raises:
            SnowflakeError: A file cannot be fetched.
            StorageError: A file cannot be written.
            TaskCancelled: The attempt was told to stop.
        """
        own, root = self._session(), handle["root"]
        if self._fetched:
            ledger.begin(self.connection, root)  # another process may have submitted it
        with closing(queries.outcome(own, handle["query"], self._about(handle))) as outcome:
            files = unloaded_files(outcome, root)
        if self.to:
            fetching = Fetching(own, root, self.to, self.storage, self.parallel, self.query_tag)
            files = fetching.fetch(files)
        if not files:
            current.log.warning("nothing was unloaded: there was no row, and Snowflake writes no file then")
        return SnowflakeUnloadResult(
            query_id=handle["query"],
            rows=sum(file.rows for file in files),
            bytes=sum(file.bytes for file in files),
            files=files,
            root=root,
            url=query_url(own.account, handle["query"]),
        )

    def discard(self, handle: Unload) -> None:
        if self._fetched:
            staging.remove(self._session(), handle["root"], self.query_tag)
            ledger.done(self.connection, handle["root"])

    @property
    def _fetched(self) -> bool:
        """Whether nothing is to stay in the stage."""
        return bool(self.to) and not self.keep

    def _about(self, handle: Unload) -> Statement:
        return self._statement(f"COPY INTO '{handle['root']}'")
