"""What `longshore doctor` says of Spark: which there is, and whether its Java and PySpark fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore_spark.connections import SparkConnection
from longshore_spark.errors import SparkError
from longshore_spark.homes import check_home, home_version, package_version, spark_home
from longshore_spark.java import check_java

if TYPE_CHECKING:
    from collections.abc import Iterator


def findings() -> Iterator[tuple[str, bool, str]]:
    """Look at what the environment points to; nothing is started but, at most, `java -version`."""
    connection = SparkConnection()
    try:
        home = spark_home(connection)
    except SparkError as error:
        yield "Spark", False, str(error)
        return
    yield "Spark", True, f"{home_version(home) or 'of an unknown version'} in {home}"
    yield _python(connection)
    yield _java(connection)


def _python(connection: SparkConnection) -> tuple[str, bool, str]:
    installed = package_version()
    if not installed:
        return (
            "pyspark",
            True,
            "not installed, which only SparkSubmit does without; pip install 'longshore[spark]'",
        )
    try:
        check_home(connection)
    except SparkError as error:
        return "pyspark", False, str(error)
    return "pyspark", True, installed


def _java(connection: SparkConnection) -> tuple[str, bool, str]:
    try:
        java = check_java(connection)
    except SparkError as error:
        return "Java", False, str(error)
    if java is None:
        return "Java", True, "the one that Spark's spark-env.sh names"
    return "Java", True, f"{java.version or 'of an unknown version'} at {java.path}"
