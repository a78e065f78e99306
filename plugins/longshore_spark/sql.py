"""`SparkSQL`: one statement, in a session that is shared by all of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence  # noqa: TC003 - who describes a task evaluates these
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

from longshore import ConfigurationError, LongshoreError, Task, current, field
from longshore_spark.connections import ConfValue, SparkConnection, connection_of
from longshore_spark.frames import fetched
from longshore_spark.jvms import apart
from longshore_spark.modes import activated
from longshore_spark.queryfaults import translated
from longshore_spark.querylogs import unprinted
from longshore_spark.sessions import session_for
from longshore_spark.sqlresults import SparkSQLResult
from longshore_spark.sqlvalues import Values, bound, check_values
from longshore_spark.tags import is_connect, tagged
from longshore_spark.writing import Mode, Target, check_overwrite, uri_of, write

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

GiB: Final = 1 << 30
_SHOWN: Final = 80
_CANCELLED_WITHIN: Final = 10.0
_QUERIES: Final = frozenset({"SELECT", "WITH", "FROM", "VALUES", "TABLE"})
_WORD: Final = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*([A-Za-z]+)", re.DOTALL)
_SEVERAL: Final = re.compile(
    r"""(?>[rR]'[^']*'|[rR]"[^"]*"|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`|--[^\n]*|/\*.*?\*/|[^;])*+"""
    r";(?>\s|;|--[^\n]*|/\*.*?\*/)*+[^\s;]",
    re.DOTALL,
)
"""A statement and the beginning of another one."""


class SparkSQL(Task[SparkSQLResult]):
    """Run one statement.

    Values are handed to Spark beside the text, never put into it. All statements of a run with one connection
    share a session: its temporary views and settings.

    Args:
        text: The statement, with `:name` for values given by name, or `?` for a list of them.
        max_memory: Bytes that the result may take here.
        to: Where Spark writes the rows instead: `table:lake.delays`, or a path or URL that Spark can write,
            `s3a://lake/delays`. Then the rows are not held here.
        file_type: The format of `to`: `parquet`, `csv`, `json`, `orc`, or any other that Spark has; by
            default what its name says, and Parquet where that says nothing.
        mode: What to do where there is something already: `errorifexists`, `overwrite`, `append`, `ignore`.
            Another attempt after one that broke off is safe with `overwrite` alone; `append` may add rows
            twice.
        partition_by: Columns of `to` that make folders.
        options: What the format takes, `{"compression": "zstd"}`.
        connection: The master or Spark Connect server, or its URL.

    Example:
        >>> SparkSQL("SELECT :n + 1 AS n", connection="local[2]")({"n": 41}).rows
        [{'n': 42}]
    """

    text: str = field(kw_only=False)
    max_memory: int = GiB
    to: str = ""
    file_type: str = ""
    mode: Mode = "errorifexists"
    partition_by: Sequence[str] = ()
    options: Mapping[str, ConfValue] = field(default_factory=dict[str, ConfValue])
    connection: SparkConnection | str = SparkConnection()

    def check(self) -> None:
        if not self.text.strip():
            raise ConfigurationError(f"{self.name}: there is no statement in the text")
        if self.max_memory <= 0:
            raise ConfigurationError(f"{self.name}(max_memory={self.max_memory!r}): give bytes above 0")
        connection_of(self.connection)
        self._target().check(self.name)

    def run(self, values: Values = ()) -> SparkSQLResult:
        """Run it; its jobs are cancelled when the attempt is told to stop.

        Args:
            values: By name for each `:name`, or in order for each `?`; a `Secret` is resolved when it
                is sent.

        Raises:
            SparkError: Spark refused it, or broke off.
            SparkInputError: A value cannot be handed to Spark, or the result takes more than `max_memory`.
        """
        check_values(repr(self.shown), values)
        with session_for(connection_of(self.connection)) as session, tagged(session) as tag, unprinted():
            try:
                # The functions that make literals of values ask which line of PySpark they are of.
                with nullcontext() if is_connect(session) else activated(session):
                    return self._ran(session, values)
            except LongshoreError:
                _cancel(session, tag)  # what is refused for its size still runs
                raise
            except Exception as error:
                several = _SEVERAL.match(self.text) is not None
                raise translated(error, self.shown, several=several) from error

    @property
    def shown(self) -> str:
        """The statement in one line, shortened."""
        line = " ".join(self.text.split())
        return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"

    def _ran(self, session: SparkSession, values: Values) -> SparkSQLResult:
        given: Any = bound(session, values, repr(self.shown)) or None
        frame = session.sql(self.text, args=given)
        word = _WORD.match(self.text)
        kind = word[1].upper() if word else ""
        if self.to:
            return self._written(frame, kind, given)
        table = fetched(frame, self.max_memory, self.shown)
        columns = tuple(table.column_names)
        return SparkSQLResult(
            kind=kind, row_count=table.num_rows, bytes=table.nbytes, columns=columns, table=table
        )

    def _written(self, frame: DataFrame, kind: str, given: Any) -> SparkSQLResult:
        target = self._target()
        if kind in _QUERIES:  # what others return is there already
            check_overwrite(frame, target, self.text, given, self.shown)
        count = write(frame, target)
        current.writes(uri_of(frame, target), rows=count)
        columns = tuple(frame.columns)
        return SparkSQLResult(kind=kind, row_count=count, bytes=0, columns=columns, to=self.to, table=None)

    def _target(self) -> Target:
        here = connection_of(self.connection).kind == "local"
        return Target(self.to, self.file_type, self.mode, tuple(self.partition_by), self.options, here)


def _cancel(session: SparkSession, tag: str) -> None:
    cancel = session.interruptTag if is_connect(session) else session.sparkContext.cancelJobsWithTag
    apart(lambda: cancel(tag), _CANCELLED_WITHIN)
