"""What a type checker sees of the Spark tasks. Checked by mypy and pyright, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from longshore import Secret
from longshore_spark import (
    SparkConnection,
    SparkConnectServer,
    SparkMetrics,
    SparkResult,
    SparkSQL,
    SparkSQLResult,
    SparkSubmit,
    spark_task,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CLUSTER = SparkConnection("spark://spark.example.com:7077", conf={"spark.executor.memory": "2g"})

assert_type(SparkSubmit("routes.py")(), SparkResult)
assert_type(SparkSubmit("routes.py", connection=CLUSTER)(["2013-01-01", 3], env={"N": 3})["rows"], Any)
assert_type(SparkSubmit("app.jar", main_class="org.example.Main").map([["a"]]), list[SparkResult])
assert_type(SparkSubmit("app.py", conf={"spark.hadoop.k": Secret("env:K")})().metrics, SparkMetrics | None)
assert_type(SparkSubmit("app.py", connection="yarn").replace(executor_memory="4g")().application_id, str)

assert_type(SparkSQL("SELECT 1")(), SparkSQLResult)
assert_type(SparkSQL("SELECT :n", connection=CLUSTER)({"n": Secret("env:N")}).rows, list[dict[str, Any]])
assert_type(SparkSQL("SELECT ?", max_memory=1 << 20).map([[1], [2]]), list[SparkSQLResult])
assert_type(SparkSQL("SELECT 1", to="table:t", mode="append", partition_by=["n"])().row_count, int)

SparkSQL("SELECT 1", mode="replace")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SparkSQL("SELECT 1")(7)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
SparkSubmit()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
SparkSubmit("app.py", conf=["a"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@spark_task
def rows(spark: SparkSession, path: str, *, least: int = 0) -> int:
    return spark.read.parquet(path).where(f"n > {least}").count()


@spark_task(connection=CLUSTER, conf={"spark.sql.shuffle.partitions": 8}, retries=2)
def names(spark: SparkSession) -> list[str]:
    return [row.name for row in spark.table("names").collect()]


assert_type(rows("a.parquet", least=3), int)
assert_type(names(), list[str])
assert_type(rows.replace(connection="local[2]")("a.parquet"), int)
assert_type(rows.run("a.parquet"), int)
assert_type(rows.map(["a.parquet", "b.parquet"]), list[int])
with SparkConnectServer(connection="local[2]", port=15002) as server:
    assert_type(server.connection, SparkConnection)

rows()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
rows("a.parquet", most=3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
spark_task(retry=2)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
