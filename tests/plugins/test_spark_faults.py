"""Why applications failed: what their drivers' logs tell, and what is said to do about it."""

from __future__ import annotations

import signal
import textwrap
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from spark_rig import FAST

from longshore import JobFailed, JobRunning, Secret
from longshore.redaction import isolated
from longshore_spark import SparkConnection, SparkSubmit
from longshore_spark.faults import failure

LOGS = Path(__file__).with_name("spark_logs")
HERE = SparkConnection("local[1]", conf=FAST)


def told(lines: list[str], exit_code: int | None = 1, number: int | None = None) -> JobFailed:
    """What is told of the end of a log."""
    return failure(
        lines, shown="Spark application 'a.py'", exit_code=exit_code, signal=number, outputs=None, log_tail=()
    )


def log(name: str) -> list[str]:
    return (LOGS / f"{name}.log").read_text("utf-8").splitlines()


@pytest.mark.parametrize(
    ("name", "reason", "says"),
    [
        ("own", "exit code", "ValueError: 3 rows are too few; see line 6 of own.py, in total"),
        ("chained", "exit code", "RuntimeError: cannot load 'b'; see line 8 of chained.py, in main"),
        ("udf", "exit code", "ValueError: no delay is 7; see line 8 of udf.py, in delay"),
        ("rdd", "exit code", "ZeroDivisionError: division by zero; see line 5 of rdd.py, in ratio"),
        ("zero", "exit code", "ArithmeticException: [DIVIDE_BY_ZERO] Division by zero. Use `try_divide`"),
        ("zero", "exit code", "see line 3 of zero.py"),
        ("syntax", "exit code", "SyntaxError: '(' was never closed; see line 1 of syntax.py"),
        ("exit", "exit code", "exited with 1; the last line of its log is 'no flights for 2013-02-30'"),
        (
            "jvm",
            "exit code",
            "IOException: no answer for routes; see line 4 of App.scala, in org.example.Main$.read",
        ),
        ("jvm_task", "exit code", "IOException: no answer for task; see line 4 of App.scala"),
        ("worker_killed", "exit code", "spark.executor.memoryOverhead"),
        ("group", "exit code", "KeyError: 'b'; see line 2 of group.py, in load"),
        (
            "full",
            "exit code",
            "a disk is full (No space left on device); free some of it, or give another one",
        ),
        (
            "module",
            "not found",
            "No module named 'routes_of_ours' (see line 1 of module.py); give the module by py_files=",
        ),
        (
            "table",
            "not found",
            "AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] The table or view `flights` cannot be",
        ),
        ("path", "not found", "there is no file file:/data/flights; check the path"),
        ("source", "not found", "there is no data source delta; give the JAR that has it by packages="),
        ("jvm_class", "not found", "there is no class org.example.Missing; give the JAR that has it"),
        ("no_class", "not found", "there is no class org.example.Nothing; give the JAR that has it"),
        ("nofile", "not found", "there is no file '/srv/ana/nowhere.py'; check application="),
        (
            "no_python",
            "not found",
            "cannot run /opt/python3.9/bin/python3 (No such file or directory); give a Python",
        ),
        ("packages", "not found", "cannot get the package com.example#nothing;1.0; check packages="),
        (
            "newer",
            "bad data",
            "org/example/Main was compiled for Java 25, and Spark runs on Java 17; have it run on",
        ),
        (
            "address",
            "bad data",
            "sparkDriver cannot listen: its address is not one of this host; give one by conf=",
        ),
        ("port", "throttled", "is taken, and no other was found for sparkDriver; give another one by conf="),
        (
            "denied",
            "unauthorized",
            "lacks a right: /srv/ana/secret/x.json (Permission denied); give that right",
        ),
        (
            "unreachable",
            "timed out",
            "no Spark master answers; check that it runs, and its address in connection=",
        ),
        ("memory", "out of memory", "its driver ran out of memory; give it more by driver_memory="),
        (
            "executor_memory",
            "out of memory",
            "an executor ran out of memory; give executors more by executor_memory=",
        ),
        ("results", "out of memory", "takes no more than 1024.0 KiB of results; raise that by conf="),
        ("executor_lost", "out of memory", "an executor was killed (exit code 137)"),
    ],
)
def test_a_log_tells_what_went_wrong_and_the_message_what_to_do(name: str, reason: str, says: str) -> None:
    failed = told(log(name))
    assert says in str(failed)
    assert str(failed).startswith("Spark application 'a.py' failed: ")
    assert "\n" not in str(failed)
    assert failed.reason == reason


def test_another_attempt_is_for_what_may_pass() -> None:
    again = {path.stem for path in LOGS.glob("*.log") if told(log(path.stem)).retryable}
    passing = {"executor_lost", "full", "packages", "port", "unreachable", "worker_killed"}
    own = {"own", "chained", "udf", "rdd", "zero", "syntax", "exit", "jvm", "jvm_task", "group"}
    assert again == passing | own


def test_an_error_that_the_application_got_over_is_not_the_reason() -> None:
    lost = "26/11/23 15:33:29 WARN TaskSetManager: Lost task 0.0 (10.0.0.7 executor 0): ExecutorLostFailure "
    lines = [f"{lost}(executor 0 exited) Reason: Command exited with code 137", *log("own")]
    assert "3 rows are too few" in str(told(lines))
    assert told(lines).reason == "exit code"


