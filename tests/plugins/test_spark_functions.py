"""`@spark_task`: functions that get a session, classic or of Spark Connect."""

from __future__ import annotations

import pickle
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from spark_rig import FAST

from longshore import Task, TaskDefinitionError, TimedOut, flow
from longshore.testing import progress_told
from longshore_spark import SparkConnection, SparkConnectServer, SparkError, spark_task
from longshore_spark.functions import SparkTaskFields
from longshore_spark.sessions import session_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.usefixtures("java")
HERE = SparkConnection("local[2]", conf=FAST)
HOUR = "id * 0 + 3600000L"
"""Milliseconds; not the same for all rows as far as Spark knows, so that it is each task that waits."""
SERVER = SparkConnectServer(connection=HERE)


@pytest.fixture(scope="module")
def places(java: str) -> Iterator[dict[str, SparkConnection]]:
    """Both lines of Spark in one process, held so that all tests share them."""
    assert java
    with SERVER as server, session_for(HERE), session_for(server.connection):
        yield {"classic": HERE, "connect": server.connection}
    assert not Path(f"/proc/{server.pid}").exists()
    assert not server.folder.exists()


@pytest.fixture(params=["classic", "connect"])
def place(request: pytest.FixtureRequest, places: dict[str, SparkConnection]) -> SparkConnection:
    return places[request.param]


@spark_task
def doubled(spark: SparkSession, n: int, *, by: int = 2) -> list[int]:
    """Multiply the numbers below n."""
    from pyspark.sql import functions

    multiplied = spark.range(n).select((functions.col("id") * functions.lit(by)).alias("n"))
    return [row.n for row in multiplied.orderBy("n").collect()]


@spark_task
def table(spark: SparkSession) -> Any:
    """Return Arrow."""
    words: Any = spark.sql("SELECT 1 AS n, 'ü' AS word")
    return words.toArrow()


@spark_task
def lazy(spark: SparkSession) -> list[DataFrame]:
    """Return what is of no use."""
    return [spark.range(3)]


@spark_task
def wrong(spark: SparkSession) -> int:
    """Ask for what there is not."""
    return spark.table("there_is_none").count()


def test_functions_get_a_session_and_the_rest_of_their_arguments(place: SparkConnection) -> None:
    here = doubled.replace(connection=place)
    assert here(3) == [0, 2, 4]

    @flow
    def several() -> None:
        here.map([1, 2, 3])
        here(3, by=5)
        table.replace(connection=place)()

    results = several.run().results
    assert results["doubled"] == [[0], [0, 2], [0, 2, 4]]
    assert results["doubled-2"] == [0, 5, 10]
    assert results["table"].to_pylist() == [{"n": 1, "word": "ü"}]


def test_what_is_of_no_use_without_the_session_is_refused_as_a_result(place: SparkConnection) -> None:
    with pytest.raises(TaskDefinitionError, match=r"lazy returns a Spark DataFrame, .*; return df\.toArrow"):
        lazy.replace(connection=place)()


def test_the_errors_of_a_functions_own_statements_are_sparks(place: SparkConnection) -> None:
    from pyspark.errors import AnalysisException

    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
        wrong.replace(connection=place)()


def test_a_timeout_ends_what_runs_in_spark_and_what_would_begin_after_it(place: SparkConnection) -> None:
    ended = threading.Event()
    began: list[int] = []

    @spark_task(connection=place, timeout=2.0)
    def stuck(spark: SparkSession) -> None:
        for n in range(4):
            began.append(n)
            with suppress(Exception):  # as stubborn code does it
                spark.sql(f"SELECT java_method('java.lang.Thread', 'sleep', {HOUR}) FROM range(2)").collect()
        ended.set()

    @flow
    def stays() -> None:
        stuck()

    run = stays.run(raise_on_failure=False)
    assert isinstance(run.states["stuck"], TimedOut)
    assert ended.wait(60)
    assert began == [0, 1, 2, 3]


