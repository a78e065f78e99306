"""Spark: applications, SQL and Python functions as tasks."""

from __future__ import annotations

from longshore_spark.connections import SparkConnection
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

__all__ = [
    "SparkAnalysisError",
    "SparkCancelledError",
    "SparkConnection",
    "SparkError",
    "SparkInputError",
    "SparkJavaError",
    "SparkOutOfMemoryError",
    "SparkUnauthorizedError",
    "SparkUnreachableError",
    "SparkVersionError",
]