def test_a_driver_that_was_killed_says_by_what() -> None:
    killed = told(["26/11/23 15:33:29 INFO SparkContext: works"], None, signal.SIGKILL)
    assert (killed.reason, killed.retryable, killed.signal) == ("out of memory", True, 9)
    assert "was killed (SIGKILL)" in str(killed)
    assert told([], 137).reason == "out of memory"
    ended = told([], None, signal.SIGTERM)
    assert (ended.reason, ended.retryable) == ("evicted", True)
    assert "ended by SIGTERM" in str(ended)
    memory = told(log("memory"), 52)
    assert (memory.reason, memory.retryable) == ("out of memory", False)


def test_a_log_without_a_word_is_told_by_the_exit_code_and_an_endless_line_is_cut() -> None:
    assert (
        str(told([], 3))
        == "Spark application 'a.py' failed: its driver exited with 3; it wrote nothing to its log"
    )
    assert "its driver ended; the last line" in str(told(["bye"], None))
    assert len(str(told(["Traceback (most recent call last):", "ValueError: " + "x" * 100_000]))) < 1000


def test_what_a_worker_leaves_behind_is_not_the_drivers_error() -> None:
    left = [
        "Traceback (most recent call last):",
        '  File "/opt/spark/python/lib/pyspark.zip/pyspark/daemon.py", line 264, in x',
        "BrokenPipeError: [Errno 32] Broken pipe",
    ]
    assert "3 rows are too few; see line 6 of own.py" in str(told([*log("own"), *left]))
    below = [
        "Traceback (most recent call last):",
        '  File "/srv/a.py", line 3, in f',
        "ValueError: ",
        "two lines",
    ]
    assert "ValueError: two lines; see line 3 of a.py, in f" in str(told(below))


def test_yarn_and_a_master_that_says_no_are_told() -> None:
    yarn = "org.apache.spark.SparkException: Application application_17_0042 finished with failed status"
    assert "yarn logs -applicationId application_17_0042" in str(told([f'Exception in thread "main" {yarn}']))
    gone = told(
        ["ERROR StandaloneSchedulerBackend: x Reason: Master removed our application: FAILED", *log("own")]
    )
    assert (gone.reason, gone.retryable) == ("evicted", True)
    assert "the master removed it (FAILED)" in str(gone)


def test_braces_and_secrets_in_a_log_are_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULTS_TOKEN", "canary-51-of-faults")
    with isolated():
        Secret("env:FAULTS_TOKEN").get()
        failed = failure(
            ["Error: Failed to load class {0}{canary-51-of-faults}."],
            shown="it",
            exit_code=1,
            signal=None,
            outputs=None,
            log_tail=("a canary-51-of-faults",),
        )
    assert "there is no class {0}{***}" in str(failed)
    assert failed.log_tail == ("a ***",)


def ended(task: SparkSubmit, key: str, **given: Any) -> JobFailed:
    """How a real application failed."""
    handle = task.submit(key, **given)
    until = time.monotonic() + 90
    while isinstance(stands := task.poll(handle), JobRunning):
        assert time.monotonic() < until, "it does not end"
        time.sleep(0.1)
    task.discard(handle)
    assert stands.failure is not None
    return stands.failure


@pytest.mark.usefixtures("java")
def test_an_error_of_a_worker_and_one_that_holds_a_secret_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = tmp_path / "app.py"
    app.write_text(
        textwrap.dedent(
            """
            import os, sys
            if len(sys.argv) > 1:
                os.write(2, b"26/11/23 15:33:29 INFO Later: it went on\\n")
                raise PermissionError(f"no access with {os.environ['TOKEN']}")
            from pyspark import SparkContext

            def delay(minutes):
                return [1, 2][minutes]

            SparkContext().parallelize(range(4), 1).foreach(delay)
            """
        )
    )
    task = SparkSubmit(app, connection=HERE, jobs_folder=tmp_path / "jobs")
    worker = ended(task, "one")
    assert "Spark application 'app.py' (local-" in str(worker)
    assert "failed: IndexError: list index out of range; see line 9 of app.py, in delay" in str(worker)
    assert (worker.reason, worker.exit_code) == ("exit code", 1)
    monkeypatch.setenv("FAULTS_TOKEN", "canary-52-of-faults")
    with isolated():
        refused = ended(task, "two", args=["x"], env={"TOKEN": Secret("env:FAULTS_TOKEN")})
    assert "PermissionError: no access with *** (see line 5 of app.py)" in str(refused)
    assert refused.reason == "unauthorized"
    assert "canary-52" not in "".join(refused.log_tail)


@pytest.mark.usefixtures("java")
def test_a_class_that_is_not_there_and_a_driver_that_is_killed_are_told(tmp_path: Path) -> None:
    jar = tmp_path / "app.jar"
    zipfile.ZipFile(jar, "w").close()
    task = SparkSubmit(jar, main_class="org.example.Nothing", connection=HERE, jobs_folder=tmp_path / "jobs")
    missing = ended(task, "one")
    assert "there is no class org.example.Nothing" in str(missing)
    assert (missing.reason, missing.retryable) == ("not found", False)
    app = tmp_path / "app.py"
    app.write_text("import os\nos.kill(os.getppid(), 9)\n")
    killed = ended(SparkSubmit(app, connection=HERE, jobs_folder=tmp_path / "jobs"), "two")
    assert (killed.reason, killed.signal) == ("out of memory", signal.SIGKILL)
    assert [path.name for path in (tmp_path / "jobs").iterdir() if path.name != ".tidied"] == []
