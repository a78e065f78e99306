"""The steps of a load, up to the statement that changes the table."""

from __future__ import annotations

import uuid
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from longshore import LongshoreError, current
from longshore_snowflake import ledger, lineage, merging, queries, staging
from longshore_snowflake.columns import (
    Column,
    columns_of_file,
    columns_of_schema,
    given_columns,
    matched,
    stored,
)
from longshore_snowflake.copying import FileFormat, Place, copy_statement, file_format
from longshore_snowflake.errors import SnowflakeInputError
from longshore_snowflake.identifiers import TableName
from longshore_snowflake.loadhandles import TAG, Handle, clear
from longshore_snowflake.parts import prepared, schema_of
from longshore_snowflake.sources import LocalFiles, RemoteFiles, Rows, sorted_out
from longshore_snowflake.statements import Statement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore_snowflake.load import SnowflakeLoad
    from longshore_snowflake.sessions import Session
    from longshore_snowflake.sources import Source


@dataclass(slots=True)
class Loading:
    """One load, by one key.

    Args:
        task: How.
        own: The session.
        key: The job's key.
        table: Into which table.
    """

    task: SnowflakeLoad
    own: Session
    key: str
    table: TableName
    _root: str = ""
    _scratch: TableName | None = None
    _sent: bool = False

    def begin(self, source: Source) -> Handle:
        """Bring the files to Snowflake and submit the statement that changes the table.

        Raises:
            SnowflakeError: Snowflake refuses.
            SnowflakeInputError: What is given cannot be loaded.
            TaskCancelled: The attempt was told to stop.
        """
        given = sorted_out(source, self.task.storage_integration)
        if isinstance(given, Rows):
            given = Rows(prepared(given.value))
        form = self._format(given)
        columns = self._columns(given, form)
        if self.task.create:
            self._create(columns)
        names = self._names(columns)
        place, size = self._brought(given, form)
        if self.task.mode == "append":
            return self._send(self._copy(self.table, place, form, columns), "", size)
        return self._through_a_scratch(place, form, columns, names, size)

    def give_up(self, error: BaseException) -> None:
        """Remove what was brought to Snowflake, unless another attempt, or a query, has a use for it."""
        hopeful = getattr(error, "retryable", True) is not False and not current.cancelled
        if hopeful and (self._sent or current.attempt < current.attempts):
            return
        with suppress(LongshoreError):
            clear(
                self.own, self._root, str(self._scratch.quoted if self._scratch else ""), self.task.query_tag
            )

    def _format(self, given: Rows | LocalFiles | RemoteFiles) -> FileFormat:
        if isinstance(given, Rows):
            return file_format({}, "PARQUET", "")
        if isinstance(given, LocalFiles):
            sample = next(iter(given.paths.values())).name
        else:
            place = given.place
            sample = place.files[0] if place.files else place.pattern.replace("\\", "") or place.root
        return file_format(self.task.file_format, self.task.file_type, sample)

    def _columns(self, given: Rows | LocalFiles | RemoteFiles, form: FileFormat) -> tuple[Column, ...]:
        """Return the columns of what is loaded; nothing when nobody here knows them."""
        named = given_columns(self.task.columns)
        if isinstance(given, Rows):
            found = columns_of_schema(schema_of(given.value))
        elif isinstance(given, LocalFiles) and form.type and form.by_name and self.task.match != "none":
            found = columns_of_file(next(iter(given.paths.values())), form.type, form.options)
        else:
            return named
        types = {column.name.upper(): column.type for column in named if column.type}
        if named and not types:
            return named
        strange = sorted(types.keys() - {column.name.upper() for column in found})
        if strange:
            raise SnowflakeInputError(
                f"cannot use the column {strange[0]!r} of SnowflakeLoad(columns=...): what is loaded has "
                f"{', '.join(column.name for column in found)}"
            )
        return tuple(Column(c.name, types.get(c.name.upper(), c.type)) for c in found)

    def _create(self, columns: tuple[Column, ...]) -> None:
        if not columns or not all(column.type for column in columns):
            raise SnowflakeInputError(
                f"cannot create the table {str(self.table)!r}: nobody here knows its columns; give "
                "SnowflakeLoad(columns={'NAME': 'TYPE', ...})"
            )
        definitions = ", ".join(column.definition for column in stored(columns))
        self._execute(f"CREATE TABLE IF NOT EXISTS {self.table.quoted} ({definitions})")

    def _names(self, columns: tuple[Column, ...]) -> list[str]:
        """Return the table's columns that get values; nothing when nobody needs to know."""
        task, strict = self.task, self.task.extra_columns == "error"
        if task.mode == "append" and not (columns and strict):
            return []
        outcome = self._execute(f"DESCRIBE TABLE {self.table.quoted}", close=False)
        with closing(outcome):
            at = [name.lower() for name in outcome.columns].index("name")
            there = [str(row[at]) for row in outcome.rows()]
        return matched(columns, there, self.table, strict=strict) if columns else there

    def _brought(self, given: Rows | LocalFiles | RemoteFiles, form: FileFormat) -> tuple[Place, int | None]:
        """Bring the files to where COPY finds them; return where, and how many bytes they have."""
        task = self.task
        if isinstance(given, RemoteFiles):
            _told(given.place)
            return given.place, None
        # The same for all attempts of a call, and for a resumed run: what is there is not uploaded again.
        call = current.call_id if current.name else self.key
        folder = uuid.uuid5(uuid.UUID(call), lineage.uri(self.own, self.table))
        stage = "~" if task.stage == "~" else TableName.parse(task.stage).quoted
        self._root = f"@{stage}/longshore/{folder}/"
        ledger.begin(task.connection, self._root)
        if isinstance(given, Rows):
            up = staging.Staging(self.own, self._root, task.parallel, task.query_tag)
            files, size = up.put_rows(given.value, task.part_size)
            return Place(root=self._root, files=files), size
        root = f"{self._root}{given.digest}/"
        up = staging.Staging(self.own, root, task.parallel, task.query_tag)
        files = up.put_files(given.paths, compress=form.type != "PARQUET")
        for path in given.paths.values():
            current.reads(path, bytes=path.stat().st_size)
        return Place(root=root, files=files), given.bytes

    def _copy(self, into: TableName, place: Place, form: FileFormat, columns: tuple[Column, ...]) -> str:
        return copy_statement(
            into, place, form,
            columns=[column.name for column in stored(columns)],
            match=self.task.match, on_error=self.task.on_error, force=self.task.force,
        )  # fmt: skip

    def _through_a_scratch(
        self, place: Place, form: FileFormat, columns: tuple[Column, ...], names: list[str], size: int | None
    ) -> Handle:
        """Load into a table of this session, look at it, and put its rows into the table."""
        task, table = self.task, self.table
        word = self.key.replace("-", "").upper()
        scratch = self._scratch = TableName(f"LONGSHORE_{word}", table.schema, table.database)
        self._execute(merging.scratch_statement(scratch, table, names))
        with closing(
            queries.run(self.own, self._statement(self._copy(scratch, place, form, columns)))
        ) as copied:
            copy = copied.query_id
        if task.mode == "truncate":
            return self._send(merging.replace_statement(table, scratch, names), copy, size)
        keys = self._keys(task.keys, names)
        winner = self._keys((task.winner,), names)[0] if task.winner else ""
        look = self._statement(merging.trouble_statement(scratch, keys, winner))
        with closing(queries.run(self.own, look)) as looked:
            found = list(looked.rows())
        if found:
            raise merging.trouble(table, keys, found, winner)
        return self._send(merging.merge_statement(table, scratch, names, keys, winner), copy, size)

    def _keys(self, keys: tuple[str, ...], names: list[str]) -> list[str]:
        by_name = {name.upper(): name for name in names}
        for key in keys:
            if key.upper() not in by_name:
                raise SnowflakeInputError(
                    f"cannot merge into {str(self.table)!r} by {key!r}: what is loaded has the columns "
                    f"{', '.join(names)}"
                )
        return [by_name[key.upper()] for key in keys]

    def _send(self, text: str, copy: str, size: int | None) -> Handle:
        """Submit the statement that changes the table."""
        about = {
            "table": str(self.table),
            "copy": copy,
            "root": self._root,
            "scratch": self._scratch.quoted if self._scratch else "",
            "bytes": "" if size is None else str(size),
        }
        self._sent = True
        statement = self._statement(text, {TAG: about})
        return {"query": queries.submit(self.own, statement, self.key), **about}

    def _execute(self, text: str, *, close: bool = True) -> Any:
        outcome = queries.execute(self.own, self._statement(text))
        if close:
            outcome.close()
        return outcome

    def _statement(self, text: str, tag: Mapping[str, Any] | None = None) -> Statement:
        return Statement(text, tag={**(tag or {}), **self.task.query_tag}, options=self.task.parameters)


def _told(place: Place) -> None:
    if not place.root.startswith("@"):
        scheme, _, rest = place.root.partition("://")
        root = f"{'gs' if scheme == 'gcs' else scheme}://{rest}"
        for name in place.files or ("",):
            current.reads(f"{root}{name}")
