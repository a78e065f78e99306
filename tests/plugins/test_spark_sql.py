"""`SparkSQL`: statements with values, their results, and what is written, which is counted on its way."""

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

from longshore import TimedOut, flow, require
from longshore.testing import datasets_told
from longshore_spark import (
    SparkAnalysisError,
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
SLOW = "SELECT java_method('java.lang.Thread', 'sleep', id * 0 + 3600000L) FROM range(0, 2, 1, 2)"


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
        there: Any = session.sql(text)
        assert found.table.equals(there.toArrow())


def test_no_row_keeps_its_columns_and_two_of_one_name_are_no_dictionary(here: SparkConnection) -> None:
    empty = SparkSQL("SELECT id FROM range(3) WHERE id > 5", connection=here)()
    assert (empty.row_count, empty.columns, empty.rows) == (0, ("id",), [])
    twice = SparkSQL("SELECT 1 AS a, 2 AS a", connection=here)()
    assert twice.table.num_columns == 2
    with pytest.raises(SparkInputError, match="'a' names two columns"):
        _ = twice.rows


def test_a_result_above_max_memory_is_refused_before_it_is_here_and_its_jobs_end(
    place: SparkConnection,
) -> None:
    """Half of the rows would take an hour each, on both cores."""
    nap = "java_method('java.lang.Thread', 'sleep', if(id < 20000, 0L, 3600000L))"
    large = SparkSQL(f"SELECT uuid(), {nap} FROM range(0, 40000, 1, 4)", connection=place, max_memory=1000)
    with pytest.raises(SparkInputError, match=r"more than max_memory=1,000 bytes.*by to="):
        large()
    next_one = SparkSQL("SELECT count(*) AS n FROM range(0, 4, 1, 4)", connection=place, timeout=PATIENCE)
    assert next_one().rows == [{"n": 4}]


def test_a_hundred_statements_of_a_flow_share_one_session(here: SparkConnection) -> None:
    @flow
    def many() -> None:
        view = SparkSQL("CREATE TEMPORARY VIEW shared AS SELECT 41 AS n", connection=here)()
        rows = SparkSQL("SELECT n + ? AS n FROM shared", connection=here)
        rows.map([[n] for n in range(100)], after=view)

    run = many.run()
    results: list[Any] = list(run.results.values())
    found: list[Any] = results[-1]
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


@pytest.fixture
def there(tmp_path: Path) -> str:
    """Name a folder as people do, and some do not."""
    return str(tmp_path / "a b, ü%20[1]")


def run(here: SparkConnection, text: str, values: Any = (), **fields: Any) -> Any:
    return SparkSQL(text, connection=here, **fields)(values)


def rows_in(folder: str) -> list[Any]:
    parquet: Any = require("pyarrow.parquet", extra="spark")
    found: list[Any] = parquet.read_table(folder).to_pylist()
    return sorted(found, key=str)


def test_rows_go_to_files_and_are_counted(here: SparkConnection, there: str) -> None:
    with datasets_told() as told:
        found = run(here, "SELECT id FROM range(10) WHERE id >= ?", [4], to=there, mode="overwrite")
    assert (found.row_count, found.to, found.table, found.columns) == (6, there, None, ("id",))
    assert rows_in(there) == [{"id": n} for n in range(4, 10)]
    assert [(one.direction, one.uri, one.rows) for one in told] == [("write", f"file://{there}", 6)]
    with pytest.raises(SparkInputError, match="they were written to"):
        _ = found.rows
    assert run(here, "SELECT id FROM range(3) WHERE false", to=there, mode="overwrite").row_count == 0
    assert rows_in(there) == []


def test_modes_say_what_happens_to_what_is_there(here: SparkConnection, there: str) -> None:
    assert run(here, "SELECT 1 AS n", to=there).row_count == 1
    with pytest.raises(SparkAnalysisError, match="already exists") as caught:
        run(here, "SELECT 2 AS n", to=there)
    assert caught.value.condition == "PATH_ALREADY_EXISTS"
    assert run(here, "SELECT 3 AS n", to=there, mode="ignore").row_count == 0
    assert rows_in(there) == [{"n": 1}]
    assert run(here, "SELECT 4 AS n", to=there, mode="append").row_count == 1
    assert rows_in(there) == [{"n": 1}, {"n": 4}]
    assert run(here, "SELECT 5 AS n", to=there, mode="overwrite").row_count == 1
    assert rows_in(there) == [{"n": 5}]


def test_the_format_is_what_the_name_says_and_columns_make_folders(
    here: SparkConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "SELECT id, id % 2 AS even FROM range(4)"
    run(here, text, to="out.csv", partition_by=["even"], options={"compression": "gzip"})
    files = sorted((tmp_path / "out.csv").glob("even=*/*.csv.gz"))
    assert {file.parent.name for file in files} == {"even=0", "even=1"}
    csv: Any = require("pyarrow.csv", extra="spark")
    assert csv.read_csv(files[0]).column_names == ["id"]
    run(here, text, to="out", file_type="json")
    assert list((tmp_path / "out").glob("*.json"))


READING = [
    "SELECT id + 1 AS id FROM parquet.`{0}`",
    "SELECT (SELECT max(id) FROM parquet.`{0}`) AS id",
    "SELECT 1 AS id WHERE 1 IN (SELECT id FROM parquet.`{0}`)",
    "SELECT id FROM parquet.`{0}/part`",
    "SELECT id FROM seen",
]


def test_what_a_statement_reads_is_not_overwritten_by_it(here: SparkConnection, tmp_path: Path) -> None:
    place = str(tmp_path / "x, y")
    run(here, "SELECT id FROM range(3)", to=place)
    run(here, "SELECT id FROM range(2)", to=f"{place}/part")
    run(here, f"CREATE OR REPLACE TEMPORARY VIEW seen AS SELECT * FROM parquet.`{place}`")
    link = tmp_path / "link"
    link.symlink_to(place)
    for text in READING:
        for to in (place, f"file://{link}"):
            with pytest.raises(SparkInputError, match=r"it reads .* and would overwrite .*; write elsewhere"):
                run(here, text.format(place), to=to, mode="overwrite")
    assert run(here, "SELECT count(*) AS n FROM seen").rows == [{"n": 3}]
    assert run(here, READING[0].format(place), to=f"{place} 2", mode="overwrite").row_count == 3


def test_rows_go_to_a_table_which_is_not_overwritten_by_what_reads_it(here: SparkConnection) -> None:
    with datasets_told() as told:
        assert run(here, "SELECT 1 AS n", to="table:default.numbers").row_count == 1
        run(here, "SELECT 2 AS n", to="table:numbers", mode="append")
    assert [one.uri for one in told] == ["spark://spark_catalog/default.numbers"] * 2
    with pytest.raises(SparkAnalysisError) as caught:
        run(here, "SELECT 3 AS n", to="table:numbers")
    assert caught.value.condition == "TABLE_OR_VIEW_ALREADY_EXISTS"
    assert run(here, "SELECT 3 AS n", to="table:numbers", mode="ignore").row_count == 0
    with pytest.raises(SparkInputError, match="would overwrite"):
        run(here, "SELECT n + 1 AS n FROM numbers", to="table:numbers", mode="overwrite")
    assert run(here, "SELECT n FROM numbers ORDER BY n").rows == [{"n": 1}, {"n": 2}]
    assert run(here, "INSERT INTO numbers VALUES (3)").kind == "INSERT"
    run(here, "SELECT 4 AS n", to="table:`numbers`", mode="overwrite")
    assert run(here, "SELECT n FROM numbers").rows == [{"n": 4}]
