"""Spark: applications, SQL and Python functions as tasks."""

from __future__ import annotations

from longshore_spark.connections import SparkConnection
from longshore_spark.connectserver import SparkConnectServer
from longshore_spark.errors import (
    SparkAnalysisError,
    SparkCancelledError,
    SparkError,
    SparkInputError,
    SparkJavaError,
    SparkOutOfMemoryError,
    SparkUnauthorizedError,
    SparkUnreachableError,
    SparkVersionError,
)
from longshore_spark.functions import spark_task
from longshore_spark.metrics import SparkMetrics
from longshore_spark.results import SparkResult
from longshore_spark.sql import SparkSQL
from longshore_spark.sqlresults import SparkSQLResult
from longshore_spark.submit import SparkSubmit

__all__ = [
    "SparkAnalysisError",
    "SparkCancelledError",
    "SparkConnectServer",
    "SparkConnection",
    "SparkError",
    "SparkInputError",
    "SparkJavaError",
    "SparkMetrics",
    "SparkOutOfMemoryError",
    "SparkResult",
    "SparkSQL",
    "SparkSQLResult",
    "SparkSubmit",
    "SparkUnauthorizedError",
    "SparkUnreachableError",
    "SparkVersionError",
    "spark_task",
]
