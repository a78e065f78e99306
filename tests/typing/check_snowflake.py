"""What a type checker sees of the Snowflake tasks. Checked by mypy and pyright, never run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

from longshore import Secret, flow
from longshore_snowflake import (
    SnowflakeCheck,
    SnowflakeConnection,
    SnowflakeExpectation,
    SnowflakeFileReport,
    SnowflakeLoad,
    SnowflakeLoadResult,
    SnowflakeQuery,
    SnowflakeResult,
    SnowflakeScript,
    SnowflakeScriptResult,
    SnowflakeStatementResult,
    SnowflakeUnload,
    SnowflakeUnloadedFile,
    SnowflakeUnloadResult,
    SnowflakeWait,
    TableName,
)
from longshore_storage import ObjectInfo

DWH = SnowflakeConnection(account="a-b", user="u", private_key=Secret("env:KEY"), warehouse="W")

assert_type(SnowflakeQuery("SELECT 1")(), SnowflakeResult)
assert_type(SnowflakeQuery("SELECT ?", connection=DWH, retries=2)([1]).rows, list[dict[str, Any]])
assert_type(SnowflakeQuery("SELECT ?").map([[1], [2]]), list[SnowflakeResult])
assert_type(SnowflakeQuery("SELECT 1").replace(sql="SELECT 2")().row_count, int)
assert_type(SnowflakeQuery("SELECT 1", to="s3://lake/x.parquet")().file, ObjectInfo | None)
assert_type(SnowflakeUnload(to="out", file_type="csv")("LAKE.T"), SnowflakeUnloadResult)
assert_type(SnowflakeUnload()(TableName("T")).files, tuple[SnowflakeUnloadedFile, ...])
assert_type(SnowflakeWait("SELECT 1", values=[1], connection=DWH)(), dict[str, Any])
assert_type(
    SnowflakeCheck({"a": "SELECT 1", "b": SnowflakeExpectation("SELECT 2", least=1)})(), dict[str, str]
)
assert_type(SnowflakeScript(Path("a.sql"), transaction=True)({"day": 1}), SnowflakeScriptResult)
assert_type(SnowflakeScript("SELECT ?; SELECT 2")([1]).last, SnowflakeStatementResult)
assert_type(SnowflakeLoad(connection=DWH)("a.csv", "T"), SnowflakeLoadResult)
assert_type(
    SnowflakeLoad(mode="merge", keys=("id",))(["@s/a", "@s/b"], table="T").files,
    tuple[SnowflakeFileReport, ...],
)
assert_type(SnowflakeLoad(create=True).map(["a.csv"], ["T"])[0].rows, int)
assert_type(TableName.parse("a.b").quoted, str)

SnowflakeQuery()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
SnowflakeQuery("SELECT 1", warehouse="W")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
SnowflakeLoad(mode="upsert")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SnowflakeScript(b"SELECT 1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SnowflakeConnection(password="open")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@flow
def delays(month: int) -> list[dict[str, Any]]:
    found = SnowflakeQuery("SELECT carrier FROM flights WHERE month = ?", connection=DWH)([month])
    return found.rows
