"""Rows of files into tables: which column takes what, which rows cannot be taken, what was loaded before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from snowflake_service import scanning
from snowflake_service.formats import Bad
from snowflake_service.refusals import RefusedError, missing, translated
from snowflake_service.stages import REFERENCE, qualified

if TYPE_CHECKING:
    from snowflake_service.accounts import Session
    from snowflake_service.copying import File

_HISTORY = "_fs_information_schema._ours_loads"
_BAD: tuple[tuple[str, int, str], ...] = (
    (r"BOOL", 100_037, "Boolean value '{}' is not recognized"),
    (r"DATE", 100_040, "Date '{}' is not recognized"),
    (r"TIMESTAMP", 100_035, "Timestamp '{}' is not recognized"),
    (r"TIME", 100_108, "Time '{}' is not recognized"),
    (r"", 100_038, "Numeric value '{}' is not recognized"),
)


@dataclass(frozen=True)
class Column:
    """A column of a table, as DuckDB has it."""

    name: str
    type: str
    nullable: bool
    length: int | None = None


@dataclass(frozen=True)
class Table:
    """A table that takes rows.

    Attributes:
        key: Of the object itself: another table that takes its name later has another.
        catalog: The database with its load history.
    """

    name: str
    sql: str
    key: str
    catalog: str
    all: tuple[Column, ...]


def table(session: Session, names: list[str]) -> Table:
    """Return a table by its name; a temporary one of the session comes first.

    Raises:
        RefusedError: There is none.
    """
    full = qualified(session, names)
    connection = session.connection._duck_conn
    asked = (
        "SELECT table_oid, temporary, database_name, schema_name FROM duckdb_tables() "
        "WHERE table_name = ? AND (temporary OR (database_name = ? AND schema_name = ?)) "
        "ORDER BY temporary DESC"
    )
    found = connection.execute(asked, [full[2], full[0], full[1]]).fetchone()
    if found is None:
        raise missing("Table", ".".join(full))
    oid, temporary, database, schema = found
    sql = ".".join(scanning.quote(part) for part in (database, schema, full[2]))
    listed = connection.execute(
        "SELECT column_name, data_type, is_nullable FROM duckdb_columns() WHERE table_oid = ? "
        "AND database_name = ? AND schema_name = ? ORDER BY column_index",
        [oid, database, schema],
    ).fetchall()
    lengths = dict(
        connection.execute(
            "SELECT ext_column_name, ext_character_maximum_length FROM "
            "_fs_global._fs_information_schema._fs_columns_ext WHERE ext_table_catalog = ? AND "
            "ext_table_schema = ? AND ext_table_name = ?",
            list(full),
        ).fetchall()
    )
    key = f"{session.id}/{oid}" if temporary else str(oid)
    return Table(full[2], sql, key, full[0], tuple(Column(*row, lengths.get(row[0])) for row in listed))


def columns(table: Table, listed: str | None) -> list[Column]:
    """Return the columns that a statement names, or all."""
    if not listed:
        return list(table.all)
    known = {column.name: column for column in table.all}
    names = [scanning.parts(name)[0] for name in re.findall(r'\s*("(?:[^"]|"")*"|[^,"]+)\s*,?', listed)]
    names = [name.strip() for name in names if name.strip()]
    for name in names:
        if name not in known:
            raise RefusedError(
                904, f"SQL compilation error: error line 1 at position 0\ninvalid identifier '{name}'"
            )
    return [known[name] for name in names]


def check(
    connection: Any, file: File, table: Table, wanted: list[Column], select: str, options: dict[str, Any]
) -> None:
    """Find the rows of a file that the table cannot take."""
    if select:
        return  # such rows are found when it is inserted
    pairs = _pairs(file, table, wanted, options)
    wrong = [f"({_wrong(column, source)})" for column, source in pairs]
    assert file.reading
    if not wrong:
        return
    names = ", ".join(f"CASE WHEN {each} THEN {n} END" for n, each in enumerate(wrong))
    values = ", ".join(f"CAST({source} AS VARCHAR)" for _, source in pairs)
    rows = connection.execute(
        f"SELECT _row, [{names}], [{values}] FROM {file.reading.source} "
        f"WHERE {' OR '.join(wrong)} ORDER BY _row"
    ).fetchall()
    for row, numbers, texts in rows:
        number = next(each for each in numbers if each is not None)
        column, _ = pairs[number]
        code, said = _why(column, texts[number])
        place = sum(len(text or "") + 1 for text in texts[:number]) + 1
        file.bad.append(Bad(row, code, said, f'"{column.name}":{number + 1}', place))


def insert(
    session: Session, file: File, table: Table, wanted: list[Column], select: str, options: dict[str, Any]
) -> None:
    """Put the good rows of a file into the table.

    Raises:
        RefusedError: The query over the stage cannot take them.
    """
    assert file.reading
    connection: Any = session.connection._duck_conn
    if select:
        names = ", ".join(scanning.quote(column.name) for column in wanted)
        text = _over(select, file)
        cursor: Any = session.connection.cursor()
        try:
            cursor.execute(f"INSERT INTO {table.sql} ({names}) {text}", server=True)
        except Exception as error:
            said = translated(error)
            raise RefusedError(said.code, f"{said.message}\n  File '{file.shown}'", said.sqlstate) from None
        file.loaded = cursor.rowcount
        return
    pairs = _pairs(file, table, wanted, options)
    names = ", ".join(scanning.quote(column.name) for column, _ in pairs)
    values = ", ".join(_value(column, source) for column, source in pairs)
    wrong = " OR ".join(f"({_wrong(column, source)})" for column, source in pairs)
    done = connection.execute(
        f"INSERT INTO {table.sql} ({names}) SELECT {values} FROM {file.reading.source} WHERE NOT ({wrong})"
    ).fetchone()
    file.loaded = done[0]


def _pairs(
    file: File, table: Table, wanted: list[Column], options: dict[str, Any]
) -> list[tuple[Column, str]]:
    """Return which column takes which expression over the file's rows."""
    assert file.reading
    names = file.reading.names
    how = str(options.get("MATCH_BY_COLUMN_NAME", "NONE")).upper()
    if how == "NONE":
        if file.reading.kind == "CSV":
            return [(column, scanning.quote(name)) for column, name in zip(wanted, names, strict=False)]
        if len(wanted) == 1 and wanted[0].type == "JSON":
            whole = '"$1"::JSON' if file.reading.kind == "JSON" else _object(names)
            return [(wanted[0], whole)]
        raise RefusedError(
            2019,
            f"SQL compilation error:\n{file.reading.kind} file format can produce one and only one column of "
            "type variant, object, or array. Load data into separate columns using the MATCH_BY_COLUMN_NAME "
            "copy option or copy with transformation.",
            "0A000",
        )
    if not file.reading.named:
        raise RefusedError(
            1420, "SQL compilation error:\nMATCH_BY_COLUMN_NAME needs PARSE_HEADER = TRUE", "22023"
        )
    same = (lambda name: name) if how == "CASE_SENSITIVE" else str.upper
    by_name = {same(name): scanning.quote(name) for name in names}
    return [(column, by_name.get(same(column.name), "NULL")) for column in table.all]


