"""The driver of an application in a standalone cluster, where the master's REST server starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore import parse_outputs
from longshore_spark.drivers import Driver
from longshore_spark.loglines import leveled
from longshore_spark.results import SparkResult
from longshore_spark.standalone import StandaloneDriver

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longshore import Handle, JobFinished, JobRunning, LogLine
    from longshore_spark.applications import Application


class ClusterDriver(Driver):
    """A driver that a standalone cluster runs."""
