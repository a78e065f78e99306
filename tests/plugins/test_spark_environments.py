"""A virtual environment that goes along with an application, and what managers of clusters are told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from spark_cluster import SparkCluster

from longshore_spark import SparkConnection, SparkInputError, SparkSubmit
from longshore_spark.settings import application

APP = """
import json, os
from pyspark.sql import SparkSession

def there(_):
    import sys
    import lake
    return [sys.prefix, lake.VALUE]

spark = SparkSession.builder.getOrCreate()
[seen] = spark.sparkContext.parallelize([1], 1).map(there).collect()
with open(os.environ["LONGSHORE_OUTPUTS"], "a") as outputs:
    outputs.write(json.dumps({"prefix": seen[0], "value": seen[1]}) + "\\n")
"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment with a module."""
    folder = tmp_path / "an environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "lake.py").write_text("VALUE = 7\n")
    return folder


def test_executors_in_a_cluster_run_with_the_environment_that_goes_along(
    spark_cluster: SparkCluster, environment: Path, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(APP)
    submit = SparkSubmit(
        tmp_path / "app.py",
        python_environment=environment,
        connection=spark_cluster.connection("client"),
        jobs_folder=tmp_path / "jobs",
    )
    result = submit()
    assert result["value"] == 7
    assert result["prefix"].startswith(spark_cluster.folder)
    assert result["prefix"].endswith("/environment")
    assert result.metrics is not None
    assert result.metrics.executors >= 1


def test_an_environment_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "empty").mkdir()
    for given, says in [(tmp_path / "empty", "environment"), (tmp_path / "nowhere", "environment")]:
        with pytest.raises(SparkInputError, match=says):
            SparkSubmit(tmp_path / "app.py", python_environment=given).submit("key")


def test_yarn_and_kubernetes_are_told_the_key_and_wait_for_the_end(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    yarn = SparkSubmit(
        tmp_path / "app.py",
        connection=SparkConnection("yarn", deploy_mode="cluster", conf={"spark.yarn.tags": "team"}),
    )
    properties = application(yarn, "key-1", (), None).properties
    assert properties["spark.yarn.tags"] == "team,longshore-key-1"
    assert properties["spark.yarn.submit.waitAppCompletion"] == "true"
    assert (properties["spark.master"], properties["spark.submit.deployMode"]) == ("yarn", "cluster")
    pods = yarn.replace(connection=SparkConnection("k8s://https://k.example.com:6443", deploy_mode="cluster"))
    properties = application(pods, "key-1", (), None).properties
    assert properties["spark.kubernetes.driver.label.longshore-key"] == "key-1"
    assert properties["spark.kubernetes.driver.pod.name"] == "longshore-key-1"
    assert properties["spark.kubernetes.submission.waitAppCompletion"] == "true"
