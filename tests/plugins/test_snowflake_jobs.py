"""`SnowflakeQuery` is a job: submitted once, found after any crash, cancelled for certain."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from snowflake_rig import sql

from longshore.testing import JobContract
from longshore_snowflake import SnowflakeConnection, SnowflakeQuery, SnowflakeResult
from longshore_snowflake.statements import key_mark

HISTORY = """
SELECT query_id, execution_status FROM TABLE(information_schema.query_history_by_user(result_limit => 10000))
WHERE startswith(query_tag, ?)
"""


class OneRow:
    """Equal to a result with this row: ids are others each time."""

    def __init__(self, **row: Any) -> None:
        self._row = row

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SnowflakeResult) and other.rows == [self._row]

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.gate("D2")
class TestSnowflakeQuery(JobContract):
    inputs: ClassVar[dict[str, Any]] = {"values": ["42"]}
    expected: ClassVar[Any] = OneRow(N=42)
    failing_inputs: ClassVar[dict[str, Any]] = {"values": ["no number"]}
    failing_reason = "bad data"

    @pytest.fixture(autouse=True)
    def _connect(self, dwh: SnowflakeConnection) -> None:
        self.dwh = dwh
        type(self).job = SnowflakeQuery(
            "SELECT CAST(? AS INTEGER) AS n FROM (SELECT SYSTEM$WAIT(0.6) AS waited)",
            history_lag=0.0,
            connection=dwh,
        )

    def submissions(self, key: str) -> int:
        return len(self._history(key))

    def alive(self, key: str) -> bool:
        return any(status == "RUNNING" for _, status in self._history(key))

    def _history(self, key: str) -> list[tuple[str, str]]:
        found: Any = sql(self.dwh, HISTORY, key_mark(key))
        return list(found)
