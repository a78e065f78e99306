"""Sessions of Spark: one for a run and its connection, shared by its steps, gone with it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from contextlib import suppress
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from spark_rig import FAST

from longshore import ConfigurationError, Secret, current, flow, task
from longshore_spark import SparkConnection, SparkError, SparkInputError, SparkUnreachableError
from longshore_spark.sessions import session_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("java")
CANARY = "canary-5c1d9a77"
HERE = SparkConnection("local[2]", conf={**FAST, "spark.hadoop.longshore.test": Secret("env:SPARK_CANARY")})


@pytest.fixture(scope="module")
def there(java: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Hold one session, so that the tests of this module share one JVM."""
    assert java
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CANARY", CANARY)
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))
        with session_for(HERE) as session:
            yield session


def command_lines() -> list[bytes]:
    """What all processes were started with."""
    found: list[bytes] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended since
            found.append(path.read_bytes())
    return found


@task
def which_session(_: int) -> int:
    """Return which session a step gets."""
    with session_for(HERE) as session:
        return id(session)


def test_all_steps_of_a_run_share_a_session_and_another_run_has_its_own(there: Any) -> None:
    @task
    def make_view(n: int) -> None:
        with session_for(HERE) as session:
            session.range(n).createOrReplaceTempView("numbers")

    @task
    def count_view() -> int | None:
        with session_for(HERE) as session:
            return session.table("numbers").count() if session.catalog.tableExists("numbers") else None

    @flow
    def writes() -> None:
        count_view(after=make_view(7))

    @flow
    def looks() -> None:
        count_view()

    assert writes.run().results["count_view"] == 7
    assert looks.run().results["count_view"] is None
    assert there.range(3).count() == 3


def test_a_hundred_steps_in_threads_get_the_same_session(there: Any) -> None:
    @flow
    def many() -> None:
        which_session.map(list(range(100)))

    found = many.run().results["which_session"]
    assert len(found) == 100
    assert len(set(found)) == 1
    assert found[0] != id(there)


def test_sql_properties_are_a_sessions_own_and_static_ones_are_refused_while_others_use_spark(
    there: Any,
) -> None:
    three = replace(HERE, conf={**HERE.conf, "spark.sql.shuffle.partitions": 3})
    without = replace(HERE, conf={n: v for n, v in HERE.conf.items() if n != "spark.sql.shuffle.partitions"})
    with session_for(three) as session, session_for(without) as bare:
        assert session.conf.get("spark.sql.shuffle.partitions") == "3"
        assert there.conf.get("spark.sql.shuffle.partitions") == "2"
        assert bare.conf.get("spark.sql.shuffle.partitions") == "200"
    more = replace(HERE, conf={**HERE.conf, "spark.driver.memory": "768m"})
    elsewhere = SparkConnection("local[1]", conf=FAST)
    for other, seen in ((more, "with another spark.driver.memory"), (elsewhere, "on 'local[2]'")):
        with pytest.raises(SparkError, match=f"has one {re.escape(seen)} already, .*ProcessExecutor"):
            session_for(other).__enter__()
    assert there.range(3).count() == 3


