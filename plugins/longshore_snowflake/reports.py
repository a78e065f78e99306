"""What COPY INTO says of each file, and what a load came to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from longshore_snowflake.results import Outcome

_COUNTS: Final = re.compile(r"number of (?:multi-joined )?rows (inserted|updated|deleted)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SnowflakeFileReport:
    """What became of one file.

    Attributes:
        file: Its path in the stage or bucket; of a local file its name there, which has `_` for characters
            that are not good for a statement, and the ending of its compression.
        status: `LOADED`, `PARTIALLY_LOADED`, `LOAD_FAILED`, or `LOAD_SKIPPED` for one that was loaded before.
        rows_parsed: How many rows it has.
        rows_loaded: How many came into the table.
        errors: How many rows did not.
        first_error: What was wrong with the first of these; empty when nothing was.
        first_error_line: Where it stands in the file, from 1; 0 when that is not known.
        first_error_character: Where it stands in the line; 0 when that is not known.
        first_error_column: The table's column; empty when that is not known.
    """

    file: str
    status: str
    rows_parsed: int = 0
    rows_loaded: int = 0
    errors: int = 0
    first_error: str = ""
    first_error_line: int = 0
    first_error_character: int = 0
    first_error_column: str = ""

    def __str__(self) -> str:
        if not self.errors:
            return f"{self.file}: {self.status}, {self.rows_loaded:,} rows"
        place = f" in line {self.first_error_line}" if self.first_error_line else ""
        column = f", column {self.first_error_column}" if self.first_error_column else ""
        return (
            f"{self.file}: {self.status}, {self.rows_loaded:,} of {self.rows_parsed:,} rows, {self.errors:,} "
            f"errors, the first{place}{column}: {self.first_error}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SnowflakeLoadResult:
    """What a load came to.

    Attributes:
        table: The table.
        mode: `append`, `truncate` or `merge`.
        rows: How many rows the files gave.
        rows_inserted: How many rows are new in the table.
        rows_updated: How many rows were there and were replaced.
        bytes: Of the local files, as they are; of an Arrow table or DataFrame, of its Parquet files; None for
            what was in a stage or a bucket.
        files: What became of each file.
        query_id: The query that changed the table.
        query_ids: That of COPY INTO before it, if it was another one.
        url: Where Snowsight shows the query; empty when the account is not named with its organization.
    """

    table: str
    mode: str
    rows: int
    rows_inserted: int
    rows_updated: int
    bytes: int | None
    files: tuple[SnowflakeFileReport, ...]
    query_id: str
    query_ids: tuple[str, ...]
    url: str = ""

    @property
    def errors(self) -> int:
        """How many rows were left out, since `on_error` lets that be."""
        return sum(report.errors for report in self.files if report.status != "LOAD_SKIPPED")


def file_reports(outcome: Outcome, *, names_only: bool) -> tuple[SnowflakeFileReport, ...]:
    """Return what COPY INTO says of each file; nothing when it found none to load.

    Args:
        outcome: Its result.
        names_only: Whether files are told by their names, without the folder that we gave them.
    """
    names = [name.lower() for name in outcome.columns]
    if "file" not in names:  # "Copy executed with 0 files processed."
        return ()
    rows = (dict(zip(names, row, strict=True)) for row in outcome.rows())
    return tuple(_report(row, names_only=names_only) for row in rows)


def _report(row: dict[str, Any], *, names_only: bool) -> SnowflakeFileReport:
    file = str(row["file"])
    skipped = str(row.get("status")) == "LOAD_SKIPPED"
    return SnowflakeFileReport(
        file=file.rpartition("/")[2] if names_only else file,
        status=str(row.get("status") or ""),
        rows_parsed=_number(row.get("rows_parsed")),
        rows_loaded=_number(row.get("rows_loaded")),
        errors=0 if skipped else _number(row.get("errors_seen")),
        first_error=str(row.get("first_error") or ""),
        first_error_line=_number(row.get("first_error_line")),
        first_error_character=_number(row.get("first_error_character")),
        first_error_column=str(row.get("first_error_column_name") or ""),
    )


def changes(outcome: Outcome) -> dict[str, int]:
    """Return how many rows a statement inserted, updated and deleted."""
    kinds = [_COUNTS.search(name) for name in outcome.columns]
    row = next(outcome.rows(), ())
    return {
        kind[1].lower(): _number(value) for kind, value in zip(kinds, row, strict=True) if kind is not None
    }


def _number(value: Any) -> int:
    return int(value) if value not in (None, "") else 0
