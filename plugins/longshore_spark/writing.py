"""Has Spark write what a statement returns, to a table or to files; counts the rows on their way."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from longshore import ConfigurationError, require
from longshore_spark.connections import conf_text
from longshore_spark.errors import SparkInputError
from longshore_spark.tags import is_connect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore_spark.connections import ConfValue
    from pyspark.sql import DataFrame, SparkSession

Mode: TypeAlias = Literal["overwrite", "append", "errorifexists", "ignore"]
MODES: Final = ("overwrite", "append", "errorifexists", "ignore")
_TABLE: Final = "table:"
_ENDINGS: Final = {"parquet": "parquet", "pq": "parquet", "csv": "csv", "json": "json", "orc": "orc"}
_FORMAT: Final = re.compile(r"[A-Za-z][\w.]*", re.ASCII)
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
    """

    to: str
    file_type: str
    mode: Mode
    partition_by: tuple[str, ...]
    options: Mapping[str, ConfValue]

    @property
    def table(self) -> str:
        """The table; empty when it is a path."""
        return self.to.removeprefix(_TABLE) if self.to.startswith(_TABLE) else ""

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
        if self.mode not in MODES:
            raise ConfigurationError(f"{where}: mode is one of {', '.join(MODES)}, not {self.mode!r}")
        if self.to == _TABLE or "\0" in self.to:
            raise ConfigurationError(f"{where}: to={self.to!r}; give 'table:NAME', a path or a URL")
        if self.file_type and not _FORMAT.fullmatch(self.file_type):
            raise ConfigurationError(f"{where}: {self.file_type!r} is no format; give 'parquet', for one")


def write(frame: DataFrame, target: Target, shown: str) -> int:
    """Write a data frame; return how many rows that were.

    Raises:
        SparkInputError: It reads what it would overwrite.
    """
    observed, observation = _counted(frame)
    writer: Any = observed.write.mode("errorifexists" if target.mode == "ignore" else target.mode)
    defaults = {"header": "true"} if target.format == "csv" else {}
    writer = writer.options(**defaults, **{name: conf_text(each) for name, each in target.options.items()})
    writer = writer.format(target.format) if target.format else writer
    writer = writer.partitionBy(*target.partition_by) if target.partition_by else writer
    try:
        writer.saveAsTable(target.table) if target.table else writer.save(target.to)
    except Exception as error:
        if target.mode == "ignore" and _is_there(error):
            return 0
        raise
    return int(observation.get["rows"])


def _counted(frame: Any) -> tuple[Any, Any]:
    """Return a frame that counts its rows as they are written, of the line that it is of."""
    connect = is_connect(frame.sparkSession)
    line = "pyspark.sql.connect" if connect else "pyspark.sql"
    functions: Any = require(f"{line}.functions", extra="spark")
    observation: Any = require(f"{line}.observation", extra="spark").Observation()
    return frame.observe(observation, functions.count(functions.lit(1)).alias("rows")), observation


def _is_there(error: Any) -> bool:
    ask = getattr(error, "getCondition", None)
    return ask is not None and ask() in _THERE
