"""What a type checker sees of the Spark tasks. Checked by mypy and pyright, never run."""

from __future__ import annotations

from typing import Any, assert_type

from longshore import Secret
from longshore_spark import SparkConnection, SparkMetrics, SparkResult, SparkSubmit

CLUSTER = SparkConnection("spark://spark.example.com:7077", conf={"spark.executor.memory": "2g"})

assert_type(SparkSubmit("routes.py")(), SparkResult)
assert_type(SparkSubmit("routes.py", connection=CLUSTER)(["2013-01-01", 3], env={"N": 3})["rows"], Any)
assert_type(SparkSubmit("app.jar", main_class="org.example.Main").map([["a"]]), list[SparkResult])
assert_type(SparkSubmit("app.py", conf={"spark.hadoop.k": Secret("env:K")})().metrics, SparkMetrics | None)
assert_type(SparkSubmit("app.py", connection="yarn").replace(executor_memory="4g")().application_id, str)

SparkSubmit()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
SparkSubmit("app.py", conf=["a"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
