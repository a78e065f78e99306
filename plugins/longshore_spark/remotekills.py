"""Ending an application whose driver is in a cluster of YARN or Kubernetes, by Spark's own programs.

Spark's launcher, which waits here, does not end the application when it is ended itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from longshore_shell import Subprocess, SubprocessLines
from longshore_spark.homes import spark_home

if TYPE_CHECKING:
    from longshore_spark.connections import SparkConnection

_PATIENCE: Final = 60.0
_YARN: Final = "org.apache.hadoop.yarn.client.cli.ApplicationCLI"
_STATES: Final = "NEW,NEW_SAVING,SUBMITTED,ACCEPTED,RUNNING"
_ID: Final = re.compile(r"application_\d+_\d+")


def kill(connection: SparkConnection, key: str) -> None:
    """End the application that was submitted under a key; one that has ended, or never began, is no error.

    Raises:
        CommandFailed: The cluster did not answer, or refused.
    """
    bin_folder = spark_home(connection) / "bin"
    if connection.kind == "kubernetes":
        namespace = connection.conf.get("spark.kubernetes.namespace", "default")
        words = (f"{bin_folder}/spark-submit", "--master", connection.master)
        Subprocess((*words, "--kill", f"{namespace}:longshore-{key}"), timeout=_PATIENCE).run()
        return
    client = (f"{bin_folder}/spark-class", _YARN)
    asked = (*client, "-list", "-appTags", f"longshore-{key}", "-appStates", _STATES)
    for line in SubprocessLines(asked, timeout=_PATIENCE).run():
        found = _ID.match(line.strip())
        if found:
            Subprocess((*client, "-kill", found[0]), timeout=_PATIENCE).run()
