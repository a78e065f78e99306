"""A session with its executors in a standalone cluster, and its driver in this process."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spark_rig import FAST

from longshore import flow
from longshore_spark import spark_task

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from spark_cluster import SparkCluster


NAME = "longshore-sessions"


def names(cluster: SparkCluster, which: str) -> list[str]:
    """What the master calls its applications."""
    return [each["name"] for each in cluster.state()[which]]


@spark_task
def added(spark: SparkSession) -> tuple[Any, Any]:
    """Add numbers by Python in executors."""
    from pyspark.sql.functions import udf

    one_more: Any = udf(lambda n: n + 1, "long")
    row = spark.range(3).select(one_more("id").alias("n")).agg({"n": "sum"}).collect()[0]
    return spark.sparkContext.master, row[0]


def test_a_function_works_in_a_cluster_and_its_application_ends_with_the_run(
    spark_cluster: SparkCluster,
) -> None:
    given = spark_cluster.connection("client")
    connection = replace(given, conf={**FAST, **given.conf, "spark.app.name": NAME})

    @flow
    def adds() -> None:
        added.replace(connection=connection)()

    assert adds.run().results["added"] == (spark_cluster.master, 6)
    end = time.monotonic() + 60
    while NAME not in names(spark_cluster, "completedapps"):
        assert time.monotonic() < end, names(spark_cluster, "activeapps")
        time.sleep(0.1)
    assert NAME not in names(spark_cluster, "activeapps")
