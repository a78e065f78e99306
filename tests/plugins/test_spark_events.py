"""What the event log of a real application says, whole, growing and cut short; the levels of Spark's log."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from spark_rig import FAST

from longshore import JobRunning, LogLine
from longshore_spark.connections import SparkConnection
from longshore_spark.eventlogs import EventLog
from longshore_spark.homes import spark_home
from longshore_spark.loglines import leveled

APP = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.appName("two words").getOrCreate()
spark.range(1000).repartition(4).write.csv(sys.argv[1])
assert spark.read.csv(sys.argv[1]).count() == 1000
try:
    spark.sparkContext.parallelize([1, 0], 2).map(lambda n: 1 / n).collect()
except Exception as error:
    assert "division by zero" in str(error)
else:
    raise SystemExit("it did not fail")
"""


@pytest.fixture(scope="module")
def written(java: str, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The event log of a real application, of which one job failed."""
    folder = tmp_path_factory.mktemp("events")
    (folder / "app.py").write_text(APP)
    (folder / "log").mkdir()
    conf = {
        **FAST,
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": (folder / "log").as_uri(),
        "spark.eventLog.rolling.enabled": "false",
        "spark.eventLog.compress": "false",
        "spark.pyspark.python": sys.executable,
    }
    words = [str(spark_home(SparkConnection()) / "bin/spark-submit"), "--master", "local[2]"]
    for name, value in conf.items():
        words += ["--conf", f"{name}={value}"]
    words += [str(folder / "app.py"), str(folder / "out")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    [log] = (folder / "log").iterdir()
    return log.read_bytes()


def test_an_event_log_says_what_an_application_did(written: bytes, tmp_path: Path) -> None:
    (tmp_path / "local-1").write_bytes(written)
    metrics = EventLog(tmp_path).metrics()
    assert metrics is not None
    assert metrics.application_id.startswith("local-")
    assert (metrics.application_name, metrics.spark_version[:2]) == ("two words", "4.")
    assert isinstance(metrics.started, datetime)
    assert isinstance(metrics.ended, datetime)
    assert metrics.started < metrics.ended
    assert (metrics.jobs_failed, metrics.stages_failed, metrics.tasks_failed) == (1, 1, 1)
    assert metrics.jobs >= 4
    assert metrics.tasks >= metrics.stages >= 4
    assert (metrics.records_written, metrics.records_read >= 1000) == (1000, True)
    assert metrics.bytes_written == sum(len(f"{n}\n") for n in range(1000))
    assert metrics.shuffle_bytes_read == metrics.shuffle_bytes_written > 0
    assert (metrics.memory_spilled_bytes, metrics.disk_spilled_bytes) == (0, 0)
    assert (metrics.executors, metrics.executors_lost) == (1, 0)


def test_a_log_that_grows_is_read_on_and_progress_never_goes_back(written: bytes, tmp_path: Path) -> None:
    grown, log = EventLog(tmp_path), tmp_path / "local-1.inprogress"
    seen: list[JobRunning] = [grown.running()]
    assert grown.metrics() is None
    with log.open("ab") as file:
        for begin in range(0, len(written), 7001):
            file.write(written[begin : begin + 7001])
            file.flush()
            seen.append(grown.running())
    log.rename(tmp_path / "local-1")
    assert grown.metrics() == EventLog.of(tmp_path).metrics()
    done = [stands.done or 0 for stands in seen]
    assert done == sorted(done)
    assert all((stands.done or 0) <= (stands.total or 0) for stands in seen)
    assert {stands.unit for stands in seen} == {"", "tasks"}
    assert any("csv at" in stands.message for stands in seen)
    EventLog.forget(tmp_path)


def test_the_log_of_a_killed_application_counts_up_to_where_it_was_cut(
    written: bytes, tmp_path: Path
) -> None:
    cut = written.index(b'{"Event":"SparkListenerApplicationEnd"') - 40
    (tmp_path / "local-1.inprogress").write_bytes(written[:cut] + b"\n\xff\xfe no event\n{}\n[1]\n")
    metrics = EventLog(tmp_path).metrics()
    assert metrics is not None
    assert (metrics.ended, metrics.jobs_failed <= 1, metrics.records_written) == (None, True, 1000)


def test_lines_keep_the_level_that_spark_gave_them_and_traces_that_of_their_message() -> None:
    texts = {
        "26/11/23 14:54:10 INFO SparkContext: Successfully stopped SparkContext": "INFO",
        "26/11/23 14:54:10 WARN TaskSetManager: Lost task 0.0 in stage 4.0": "WARNING",
        "WARNING: an illegal reflective access operation has occurred": "WARNING",
        "26/11/23 14:54:10 WARN NativeCodeLoader: Unable to load native-hadoop library": "DEBUG",
        "WARNING: Using incubator modules: jdk.incubator.vector": "DEBUG",
        'Setting default log level to "WARN".': "DEBUG",
        "26/11/23 14:54:10 ERROR Executor: Exception in task 0.0 in stage 4.0 (TID 6)": "ERROR",
        "java.lang.IllegalStateException: no": "ERROR",
        "\tat org.apache.spark.Thing.run(Thing.scala:12)": "ERROR",
        "Caused by: java.io.IOException: disk": "ERROR",
        "my own line": None,
        "\tindented line of mine": None,
        '{"ts":"2026-11-23T14:54:10Z","level":"FATAL","msg":"m"}': "CRITICAL",
        "INFORMATION about nothing": None,
    }
    lines = [LogLine(text=text, cursor=str(n), stream="stderr") for n, text in enumerate(texts)]
    assert [line.level for line in leveled(lines)] == list(texts.values())
    printed = LogLine(text="26/11/23 14:54:10 ERROR x: y", cursor="1", stream="stdout")
    assert [line.level for line in leveled([printed])] == [None]