@pytest.mark.gate("S1")
def test_secret_properties_are_in_no_command_line_and_no_file_and_reach_spark(
    there: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert there.sparkContext.getConf().get("spark.hadoop.longshore.test") == CANARY
    words = command_lines()
    assert any(b"SparkSubmit" in line for line in words)
    assert not any(CANARY.encode() in line for line in words)
    assert list(Path(tempfile.gettempdir()).iterdir()) == []
    assert CANARY not in caplog.text
    assert CANARY not in repr(HERE)
    options = SparkConnection(conf={"spark.driver.extraJavaOptions": Secret("env:SPARK_CANARY")})
    with pytest.raises(SparkInputError, match="would be in a command line"):
        session_for(options).__enter__()


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_child_leaves_the_session_of_its_parent_alone(there: Any) -> None:
    child = os.fork()
    if child == 0:
        from pyspark import SparkContext

        os._exit(7 if getattr(SparkContext, "_active_spark_context", 0) is None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert there.range(5).count() == 5


@pytest.mark.parametrize("url", ["spark://127.0.0.1:{}", "sc://127.0.0.1:{}"])
def test_a_master_that_does_not_answer_is_an_error_in_time(url: str, java: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        master = url.format(closed.getsockname()[1])
        with (
            pytest.raises(SparkUnreachableError, match=f"cannot open a session on '{re.escape(master)}'"),
            session_for(SparkConnection(master, timeout=0.5)),
        ):
            pass
    assert java


def test_a_server_that_takes_connections_and_never_answers_is_an_error_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        master = f"sc://127.0.0.1:{silent.getsockname()[1]}"
        with (
            pytest.raises(SparkUnreachableError, match=r"no Spark Connect server answers within 0\.5 s"),
            session_for(SparkConnection(master, timeout=0.5)),
        ):
            pass


def test_a_driver_in_the_cluster_has_no_session_here() -> None:
    cluster = SparkConnection("spark://spark.example.com:7077", deploy_mode="cluster")
    with pytest.raises(ConfigurationError, match="use SparkSubmit"):
        session_for(cluster).__enter__()
    with pytest.raises(SparkInputError, match=r"spark\.master is given by the connection"):
        session_for(SparkConnection("local", conf={"spark.master": "yarn"})).__enter__()


def test_a_session_whose_jvm_was_killed_is_made_anew(there: Any) -> None:
    lost = there.sparkContext._jvm.ProcessHandle.current().pid()

    @task(retries=1)
    def survives() -> int:
        with session_for(HERE) as session:
            if current.attempt == 1:
                os.kill(lost, signal.SIGKILL)
            return session.range(6).count()

    @flow
    def goes_on() -> None:
        survives()

    run = goes_on.run()
    assert run.results["survives"] == 6
    assert not Path(f"/proc/{lost}").exists()


def script(folder: Path, text: str, *words: str) -> subprocess.Popen[str]:
    """Run a program that has Spark in it."""
    path = folder / "program.py"
    path.write_text(textwrap.dedent(text))
    places = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": places, "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [sys.executable, str(path), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=folder,
    )


def test_a_session_that_is_there_already_is_used_and_left_running(tmp_path: Path) -> None:
    program = script(
        tmp_path,
        """
        from pyspark.sql import SparkSession
        from spark_rig import FAST
        from longshore import flow
        from longshore_spark import SparkConnection, SparkError, spark_task

        mine = SparkSession.builder.master("local[1]").config(map=FAST).getOrCreate()
        mine.range(9).createOrReplaceTempView("mine")

        @spark_task
        def look(spark):
            return spark.sparkContext.applicationId, spark.table("mine").count()

        @flow
        def looks():
            look()
            look.replace(connection="local[1]", name="named")()

        look()
        assert SparkSession.getActiveSession() is mine
        found = looks.run().results
        assert set(found.values()) == {(mine.sparkContext.applicationId, 9)}, found
        try:
            look.replace(conf={"spark.driver.memory": "1g"})()
        except SparkError as error:
            assert "with another spark.driver.memory already" in str(error), error
        try:
            look.replace(connection="local[3]")()
        except SparkError as error:
            assert "was started by somebody else" in str(error), error
        else:
            raise AssertionError
        print("counted", mine.range(4).count())
        """,
    )
    said, _ = program.communicate(timeout=120)
    assert "counted 4" in said, said
    assert program.returncode == 0


def test_ctrl_c_ends_a_run_with_its_jobs_and_its_jvm_and_nothing_is_printed(tmp_path: Path) -> None:
    program = script(
        tmp_path,
        """
        import time
        from pyspark.sql.functions import udf
        from spark_rig import FAST
        from longshore import InlineExecutor, flow
        from longshore_spark import SparkConnection, spark_task

        @spark_task(connection=SparkConnection("local[2]", conf=FAST))
        def stuck(spark):
            started = spark.sparkContext._jvm.ProcessHandle.current().pid()
            print("jvm ", started, sep=chr(10), flush=True)
            nap = udf(lambda n: time.sleep(0.2) or n, "long")
            spark.range(0, 100_000, 1, 2).select(nap("id").alias("n")).agg({"n": "sum"}).collect()

        @flow
        def stays():
            stuck()

        stays.run(executor=InlineExecutor())
        """,
    )
    assert program.stdout is not None
    with program:
        lines = list(takewhile(lambda line: not line.startswith("jvm "), program.stdout))
        jvm = int(program.stdout.readline())
        program.send_signal(signal.SIGINT)
        rest = program.stdout.read()
    assert program.returncode != 0
    assert not Path(f"/proc/{jvm}").exists()
    assert "stuck | Cancelled" in rest, rest
    assert not re.search(r"WARN|log4j|Setting default", "".join(lines)), lines
