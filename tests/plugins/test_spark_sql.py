"""`SparkSQL`: statements with values, results, and what is written; classic and by Spark Connect."""

from __future__ import annotations

import pickle
import threading
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from naughty_strings import NAUGHTY
from spark_rig import FAST

from longshore import TimedOut, flow
from longshore_spark import (
    SparkConnection,
    SparkConnectServer,
    SparkInputError,
    SparkSQL,
    SparkSQLResult,
)
from longshore_spark.sessions import session_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("java")
CANARY = "canary-0b8f1c52"
PATIENCE = 60.0
SLOW = (
    "SELECT sum(length(java_method('java.lang.Thread', 'sleep', id * 0 + 3600000L))) FROM range(0, 2, 1, 2)"
)


@pytest.fixture(scope="module")
def places(java: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, SparkConnection]]:
    """Both lines of Spark, held so that all tests share them."""
    assert java
    folder = tmp_path_factory.mktemp("warehouse")
    here = SparkConnection("local[2]", conf={**FAST, "spark.sql.warehouse.dir": str(folder)})
    with (
        SparkConnectServer(connection=here) as server,
        session_for(here),
        session_for(server.connection),
    ):
        yield {"classic": here, "connect": server.connection}


@pytest.fixture
def here(places: dict[str, SparkConnection]) -> SparkConnection:
    return places["classic"]


@pytest.fixture(params=["classic", "connect"])
def place(request: pytest.FixtureRequest, places: dict[str, SparkConnection]) -> SparkConnection:
    return places[request.param]


VALUES = {
    "text": "it's", "n": -(1 << 63), "large": 1 << 70, "x": 0.1, "yes": True, "nothing": None,
    "raw": b"a\0\xff", "old": date(1, 1, 1), "late": date(9999, 12, 31),
    "before": datetime(1500, 1, 1, 12, 30, 0, 123456, tzinfo=UTC),
    "at": datetime(2013, 7, 4, 12, 0, tzinfo=UTC), "took": timedelta(days=-1, microseconds=3),
    "money": Decimal("12.30"), "round": Decimal("1E+5"), "some": [1, 2], "none": [],
}  # fmt: skip


def test_values_of_every_type_come_back_equal(place: SparkConnection) -> None:
    columns = ", ".join(f":{name} AS {name}" for name in VALUES)
    found = SparkSQL(f"SELECT {columns}", connection=place)(VALUES)
    assert found.rows == [VALUES]
    assert found.kind == "SELECT"


@pytest.mark.gate("P10")
def test_naughty_strings_as_values_come_back_equal_and_name_nothing(place: SparkConnection) -> None:
    good = [text for text in NAUGHTY if text.isprintable() or text.encode(errors="ignore").decode() == text]
    columns = ", ".join(f"? AS c{number}" for number in range(len(good)))
    (row,) = SparkSQL(f"SELECT {columns}", connection=place)(good).rows
    assert list(row.values()) == good
    for text in set(NAUGHTY) - set(good):
        with pytest.raises(SparkInputError, match="lone surrogate"):
            SparkSQL("SELECT ?", connection=place)([text])
    assert not Path("pwned").exists()


def test_a_naive_datetime_is_of_this_machines_time_zone(here: SparkConnection) -> None:
    naive = datetime(2013, 7, 4, 12, 0)
    (row,) = SparkSQL("SELECT ? AS at", connection=here)([naive]).rows
    assert row["at"] == naive.astimezone(UTC)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"x": object()}, ":x is a object; give text"),
        ({"x": {"a": 1}}, ":x is a dict; give text"),
        ({"x": Decimal("NaN")}, ":x is no finite Decimal"),
        ({"x": 10**40}, ":x has more than the 38 digits"),
        ({"x y": 1}, "'x y' is no name"),
        ("abc", "with a str: give a dictionary"),
        (7, "with a int: give a dictionary"),
    ],
)
def test_what_cannot_be_handed_over_is_refused_by_its_name(
    here: SparkConnection, values: Any, said: str
) -> None:
    with pytest.raises(SparkInputError, match=said):
        SparkSQL("SELECT :x", connection=here)(values)


def test_a_result_is_arrow_pandas_and_rows_and_can_be_kept(place: SparkConnection) -> None:
    text = "SELECT id, timestamp'2013-07-04 12:00:00Z' AS at FROM range(3) ORDER BY id DESC"
    found = SparkSQL(text, connection=place)()
    assert found.row_count == 3
    assert found.columns == ("id", "at")
    assert found.bytes == found.table.nbytes
    assert str(found.table.schema.field("at").type) == "timestamp[us, tz=UTC]"
    assert found.rows[0] == {"id": 2, "at": datetime(2013, 7, 4, 12, tzinfo=UTC)}
    assert list(found.pandas["id"]) == [2, 1, 0]
    assert SparkSQLResult.__restore__(found.__store__()) == found
    assert pickle.loads(pickle.dumps(found)) == found
    with session_for(place) as session:
        assert found.table.equals(session.sql(text).toArrow())


def test_no_row_keeps_its_columns_and_two_of_one_name_are_no_dictionary(here: SparkConnection) -> None:
    empty = SparkSQL("SELECT id FROM range(3) WHERE id > 5", connection=here)()
    assert (empty.row_count, empty.columns, empty.rows) == (0, ("id",), [])
    twice = SparkSQL("SELECT 1 AS a, 2 AS a", connection=here)()
    assert twice.table.num_columns == 2
    with pytest.raises(SparkInputError, match="'a' names two columns"):
        _ = twice.rows


def test_a_result_above_max_memory_is_refused_before_it_is_here(place: SparkConnection) -> None:
    large = SparkSQL("SELECT id, uuid() FROM range(0, 1000000, 1, 20)", connection=place, max_memory=1 << 20)
    with pytest.raises(SparkInputError, match=r"more than max_memory=1,048,576 bytes.*by to="):
        large()
    assert SparkSQL("SELECT 1 AS n", connection=place)().rows == [{"n": 1}]


def test_a_hundred_statements_of_a_flow_share_one_session(here: SparkConnection) -> None:
    @flow
    def many() -> None:
        view = SparkSQL("CREATE TEMPORARY VIEW shared AS SELECT 41 AS n", connection=here)()
        rows = SparkSQL("SELECT n + ? AS n FROM shared", connection=here)
        rows.map([[n] for n in range(100)], after=view)

    run = many.run()
    found = next(value for value in run.results.values() if isinstance(value, list))
    assert [one.rows[0]["n"] for one in found] == list(range(41, 141))


def test_a_step_told_to_stop_cancels_its_statement(place: SparkConnection) -> None:
    @flow
    def stays() -> None:
        SparkSQL(SLOW, connection=place, timeout=2.0)()

    run = stays.run(raise_on_failure=False)
    assert isinstance(run.states["SparkSQL"], TimedOut)
    with session_for(place) as session:
        ended = threading.Event()
        end = time.monotonic() + PATIENCE
        while place.kind == "local" and session.sparkContext.statusTracker().getActiveJobsIds():
            assert time.monotonic() < end, "its job goes on"
            ended.wait(0.05)
        # Both cores are free again: two tasks run at one time.
        assert SparkSQL("SELECT count(*) AS n FROM range(0, 2, 1, 2)", connection=place)().rows == [{"n": 2}]
