"""The Spark that is used: the package's, or an installation, which must fit the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from longshore_spark import SparkConnection, SparkError, SparkVersionError
from longshore_spark.homes import check_home, home_version, package_version, spark_home

NONE_GIVEN = SparkConnection()


@pytest.fixture(autouse=True)
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPARK_HOME", raising=False)


def installation(folder: Path, *, release: str = "", jar: str = "") -> Path:
    """Make a folder that looks like a Spark's."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "spark-submit").write_text("")
    (folder / "jars").mkdir()
    if release:
        (folder / "RELEASE").write_text(f"Spark {release} built for Hadoop 3.3.4\nBuild flags: -Pyarn\n")
    if jar:
        (folder / "jars" / jar).write_text("")
    return folder


def test_without_an_installation_it_is_the_packages() -> None:
    home = spark_home(NONE_GIVEN)
    assert (home.name, home_version(home)) == ("pyspark", package_version())
    assert check_home(NONE_GIVEN) == home
    assert int(package_version().partition(".")[0]) == 4


def test_the_connections_goes_before_that_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = installation(tmp_path / "a"), installation(tmp_path / "b")
    monkeypatch.setenv("SPARK_HOME", str(first))
    assert spark_home(NONE_GIVEN) == first
    assert spark_home(SparkConnection(spark_home=second)) == second


@pytest.mark.parametrize(
    ("release", "jar", "version"),
    [
        ("3.5.1", "", "3.5.1"),
        ("4.1.0-preview1", "", "4.1.0-preview1"),
        ("", "spark-core_2.12-3.4.4.jar", "3.4.4"),
        ("", "spark-core_2.13-4.0.0.7.3.1.0-1.jar", "4.0.0.7.3.1.0-1"),
        ("", "spark-sql_2.13-4.0.0.jar", ""),
    ],
)
def test_an_installations_version_is_read_from_its_files(
    tmp_path: Path, release: str, jar: str, version: str
) -> None:
    assert home_version(installation(tmp_path / "spark", release=release, jar=jar)) == version


def test_a_folder_that_is_no_spark_is_told_with_where_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        SparkError, match=r"\(spark_home of the connection\): it has no bin/spark-submit; give"
    ) as error:
        spark_home(SparkConnection(spark_home=tmp_path))
    assert error.value.retryable is False
    monkeypatch.setenv("SPARK_HOME", str(tmp_path / "gone"))
    with pytest.raises(SparkError, match=r"cannot use '.*gone' as Spark \(the variable SPARK_HOME\)"):
        spark_home(NONE_GIVEN)


def test_another_line_of_spark_than_pysparks_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = installation(tmp_path / "old", release="3.5.1")
    remedy = r"run: pip install 'pyspark~=3\.5\.0', or take spark_home away"
    with pytest.raises(
        SparkVersionError, match=rf"cannot use Spark 3\.5\.1 of '.*old' .* with pyspark 4.*; {remedy}"
    ):
        check_home(SparkConnection(spark_home=old))
    monkeypatch.setenv("SPARK_HOME", str(old))
    with pytest.raises(SparkVersionError, match="or take SPARK_HOME away"):
        check_home(NONE_GIVEN)
    line = ".".join(package_version().split(".")[:2])
    near = installation(tmp_path / "near", release=f"{line}.99")
    assert check_home(SparkConnection(spark_home=near)) == near
    unknown = installation(tmp_path / "unknown")
    assert check_home(SparkConnection(spark_home=unknown)) == unknown
