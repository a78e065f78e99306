"""What a statement does: ours where fakesnow cannot do it, fakesnow's for all else."""

from __future__ import annotations

import random
import re
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from fakesnow import statement_type
from fakesnow.rowtype import describe_as_rowtype
from fakesnow.statement_type import DML_TYPE_IDS, statement_type_id
from sqlglot import exp

from snowflake_service import loads, rewriting, scanning, several, temporary, transactions
from snowflake_service.bindings import bound
from snowflake_service.copying import Copying
from snowflake_service.results import Result, Spool, told
from snowflake_service.stages import Stages
from snowflake_service.transfers import Transfers
from snowflake_service.unloading import Unloading

if TYPE_CHECKING:
    from pathlib import Path

    from snowflake_service.queries import Queries, Query

_COMMENTS = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|//[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_SETS = re.compile(r"alter\s+session\s+(set|unset)\s+(.*)", re.IGNORECASE | re.DOTALL)
_SETTING = re.compile(r"(\w+)(?:\s*=\s*('(?:[^']|'')*'|[\w.]+))?", re.DOTALL)
_USE = re.compile(r"use\s+(warehouse|role)\s+(\"[^\"]+\"|[\w$]+)", re.IGNORECASE)
_CANCEL = re.compile(r"select\s+system\$cancel_query\s*\(\s*'([^']*)'\s*\)", re.IGNORECASE)
_FILES = re.compile(
    r"(?:put|get|list|ls|remove|rm|copy|create\b.*?\b(?:stage|file\s+format)|drop\s+(?:stage|file\s+format))\b",
    re.IGNORECASE,
)
_TRUNCATE = re.compile(r"truncate\s+(?:table\s+)?(?:if\s+exists\s+)?(\S+)", re.IGNORECASE)
_CONFLICT = re.compile(r"[Cc]onflict|Failed to commit")
_PATIENCE = 20.0
"""Seconds for which a statement tries to come before others."""


class Statements:
    """Runs statements.

    Args:
        folder: For results and stages.
    """

    queries: Queries

    def __init__(self, folder: Path) -> None:
        self._results = folder / "results"
        self._results.mkdir(parents=True, exist_ok=True)
        self.stages = Stages(folder / "stages")
        self.transfers = Transfers(self.stages)
        self._copying = Copying(self.stages)
        self._unloading = Unloading(self.stages, self._by_fakesnow)

    def run(self, query: Query) -> Result:
        """Run a query's statement and return its result.

        Raises:
            Exception: Of fakesnow, DuckDB or ours.
        """
        whole = several.run(query, self.queries, self.run)
        return self._one(query) if whole is None else whole

    def _one(self, query: Query) -> Result:
        text = query.text[_COMMENTS.match(query.text).end() :].strip().rstrip(";").strip()  # type: ignore[union-attr]
        if found := _SETS.fullmatch(text):
            return self._alter_session(query, found[1].lower() == "set", found[2])
        if found := _USE.fullmatch(text):
            setattr(query.session, found[1].lower(), scanning.parts(found[2])[0])
            return told(["status"], [["Statement executed successfully."]], statement_type.USE)
        if found := _CANCEL.fullmatch(text):
            return self._cancel(found[1])
        ours = transactions.run(query, text, self.queries, self._by_fakesnow)
        if ours is None and _FILES.match(text):
            whole = rewriting.inlined(text, bound(query.bindings)[0])
            ours = (
                self.stages.run(query, whole)
                or self.transfers.run(query, whole)
                or self._unloading.run(query, whole)
                or self._copying.run(query, whole)
            )
        if ours is None and (found := _TRUNCATE.fullmatch(text)):
            with query.session.alone(query.stop):
                loads.forget(query.session, scanning.parts(found[1]))
        return ours or self._by_fakesnow(query, text)

    def _alter_session(self, query: Query, sets: bool, settings: str) -> Result:
        for name, value in _SETTING.findall(settings):
            if not sets:
                query.session.parameters.pop(name.upper(), None)
                continue
            plain = value[1:-1].replace("''", "'") if value.startswith("'") else value
            query.session.parameters[name.upper()] = plain
            if name.upper() == "AUTOCOMMIT":
                with query.session.alone(query.stop) as connection:
                    connection.autocommit(plain.lower() == "true")
        return told(["status"], [["Statement executed successfully."]], statement_type.SCL)

    def _cancel(self, query_id: str) -> Result:
        """https://docs.snowflake.com/en/sql-reference/functions/system_cancel_query"""
        found = self.queries.find(query_id)
        ran = found is not None and found.abort()
        said = (
            f"query [{query_id}] terminated."
            if ran
            else "Identified SQL statement is not currently executing."
        )
        return told(["SYSTEM$CANCEL_QUERY"], [[said]], statement_type.SELECT)

    def _by_fakesnow(self, query: Query, text: str) -> Result:
        values, rows = bound(query.bindings)
        text, seconds = rewriting.waits(text, values)
        for pause in seconds:
            query.wait(pause)
        with query.session.alone(query.stop) as connection:
            query.wait(0)
            cursor: Any = connection.cursor()
            cursor._duck_conn = spool = Spool(connection._duck_conn, self._results)
            query.in_duckdb = True
            try:
                with rewriting.rewritten(query, text, values, self.queries) as rewritten:
                    expression = sqlglot.parse_one(rewritten, read="snowflake")
                    type_id = statement_type_id(expression)
                    divided = rewriting.divided(expression)
                    if temporary.renamed(query.session, expression) or divided:
                        rewritten = expression.sql(dialect="snowflake")
                    if query.describe_only:
                        described = cursor._describe_only(rewritten)
                        if described is not None:
                            return spool.result(type_id, describe_as_rowtype(described), _nothing())
                    transactions.commit_before(query.session, expression)
                    affected = self._as_one(query, cursor, expression, (rewritten, values, rows))
                    temporary.note(query.session, expression)
                    columns = describe_as_rowtype(cursor._describe_last_sql())
            finally:
                query.in_duckdb = False
        if rows and type_id in DML_TYPE_IDS:
            return told([columns[0]["name"]], [[affected]], type_id)
        return spool.result(type_id, columns, cursor._arrow_table)

    def _as_one(self, query: Query, cursor: Any, expression: exp.Expression, what: Any) -> int:
        """Do it as one transaction, and again when another session's came first.

        Snowflake lets a statement wait for another's lock, DuckDB lets it fail. Within a transaction it fails
        here, too. What fakesnow does in several steps is seen whole.
        """
        steps = isinstance(expression, exp.Merge) or what[2] or expression.args.get("overwrite")
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                with loads.transaction(query.session) if steps else nullcontext():
                    return self._execute(cursor, *what)
            except duckdb.TransactionException as error:
                over = time.monotonic() > end or query.session.transaction is not None
                if over or not _CONFLICT.search(str(error)):
                    raise
            query.wait(random.uniform(0.01, 0.1))

    @staticmethod
    def _execute(cursor: Any, text: str, values: Any, rows: list[list[Any]]) -> int:
        affected = 0
        for each in rows or [values]:
            cursor.execute(text, binding_params=each, server=True)
            affected += cursor.rowcount or 0
        return affected


def _nothing() -> Any:
    import pyarrow as pa

    return pa.table({})
