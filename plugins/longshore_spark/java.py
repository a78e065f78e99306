"""The Java that Spark is run by."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from longshore_spark.errors import SparkJavaError
from longshore_spark.homes import home_version, spark_home

if TYPE_CHECKING:
    from longshore_spark.connections import SparkConnection

HOW_TO_GET_IT: Final = "run: apt-get install openjdk-17-jre-headless (or: brew install openjdk@17)"
_PATIENCE: Final = 20.0
_VERSION: Final = re.compile(r'(?:version |JAVA_VERSION=)"(\d+)(?:\.(\d+))?')
_OLDEST: Final = ((4, 17), (3, 8))
"""The oldest Java of each line of Spark, as its documentation has them."""


@dataclass(frozen=True)
class Java:
    """A Java.

    Attributes:
        path: Its program.
        version: Its number, such as 17; None when it does not say.
    """

    path: Path
    version: int | None


def find_java(connection: SparkConnection) -> Java | None:
    """Return the Java of Spark's launcher: the connection's, that of `JAVA_HOME`, or of the path."""
    home = connection.java_home or os.environ.get("JAVA_HOME")
    found = str(Path(home).expanduser() / "bin" / "java") if home else shutil.which("java")
    if found is None or not os.access(found, os.X_OK) or not Path(found).is_file():
        return None
    path = Path(found).absolute()
    return Java(path, _version(path, path.stat().st_mtime_ns))


def needed_version(spark_version: str) -> int:
    """Return the oldest Java that a version of Spark runs on."""
    major = int(spark_version.partition(".")[0]) if spark_version[:1].isdigit() else _OLDEST[0][0]
    return next((java for spark, java in _OLDEST if major >= spark), _OLDEST[-1][1])


def check_java(connection: SparkConnection) -> Java | None:
    """Return the Java that Spark will run by; None where Spark's own configuration names one.

    Raises:
        SparkJavaError: There is none, or it is too old.
    """
    home = spark_home(connection)
    if _configured(home):
        return None
    java, spark = find_java(connection), home_version(home)
    needed = needed_version(spark)
    if java is None:
        raise SparkJavaError(f"cannot start Spark: {_nothing(connection)}; {HOW_TO_GET_IT}")
    if java.version is not None and java.version < needed:
        raise SparkJavaError(
            f"cannot start Spark {spark}: it needs Java {needed} or later, and {str(java.path)!r} is Java "
            f"{java.version}; give another one by java_home= or JAVA_HOME, or {HOW_TO_GET_IT}"
        )
    return java


def _nothing(connection: SparkConnection) -> str:
    if connection.java_home:
        return f"there is no bin/java in {str(connection.java_home)!r} (java_home of the connection)"
    if os.environ.get("JAVA_HOME"):
        return f"there is no bin/java in {os.environ['JAVA_HOME']!r} (the variable JAVA_HOME)"
    return "there is no Java on the path, and JAVA_HOME is not set"


def _configured(home: Path) -> bool:
    """Return whether Spark's launcher is told of a Java by its `spark-env.sh`."""
    folder = Path(os.environ.get("SPARK_CONF_DIR") or home / "conf")
    try:
        lines = (folder / "spark-env.sh").read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    return any(re.match(r"\s*(export\s+)?JAVA_HOME=", line) for line in lines)


@lru_cache(maxsize=16)
def _version(path: Path, changed: int) -> int | None:
    """Return the version of a program: as its folder says, else as it says itself, which takes 0.1 s."""
    try:
        text = (path.resolve().parent.parent / "release").read_text("utf-8", "replace")
    except OSError:
        try:
            asked = subprocess.run(  # noqa: S603 - a program that was looked for, no shell
                [path, "-version"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PATIENCE,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        text = (asked.stderr + asked.stdout).decode("utf-8", "replace")
    found = _VERSION.search(text)
    if found is None:
        return None
    return int(found[2] or 8) if found[1] == "1" else int(found[1])
