"""`SnowflakeCheck`: what results have to be, all told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003 - who describes a task evaluates these
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from longshore import ConfigurationError, Task, current
from longshore import field as task_field
from longshore_snowflake import queries
from longshore_snowflake.connections import SnowflakeConnection
from longshore_snowflake.errors import SnowflakeCheckFailed
from longshore_snowflake.sessions import session
from longshore_snowflake.statements import Statement, shortened

if TYPE_CHECKING:
    from longshore_snowflake.results import Outcome

_SHOWN: Final = 3
"""Rows that a failure shows."""


@dataclass(frozen=True, kw_only=True)
class SnowflakeExpectation:
    """What a query has to return: without anything else, no row.

    Args:
        sql: The query, with a `?` for each value.
        values: One for each `?`.
        equals: What the first column of its only row has to be.
        least: What that is at least.
        most: What that is at most.
        rows_least: How many rows there have to be at least.
        rows_most: How many rows there may be.

    Example:
        >>> SnowflakeExpectation("SELECT count(*) FROM flights", least=1_000)
    """

    sql: str = field(kw_only=False)
    values: Sequence[Any] = ()
    equals: Any = None
    least: Any = None
    most: Any = None
    rows_least: int | None = None
    rows_most: int | None = None

    def wrong(self, outcome: Outcome) -> str:
        """Return what is wrong with a result; empty when nothing is."""
        if self.rows_least is not None or self.rows_most is not None:
            return self._wrong_count(outcome.row_count)
        if self.equals is None and self.least is None and self.most is None:
            return _wrong_rows(outcome)
        return self._wrong_value(outcome)

    def _wrong_count(self, count: int) -> str:
        if self.rows_least is not None and count < self.rows_least:
            return f"{count:,} rows, at least {self.rows_least:,} have to be"
        if self.rows_most is not None and count > self.rows_most:
            return f"{count:,} rows, at most {self.rows_most:,} may be"
        return ""

    def _wrong_value(self, outcome: Outcome) -> str:
        if outcome.row_count != 1:
            return f"{outcome.row_count:,} rows instead of one value"
        value = next(outcome.rows())[0]
        if value is None:
            return "the value is NULL"
        if self.equals is not None and value != self.equals:
            return f"the value is {value!r} and not {self.equals!r}"
        if self.least is not None and value < self.least:
            return f"the value is {value!r}, at least {self.least!r} has to be"
        if self.most is not None and value > self.most:
            return f"the value is {value!r}, at most {self.most!r} may be"
        return ""


Expectation = str | SnowflakeExpectation


class SnowflakeCheck(Task[dict[str, str]]):
    """Look whether results are what they have to be; all that is wrong is told at once.

    The queries run side by side, and are cancelled when the attempt is told to stop.

    Args:
        expectations: What has to be, by a name that people understand; a bare text is a query that must not
            return a row.
        connection: Which account, and who we are there.

    Example:
        >>> SnowflakeCheck({"no flight twice": "SELECT id FROM flights GROUP BY 1 HAVING count(*) > 1"})()
    """

    expectations: Mapping[str, Expectation] = task_field(kw_only=False)
    connection: SnowflakeConnection = SnowflakeConnection()

    def check(self) -> None:
        if not self.expectations:
            raise ConfigurationError(f"{self.name}: give at least one expectation")
        for each in self.expectations.values():
            _statement(each)

    def run(self) -> dict[str, str]:
        """Look.

        Returns:
            The id of each query, by the expectation's name.

        Raises:
            SnowflakeCheckFailed: Something is not what it has to be; its `failures` has all of it.
            SnowflakeError: A query failed.
        """
        own = session(self.connection)
        statements = {name: _statement(each) for name, each in self.expectations.items()}
        outcomes = queries.run_all(own, statements)
        failures: dict[str, str] = {}
        for name, outcome in outcomes.items():
            with closing(outcome):
                each = self.expectations[name]
                wrong = (SnowflakeExpectation(each) if isinstance(each, str) else each).wrong(outcome)
            if wrong:
                failures[name] = shortened(wrong, 500)
                current.log.error("%s: %s (query %s)", name, failures[name], outcome.query_id)
        ids = {name: outcome.query_id for name, outcome in outcomes.items()}
        if failures:
            raise SnowflakeCheckFailed(_told(failures, len(ids)), failures=failures, query_ids=ids)
        return ids


def _statement(each: Expectation) -> Statement:
    return Statement(each) if isinstance(each, str) else Statement(each.sql, values=each.values)


def _wrong_rows(outcome: Outcome) -> str:
    if not outcome.row_count:
        return ""
    rows = [row for row, _ in zip(outcome.rows(), range(_SHOWN), strict=False)]
    shown = ", ".join(repr(row[0] if len(row) == 1 else row) for row in rows)
    return (
        f"{outcome.row_count:,} rows instead of none: {shown}{', ...' if outcome.row_count > _SHOWN else ''}"
    )


def _told(failures: Mapping[str, str], count: int) -> str:
    each = "; ".join(f"{name!r}: {wrong}" for name, wrong in failures.items())
    return f"{len(failures)} of {count} expectations do not hold: {each}"
