"""What `longshore doctor` says of Spark, its Java and PySpark."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from longshore_spark.doctor import findings
from longshore_spark.homes import package_version


@pytest.fixture(autouse=True)
def a_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Have a Java 21, and nothing that points elsewhere."""
    home = tmp_path / "java"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").write_text("#!/bin/sh\nexit 3\n")
    (home / "bin" / "java").chmod(0o755)
    (home / "release").write_text('JAVA_VERSION="21.0.2"\n')
    monkeypatch.setenv("JAVA_HOME", str(home))
    monkeypatch.delenv("SPARK_HOME", raising=False)
    monkeypatch.delenv("SPARK_CONF_DIR", raising=False)
    return home


def test_what_fits_is_told_with_its_version_and_place(a_java: Path) -> None:
    found = {subject: (well, text) for subject, well, text in findings()}
    assert list(found) == ["Spark", "pyspark", "Java"]
    assert found["Spark"][0]
    assert found["Spark"][1].startswith(f"{package_version()} in /")
    assert found["pyspark"] == (True, package_version())
    assert found["Java"] == (True, f"21 at {a_java / 'bin' / 'java'}")


def test_what_does_not_fit_is_told_with_what_to_do(
    a_java: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (a_java / "release").write_text('JAVA_VERSION="11.0.2"\n')
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "spark-submit").write_text("")
    (tmp_path / "RELEASE").write_text("Spark 3.5.1 built for Hadoop 3.3.4\n")
    old = {subject: (well, text) for subject, well, text in findings()}
    assert old["Java"][0] is False
    assert "it needs Java 17 or later" in old["Java"][1]
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    found = {subject: (well, text) for subject, well, text in findings()}
    assert found["Spark"] == (True, f"3.5.1 in {tmp_path}")
    assert found["pyspark"][0] is False
    assert "take SPARK_HOME away" in found["pyspark"][1]
    assert found["Java"] == (True, f"11 at {a_java / 'bin' / 'java'}")
    monkeypatch.setenv("SPARK_HOME", str(tmp_path / "gone"))
    [(subject, well, text)] = findings()
    assert (subject, well) == ("Spark", False)
    assert "has no bin/spark-submit; give the folder of a Spark installation" in text


def test_what_the_command_shows_is_found_without_importing_pyspark() -> None:
    code = (
        "import sys; from longshore_spark.plugin import longshore_doctor; print(*longshore_doctor()); "
        "print('pyspark' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert package_version() in answer.stdout, answer.stderr
    assert "21 at" in answer.stdout
    assert answer.stdout.splitlines()[-1] == "False"
