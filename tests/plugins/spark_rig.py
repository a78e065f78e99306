"""What tests of Spark share: a Java, properties that have a JVM start quickly, loopback only."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JVM: Final = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
FAST: Final = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "512m",
    "spark.driver.extraJavaOptions": JVM,
    "spark.executor.extraJavaOptions": JVM,
    "spark.sql.catalogImplementation": "in-memory",
}
"""Properties with which a session starts in half the time."""


@pytest.fixture(scope="session")
def java(require_service: Callable[[object, str], None]) -> str:
    """Return the path of `java`."""
    found = shutil.which("java")
    require_service(found, "there is no Java; run: apt-get install openjdk-17-jre-headless")
    return str(found)


@pytest.fixture(scope="session", autouse=True)
def loopback() -> Iterator[None]:
    """Have Spark stay on this machine, with this Python."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.delenv("SPARK_HOME", raising=False)
        yield
