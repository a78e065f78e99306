"""Refuses to overwrite files that the same statement reads: Spark would delete them first, and then fail."""

from __future__ import annotations

import os
import posixpath
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from longshore_spark.errors import SparkInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame

_URL: Final = re.compile(r"([A-Za-z][\w+.-]*):(?://([^/]*))?(/.*|)", re.ASCII | re.DOTALL)
_LOCATION: Final = re.compile(r"^Location: [^\[\n]*\[(.*)\]$", re.MULTILINE)
_NEXT: Final = re.compile(r", (?=[A-Za-z][\w+.-]*:/)", re.ASCII)
_MORE: Final = re.compile(r", \.\.\. \d+ entries$")


def check_apart(frame: DataFrame, text: str, values: Any, place: str, shown: str) -> None:
    """Look whether a query reads what is at a place, or above or below it, also in a subquery.

    Raises:
        SparkInputError: It does.
    """
    target = _parted(place)
    for read in _read_by(frame, text, values):
        if _overlap(_parted(read), target):
            raise SparkInputError(
                f"cannot run {shown!r} with mode='overwrite': it reads {read!r} and would overwrite "
                f"{place!r}; write elsewhere, and replace it after that"
            )


def location_of(frame: DataFrame, table: str) -> str:
    """Return where the files of a table are; empty when it has none, or is not there."""
    session = frame.sparkSession
    if not session.catalog.tableExists(table):
        return ""
    said = session.sql("DESCRIBE TABLE EXTENDED IDENTIFIER(:table)", args={"table": table})
    rows = [row for row in said.collect() if row["col_name"] == "Location"]
    return str(rows[-1]["data_type"]) if rows else ""


def _read_by(frame: DataFrame, text: str, values: Any) -> Iterator[str]:
    """Yield the places of the files that a query reads, as its plan tells."""
    plan = str(frame.sparkSession.sql(f"EXPLAIN FORMATTED {text}", args=values).collect()[0][0])
    found = _LOCATION.findall(plan)
    for listed in found:
        yield from _NEXT.split(_MORE.sub("", listed))
    if any(_MORE.search(listed) for listed in found):  # long lists are cut
        yield from (unquote(file) for file in frame.inputFiles())


def _parted(place: str) -> tuple[str, str, str]:
    """Return the scheme, host and path of a place; the scheme is empty for the cluster's own file system."""
    found = _URL.fullmatch(place)
    scheme, host, path = (found[1].lower(), found[2] or "", found[3]) if found else ("", "", place)
    if scheme == "file":
        path = os.path.realpath(path)
    return "s3" if scheme in {"s3a", "s3n"} else scheme, host, posixpath.normpath(f"/{path}").lstrip("/")


def _overlap(one: tuple[str, str, str], other: tuple[str, str, str]) -> bool:
    if one[0] and other[0] and one[:2] != other[:2]:
        return False
    here, there = f"{one[2]}/", f"{other[2]}/"
    return here.startswith(there) or there.startswith(here)
