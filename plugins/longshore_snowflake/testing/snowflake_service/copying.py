"""COPY INTO a table: files of a stage, checked row by row, each loaded once.

https://docs.snowflake.com/en/sql-reference/sql/copy-into-table
https://docs.snowflake.com/en/user-guide/data-load-considerations-load (which files were loaded before)
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakesnow import statement_type

from snowflake_service import loads, scanning
from snowflake_service.formats import Bad, Reading, completed, read
from snowflake_service.loads import Table
from snowflake_service.refusals import RefusedError, unsupported
from snowflake_service.results import Result, told
from snowflake_service.stages import REFERENCE, Place, Stages, etag

if TYPE_CHECKING:
    from snowflake_service.queries import Query

_HEAD = re.compile(
    r"copy\s+into\s+(?P<table>(?:\"(?:[^\"]|\"\")*\"|[\w$]+)(?:\s*\.\s*(?:\"(?:[^\"]|\"\")*\"|[\w$]+))*)\s*"
    r"(?:\((?P<columns>(?:\"(?:[^\"]|\"\")*\"|[^()\"])*)\)\s*)?from\s*(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_COLUMNS = [
    "file",
    "status",
    "rows_parsed",
    "rows_loaded",
    "error_limit",
    "errors_seen",
    "first_error",
    "first_error_line",
    "first_error_character",
    "first_error_column_name",
]
_ADVICE = (
    "\n  If you would like to continue loading when an error is encountered, use other values such as "
    "'SKIP_FILE' or 'CONTINUE' for the ON_ERROR option. For more information on loading options, please run "
    "'info loading_data' in a SQL client."
)
_KNOWN = {
    "FILE_FORMAT",
    "FILES",
    "PATTERN",
    "ON_ERROR",
    "FORCE",
    "PURGE",
    "MATCH_BY_COLUMN_NAME",
    "SIZE_LIMIT",
    "RETURN_FAILED_ONLY",
    "ENFORCE_LENGTH",
    "TRUNCATECOLUMNS",
    "LOAD_UNCERTAIN_FILES",
}


@dataclass
class File:
    """A file on its way into the table."""

    path: Path
    shown: str
    etag: str
    reading: Reading | None = None
    bad: list[Bad] = field(default_factory=list)
    skipped: bool = False
    loaded: int = 0

    @property
    def status(self) -> str:
        if self.skipped:
            return "LOAD_SKIPPED"
        if self.bad:
            return "PARTIALLY_LOADED" if self.loaded else "LOAD_FAILED"
        return "LOADED"

    def row(self, limit: int) -> list[Any]:
        """Return what the report says of it."""
        parsed = self.reading.rows if self.reading else 0
        if self.skipped:
            return [self.shown, self.status, 0, 0, None, 1, "File was loaded before.", None, None, None]
        first = min(self.bad, key=lambda bad: bad.row) if self.bad else None
        told_of = [first.message, first.row, first.character, first.column] if first else [None] * 4
        return [self.shown, self.status, parsed, self.loaded, limit or parsed or 1, len(self.bad), *told_of]


class Copying:
    """COPY INTO a table.

    Args:
        stages: Where from.
    """

    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    def run(self, query: Query, text: str) -> Result | None:
        """Run a statement that loads; None when it is another."""
        found = _HEAD.fullmatch(text)
        if found is None:
            return None
        select, reference, rest = _source(found["rest"])
        place = self._stages.place(query, reference)
        options = scanning.options(rest)
        if strange := sorted(options.keys() - _KNOWN):
            raise unsupported(f"COPY option {strange[0]}")
        form = completed(self._stages.format(query, options.get("FILE_FORMAT"), place))
        with query.session.alone(query.stop) as connection:
            query.in_duckdb = True
            try:
                table = loads.table(query.session, scanning.parts(found["table"]))
                wanted = loads.columns(table, found["columns"])
                return self._load(connection._duck_conn, query, table, wanted, place, select, options, form)
            finally:
                query.in_duckdb = False

    def _load(
        self,
        connection: Any,
        query: Query,
        table: Table,
        wanted: list[loads.Column],
        place: Place,
        select: str,
        options: dict[str, Any],
        form: dict[str, Any],
    ) -> Result:
        files = _files(place, options)
        before = set() if options.get("FORCE") else loads.before(connection, table)
        on_error = str(options.get("ON_ERROR", "ABORT_STATEMENT")).upper()
        try:
            for file in files:
                if (file.shown, file.etag) in before:
                    file.skipped = True
                    continue
                file.reading = read(file.path, form, connection, 0 if select else len(wanted))
                file.bad = list(file.reading.bad)
                loads.check(connection, file, table, wanted, select, options)
                if file.bad and on_error == "ABORT_STATEMENT":
                    raise _aborted(file, table)
            with loads.transaction(query.session):
                for file in files:
                    if file.reading and not _skips(on_error, file):
                        loads.insert(query.session, file, table, wanted, select, options)
                loads.remember(connection, table, [each for each in files if each.reading])
        finally:
            for file in files:
                if file.reading and file.reading.view:
                    with suppress(Exception):
                        connection.unregister(file.reading.view)
        if options.get("PURGE"):
            for file in files:
                if file.status == "LOADED":
                    file.path.unlink()
        return _report(files, options, on_error)


def _report(files: list[File], options: dict[str, Any], on_error: str) -> Result:
    """Files that were loaded before are told of only when they were named."""
    told_of = [each for each in files if not each.skipped or "FILES" in options]
    if not told_of:
        return told(["status"], [["Copy executed with 0 files processed."]], statement_type.COPY)
    limit = 1 if on_error in ("ABORT_STATEMENT", "SKIP_FILE") else 0
    return told(_COLUMNS, [each.row(limit) for each in told_of], statement_type.COPY)


def _source(text: str) -> tuple[str, str, str]:
    """Return the query over a stage if there is one, the stage, and the options."""
    if not text.startswith("("):
        found = REFERENCE.match(text)
        if found is None:
            raise unsupported(f"COPY INTO from {text[:60]!r}")
        return "", found[0], text[found.end() :]
    depth = 0
    for match in re.finditer(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"]|\"\")*\"|[()]", text):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if not depth:
            select = text[1 : match.start()]
            found = REFERENCE.search(select)
            if found is None:
                raise RefusedError(1003, "SQL compilation error:\nCOPY needs a stage")
            return select, found[0], text[match.end() :]
    raise RefusedError(1003, "SQL compilation error:\nsyntax error unexpected '<EOF>'.")


def _files(place: Place, options: dict[str, Any]) -> list[File]:
    if names := options.get("FILES"):
        paths = [
            place.folder / f"{place.path}{name}" for name in ([names] if isinstance(names, str) else names)
        ]
        base = place.folder / place.path
        paths = [path if path.is_file() else base / name for path, name in zip(paths, names, strict=True)]
        for path in paths:
            if not path.is_file():
                said = f"Remote file '{place.shown(path)}' was not found. There are several potential causes."
                raise RefusedError(91_016, said, "22000")
    else:
        paths = place.files(str(options.get("PATTERN", "")))
    return [File(path, place.shown(path), etag(path)) for path in paths]


def _skips(on_error: str, file: File) -> bool:
    """Whether a file is left out: https://docs.snowflake.com/en/sql-reference/sql/copy-into-table#copy-options-copyoptions"""
    if on_error == "CONTINUE" or not file.bad:
        return False
    found = re.fullmatch(r"SKIP_FILE(?:_(\d+)(%?))?", on_error)
    if found is None:
        raise RefusedError(1420, f"SQL compilation error:\ninvalid value '{on_error}' for ON_ERROR", "22023")
    limit = int(found[1] or 1)
    rows = file.reading.rows if file.reading else 0
    return len(file.bad) * 100 > limit * rows if found[2] else len(file.bad) >= limit


def _aborted(file: File, table: Table) -> RefusedError:
    bad = min(file.bad, key=lambda each: each.row)
    where = f"\n  File '{file.shown}', line {bad.row}, character {bad.character}"
    column = f'\n  Row {bad.row}, column "{table.name}"[{bad.column}]' if bad.column else ""
    return RefusedError(bad.code, f"{bad.message}{where}{column}{_ADVICE}", "22018")
