"""The Spark that is used: that of the package `pyspark`, or an installation."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from longshore_spark.errors import SparkError, SparkVersionError

if TYPE_CHECKING:
    from longshore_spark.connections import SparkConnection

_RELEASE: Final = re.compile(r"Spark (\d+\.\d+\S*)")
_JAR: Final = re.compile(r"spark-core_[\d.]+-(\d+\.\d+.*)\.jar")


def spark_home(connection: SparkConnection) -> Path:
    """Return the folder of Spark: the connection's, that of `SPARK_HOME`, or the package's.

    Raises:
        SparkError: There is none, or it holds no Spark.
    """
    given = connection.spark_home or os.environ.get("SPARK_HOME")
    home = _packages_home() if given is None else Path(given).expanduser().absolute()
    if home is None:
        raise SparkError(
            "cannot find Spark: neither the package pyspark nor SPARK_HOME is there; "
            "run: pip install 'longshore[spark]'",
            retryable=False,
        )
    if not (home / "bin" / "spark-submit").is_file():
        where = "the package pyspark" if given is None else _source(connection)
        raise SparkError(
            f"cannot use {str(home)!r} as Spark ({where}): it has no bin/spark-submit; give the folder of a "
            "Spark installation, or none for that of the package pyspark",
            retryable=False,
        )
    return home


def home_version(home: Path) -> str:
    """Return the version of an installation, such as `4.0.1`; empty when it does not say."""
    with suppress(OSError):
        found = _RELEASE.match((home / "RELEASE").read_text("utf-8", "replace"))
        if found:
            return found[1]
    jars = sorted(path.name for path in (home / "jars").glob("spark-core_*.jar"))
    return next((found[1] for name in jars if (found := _JAR.fullmatch(name))), "")


def package_version() -> str:
    """Return the version of the package `pyspark`; empty when it is not installed."""
    try:
        return version("pyspark")
    except PackageNotFoundError:
        return ""


def check_home(connection: SparkConnection) -> Path:
    """Return the folder of a Spark that fits the package `pyspark`, which talks to it in this process.

    Raises:
        SparkError: There is none.
        SparkVersionError: It is of another version.
    """
    home = spark_home(connection)
    there, here = home_version(home), package_version()
    if there and here and _line(there) != _line(here):
        raise SparkVersionError(
            f"cannot use Spark {there} of {str(home)!r} ({_source(connection)}) with pyspark {here}; "
            f"run: pip install 'pyspark~={_line(there)}.0', or take {_setting(connection)} away"
        )
    return home


@lru_cache(maxsize=1)
def _packages_home() -> Path | None:
    """Find the package without importing it, which takes half a second."""
    spec = find_spec("pyspark")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def _line(text: str) -> str:
    return ".".join(text.split(".")[:2])


def _setting(connection: SparkConnection) -> str:
    return "spark_home" if connection.spark_home else "SPARK_HOME"


def _source(connection: SparkConnection) -> str:
    return "spark_home of the connection" if connection.spark_home else "the variable SPARK_HOME"
