"""Has Spark write what a statement returns, to a table or to files; counts the rows on their way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from longshore import ConfigurationError, require
from longshore_spark.connections import conf_text
from longshore_spark.overwrites import check_apart, location_of
from longshore_spark.tags import is_connect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame

    from longshore_spark.connections import ConfValue

Mode: TypeAlias = Literal["overwrite", "append", "errorifexists", "ignore"]
_MODES: Final = {"overwrite": "overwrite", "append": "append", "errorifexists": "error", "ignore": "error"}
"""In the words that both lines of PySpark know. `ignore` is ours: nothing is counted where Spark ignores."""
_TABLE: Final = "table:"
_ENDINGS: Final = {"parquet": "parquet", "pq": "parquet", "csv": "csv", "json": "json", "orc": "orc"}
_FILES: Final = frozenset({"", "parquet", "csv", "json", "orc", "avro", "text", "xml"})
"""Formats that are overwritten by deleting files; others have versions of their own."""
_FORMAT: Final = re.compile(r"[A-Za-z][\w.]*", re.ASCII)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:", re.ASCII)
_PART: Final = re.compile(r"`(?:[^`]|``)*`|[^.`]+")
_THERE: Final = {"PATH_ALREADY_EXISTS", "TABLE_OR_VIEW_ALREADY_EXISTS"}


@dataclass(frozen=True)
class Target:
    """Where rows go.

    Args:
        to: `table:NAME`, or a path or URL.
        file_type: The format; empty to go by the name, and Parquet where that says nothing.
        mode: What to do when there is something already.
        partition_by: Columns that make folders.
        options: What Spark's format takes.
        here: Whether Spark's files are this machine's.
    """

    to: str
    file_type: str
    mode: Mode
    partition_by: tuple[str, ...]
    options: Mapping[str, ConfValue]
    here: bool

    @property
    def table(self) -> str:
        """The table; empty when it is a path."""
        return self.to.removeprefix(_TABLE) if self.to.startswith(_TABLE) else ""

    @property
    def place(self) -> str:
        """The path or URL, in full: the JVM may be in another folder than this process."""
        local = self.here and not _SCHEME.match(self.to)
        return f"file:{Path(self.to).absolute()}" if local else self.to

    @property
    def format(self) -> str:
        """The format, in Spark's words; empty for the one that tables have by default."""
        ending = urlsplit(self.to).path.rstrip("/").rpartition(".")[2].lower()
        return self.file_type or ("" if self.table else _ENDINGS.get(ending, "parquet"))

    def check(self, where: str) -> None:
        """Look whether it can be written to.

        Raises:
            ConfigurationError: It cannot.
        """
        if self.mode not in _MODES:
            raise ConfigurationError(f"{where}: mode is one of {', '.join(_MODES)}, not {self.mode!r}")
        if self.to == _TABLE or "\0" in self.to:
            raise ConfigurationError(f"{where}: to={self.to!r}; give 'table:NAME', a path or a URL")
        if self.to and not (self.here or _SCHEME.match(self.to) or self.to.startswith("/")):
            raise ConfigurationError(
                f"{where}: to={self.to!r} would be in whichever folder Spark runs; give it in full, or "
                f"'table:{self.to}' for a table"
            )
        if self.file_type and not _FORMAT.fullmatch(self.file_type):
            raise ConfigurationError(f"{where}: {self.file_type!r} is no format; give 'parquet', for one")


def write(frame: DataFrame, target: Target) -> int:
    """Write a data frame; return how many rows that were."""
    observed, observation = _counted(frame)
    writer: Any = observed.write.mode(_MODES[target.mode])
    defaults = {"header": "true"} if target.format == "csv" else {}
    given = {name: conf_text(each) for name, each in target.options.items()}
    writer = writer.options(**{**defaults, **given})
    writer = writer.format(target.format) if target.format else writer
    writer = writer.partitionBy(*target.partition_by) if target.partition_by else writer
    try:
        writer.saveAsTable(target.table) if target.table else writer.save(target.place)
    except Exception as error:
        if target.mode == "ignore" and _is_there(error):
            return 0
        raise
    return int(observation.get["rows"])


def check_overwrite(frame: DataFrame, target: Target, text: str, values: Any, shown: str) -> None:
    """Look whether a query reads what it would overwrite.

    Raises:
        SparkInputError: It does.
    """
    if target.mode == "overwrite" and target.format in _FILES:
        place = location_of(frame, target.table) if target.table else target.place
        if place:
            check_apart(frame, text, values, place, shown)


def uri_of(frame: DataFrame, target: Target) -> str:
    """Return what lineage calls a target: its URL, or `spark://CATALOG/SCHEMA.TABLE`."""
    if not target.table:
        return target.place.removeprefix("file:") if target.here else target.place
    parts = [part.strip("`") for part in _PART.findall(target.table)]
    catalog = frame.sparkSession.catalog
    if len(parts) < 2:
        parts = [catalog.currentDatabase(), *parts]
    if len(parts) < 3:
        parts = [catalog.currentCatalog(), *parts]
    return f"spark://{parts[0]}/{'.'.join(parts[1:])}"


def _counted(frame: Any) -> tuple[Any, Any]:
    """Return a frame that counts its rows as they are written, of the line that it is of."""
    line = "pyspark.sql.connect" if is_connect(frame.sparkSession) else "pyspark.sql"
    functions: Any = require(f"{line}.functions", extra="spark")
    observation: Any = require(f"{line}.observation", extra="spark").Observation()
    return frame.observe(observation, functions.count(functions.lit(1)).alias("rows")), observation


def _is_there(error: Any) -> bool:
    ask = getattr(error, "getCondition", None)
    return ask is not None and ask() in _THERE