def _object(names: list[str]) -> str:
    pairs = ", ".join("'" + name.replace("'", "''") + "', " + scanning.quote(name) for name in names)
    return f"json_object({pairs})"


def _value(column: Column, source: str) -> str:
    if column.type == "JSON":
        return (
            source if source.endswith("::JSON") or source.startswith("json_object") else f"to_json({source})"
        )
    if column.type == "BLOB":
        return f"CASE WHEN typeof({source}) = 'VARCHAR' THEN unhex({source}::VARCHAR) ELSE {source}::BLOB END"
    return f"TRY_CAST({source} AS {column.type})"


def _wrong(column: Column, source: str) -> str:
    """Return what is true for a row that the column cannot take; never unknown."""
    null = "false" if column.nullable else f"{source} IS NULL"
    if column.type == "VARCHAR" and column.length:
        return f"{null} OR coalesce(length({source}::VARCHAR) > {column.length}, false)"
    if column.type in ("JSON", "BLOB", "VARCHAR"):
        return null
    return f"{null} OR ({source} IS NOT NULL AND TRY_CAST({source} AS {column.type}) IS NULL)"


def _why(column: Column, text: str | None) -> tuple[int, str]:
    if text is None:
        return 100_072, "NULL result in a non-nullable column"
    if column.type == "VARCHAR":
        return 100_074, f"User character length limit ({column.length}) exceeded by string '{text}'"
    code, said = next((code, said) for kind, code, said in _BAD if re.search(kind, column.type))
    return code, said.format(text)


def _over(select: str, file: File) -> str:
    """Return a query over a stage as one over the rows of a file: `$1` is a column, `$1:name` a key's."""
    assert file.reading
    source = "(SELECT * EXCLUDE (_row) FROM " + file.reading.source + ")"
    text = REFERENCE.sub(lambda _: source, select, count=1)
    text = re.sub(r"metadata\$filename", lambda _: "'" + file.shown + "'", text, flags=re.IGNORECASE)
    text = re.sub(r'\$1:("(?:[^"]|"")*"|\w+)', r"\1", text)
    return re.sub(r"\$(\d+)\b", r"c\1", text)


@contextmanager
def transaction(session: Session) -> Iterator[None]:
    """Make what is done one transaction, unless one is open."""
    connection: Any = session.connection._duck_conn
    if session.transaction is not None or not session.connection._autocommit:
        if not session.connection._autocommit and not session.connection._in_transaction:
            connection.begin()
            session.connection._in_transaction = True
        yield
        return
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def before(connection: Any, table: Table) -> set[tuple[str, str]]:
    """Return the names and etags of the files that this table has."""
    history = f"{scanning.quote(table.catalog)}.{_HISTORY}"
    connection.execute(f"CREATE TABLE IF NOT EXISTS {history} (key VARCHAR, file VARCHAR, etag VARCHAR)")
    rows = connection.execute(f"SELECT file, etag FROM {history} WHERE key = ?", [table.key]).fetchall()
    return set(rows)


def remember(connection: Any, table: Table, files: list[File]) -> None:
    """Keep which files were loaded, in the same transaction as their rows."""
    history = f"{scanning.quote(table.catalog)}.{_HISTORY}"
    for file in files:
        if file.loaded or not file.bad:
            connection.execute(f"INSERT INTO {history} VALUES (?, ?, ?)", [table.key, file.shown, file.etag])


def forget(session: Session, names: list[str]) -> None:
    """Forget the files of a table that is truncated."""
    connection: Any = session.connection._duck_conn
    found = table(session, names)
    before(connection, found)
    connection.execute(f"DELETE FROM {scanning.quote(found.catalog)}.{_HISTORY} WHERE key = ?", [found.key])
