"""The step that Spark does: how late the flights of each route arrived."""

from __future__ import annotations

import csv
from pathlib import Path  # noqa: TC003 - a task's parameters are looked up when the flow is built
from typing import TYPE_CHECKING

from longshore import Fail, Skip, task
from longshore_spark import SparkConnection, SparkError, spark_task
from longshore_spark.homes import check_home, package_version
from longshore_spark.java import check_java
from longshore_storage import ObjectInfo  # noqa: TC001

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HERE = SparkConnection(
    "local[2]",
    conf={
        "spark.ui.enabled": False,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",  # for one small step
        "spark.sql.shuffle.partitions": 2,
        "spark.sql.catalogImplementation": "in-memory",
    },
)
ROUTES = """
    SELECT origin, dest, count(*) AS flights, round(avg(try_cast(arr_delay AS DOUBLE)), 1) AS minutes_late
    FROM {flights} GROUP BY origin, dest ORDER BY minutes_late DESC NULLS LAST, origin, dest
"""


@spark_task(connection=HERE)
def routes(spark: SparkSession, rows: str, objects: list[ObjectInfo], to: Path) -> int:
    """Find out how late the flights of each route arrived, from what the object stores had.

    Args:
        spark: The session.
        rows: How many flights there are.
        objects: What was downloaded.
        to: The folder for `routes.csv`.
    """
    flights = spark.read.csv([str(info.path) for info in objects], header=True)
    found = spark.sql(ROUTES, flights=flights).collect()
    total = sum(row["flights"] for row in found)
    if total != int(rows):
        raise Fail(f"the routes have {total:,} flights together, the year has {int(rows):,}")
    with (to / "routes.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("origin", "dest", "flights", "minutes_late"), *found])
    return len(found)


@task(name="routes")
def no_routes(why: str) -> None:
    """Say why Spark does not do its step."""
    raise Skip(why)


def what_spark_lacks() -> str:
    """Return in one line what is missing for the step, and how to get it; nothing when it can be done."""
    if not package_version():
        return "Spark is not installed; run: pip install 'longshore[demo,spark]'"
    try:
        check_home(HERE)
        check_java(HERE)
    except SparkError as error:
        return str(error)
    return ""