def test_how_many_tasks_are_done_is_told_as_progress(place: SparkConnection) -> None:
    @spark_task(connection=place)
    def slow(spark: SparkSession) -> int:
        nap = "java_method('java.lang.Thread', 'sleep', id * 0 + 700L)"
        return len(spark.sql(f"SELECT id, {nap} FROM range(0, 8, 1, 8)").collect())

    with progress_told() as told:
        assert slow.run() == 8
    counted = [(each.done or 0, each.total, each.unit) for each in told]
    assert counted, "nothing was told"
    assert {total for _, total, _ in counted} == {8}
    assert {unit for _, _, unit in counted} == {"tasks"}
    assert any(0 < done < 8 for done, _, _ in counted)


def test_classic_and_connect_sessions_work_side_by_side_but_functions_of_both_wait_for_each_other(
    places: dict[str, SparkConnection],
) -> None:
    inner = doubled.replace(connection=places["connect"])

    @spark_task(connection=places["classic"])
    def outer(spark: SparkSession) -> list[int]:
        with session_for(places["connect"]) as other:
            assert other.sql("SELECT 3").collect()[0][0] == spark.sql("SELECT 3").collect()[0][0]
        return inner(2)

    with pytest.raises(
        SparkError, match=r"cannot run a function with Spark Connect while one with a classic"
    ):
        outer()
    assert inner(2) == [0, 2]


def test_a_session_of_connect_that_is_there_already_is_used_and_left_open(
    places: dict[str, SparkConnection],
) -> None:
    from pyspark.sql.connect.session import SparkSession as Remote

    @spark_task
    def marked(spark: SparkSession) -> str | None:
        return spark.conf.get("spark.sql.session.timeZone")

    server = places["connect"]
    assert server.token is not None
    mine = Remote.builder.remote(f"{server.master}/;token={server.token.get()}").create()
    try:
        mine.conf.set("spark.sql.session.timeZone", "Asia/Tbilisi")
        assert marked() == "Asia/Tbilisi"
        assert mine.sql("SELECT 4").collect()[0][0] == 4
        with pytest.raises(SparkError, match=r"cannot give spark\.sql\.ansi\.enabled to the session"):
            marked.replace(conf={"spark.sql.ansi.enabled": False})()
    finally:
        mine.stop()


def test_properties_of_a_session_of_connect_take_effect_or_are_refused(
    places: dict[str, SparkConnection],
) -> None:
    server = places["connect"]
    with session_for(replace(server, conf={"spark.sql.shuffle.partitions": 3})) as session:
        assert session.conf.get("spark.sql.shuffle.partitions") == "3"
    with pytest.raises(SparkError, match=r"cannot open a session on 'sc://.*spark\.driver\.memory"):
        session_for(replace(server, conf={"spark.driver.memory": "1g"})).__enter__()


def test_a_function_travels_to_another_process_with_where_it_runs() -> None:
    task = doubled.replace(connection="spark://spark.example.com:7077", retries=2)
    back = pickle.loads(pickle.dumps(task))
    assert (back.connection, back.retries, back.fn) == (task.connection, 2, doubled.fn)
    assert "spark_task(" in repr(back)
    assert "example.com" in repr(back)
    assert back.identity() != doubled.identity()


def test_what_cannot_be_a_function_of_spark_is_refused_when_it_is_defined() -> None:
    def nothing() -> None: ...

    async def later(spark: SparkSession) -> None: ...

    def options(**options: Any) -> None: ...

    for function, why in ((nothing, "does not take"), (options, "does not take"), (later, "made by def")):
        with pytest.raises(TaskDefinitionError, match=why):
            spark_task(function)  # type: ignore[arg-type]  # pyright: ignore
    with pytest.raises(Exception, match="'memory' is no Spark property"):
        spark_task(conf={"memory": "2g"})(lazy.fn)  # type: ignore[arg-type]  # pyright: ignore


def test_the_decorator_takes_each_field_of_a_task() -> None:
    assert {*SparkTaskFields.__annotations__} - {"connection", "conf"} == {*Task.__dataclass_fields__}
