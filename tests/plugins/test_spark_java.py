"""Java: found as Spark's launcher finds it, and told when it is absent or too old."""

from __future__ import annotations

from pathlib import Path

import pytest

from longshore_spark import SparkConnection, SparkJavaError, SparkSubmit
from longshore_spark.java import check_java, find_java, needed_version


def java_of(folder: Path, release: str = "", says: str = "") -> Path:
    """Make a folder that looks like a Java's."""
    (folder / "bin").mkdir(parents=True)
    program = folder / "bin" / "java"
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    program.chmod(0o755)
    if release:
        (folder / "release").write_text(f'IMPLEMENTOR="Debian"\nJAVA_VERSION="{release}"\n')
    return folder


@pytest.fixture(autouse=True)
def none_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have no Java."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("SPARK_CONF_DIR", raising=False)


def test_without_a_java_it_is_said_how_to_get_one_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = tmp_path / "app.py"
    app.write_text("")
    task = SparkSubmit(app, jobs_folder=tmp_path / "jobs")
    assert find_java(SparkConnection()) is None
    with pytest.raises(
        SparkJavaError, match="no Java on the path, and JAVA_HOME is not set; run: apt-get "
    ) as error:
        task.submit("one")
    assert error.value.retryable is False
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nothing"))
    with pytest.raises(SparkJavaError, match=r"no bin/java in '.*nothing' \(the variable JAVA_HOME\)"):
        task.submit("one")
    with pytest.raises(SparkJavaError, match=r"no bin/java in '.*none' \(java_home of the connection\)"):
        check_java(SparkConnection(java_home=tmp_path / "none"))
    assert not (tmp_path / "jobs" / "one").exists()


def test_a_java_that_is_too_old_is_told_with_the_one_that_is_needed(tmp_path: Path) -> None:
    old = SparkConnection(java_home=java_of(tmp_path / "eleven", "11.0.22"))
    with pytest.raises(
        SparkJavaError, match=r"cannot start Spark 4\..*: it needs Java 17 or later, and '.*' is Java 11"
    ):
        check_java(old)
    eight = find_java(SparkConnection(java_home=java_of(tmp_path / "eight", "1.8.0_402")))
    assert eight is not None
    assert eight.version == 8


def test_the_java_of_the_connection_goes_before_java_home_and_that_before_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, home, given = (
        java_of(tmp_path / name, number) for name, number in (("p", "17.0.1"), ("h", "21"), ("g", "25"))
    )
    monkeypatch.setenv("PATH", str(path / "bin"))
    found = [find_java(SparkConnection())]
    monkeypatch.setenv("JAVA_HOME", str(home))
    found += [find_java(SparkConnection()), find_java(SparkConnection(java_home=given))]
    assert [java and java.version for java in found] == [17, 21, 25]
    assert check_java(SparkConnection()) == found[1]


def test_a_java_without_a_release_file_is_asked_and_one_that_does_not_say_is_taken(tmp_path: Path) -> None:
    asked = java_of(tmp_path / "asked", says='openjdk version "21.0.2" 2024-01-16')
    silent = java_of(tmp_path / "silent", says="hello")
    first, second = (check_java(SparkConnection(java_home=home)) for home in (asked, silent))
    assert first is not None
    assert second is not None
    assert (first.version, second.version) == (21, None)
    program = asked / "bin" / "java"
    program.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"'\n")
    with pytest.raises(SparkJavaError, match="Java 11"):
        check_java(SparkConnection(java_home=asked))


def test_a_java_that_sparks_own_configuration_names_is_left_to_spark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spark-env.sh").write_text("# export JAVA_HOME=/no\n")
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    with pytest.raises(SparkJavaError):
        check_java(SparkConnection())
    (tmp_path / "spark-env.sh").write_text("  export JAVA_HOME=/opt/java\n")
    assert check_java(SparkConnection()) is None


@pytest.mark.parametrize(
    ("spark", "java"), [("3.4.1", 8), ("3.5.0", 8), ("4.0.0", 17), ("4.3.0", 17), ("", 17)]
)
def test_each_spark_needs_its_java(spark: str, java: int) -> None:
    assert needed_version(spark) == java
