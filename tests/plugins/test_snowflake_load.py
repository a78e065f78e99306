"""`SnowflakeLoad`: files, tables and DataFrames, each way to put rows into a table, reports, clean stages."""

from __future__ import annotations

import datetime
import gzip
import json
import logging
import tempfile
import time
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from snowflake_rig import sql
from snowflake_server import SnowflakeServer

from longshore import AttemptTimedOut, ConfigurationError, JobFinished, Success, decode, encode, flow
from longshore.testing import datasets_told, progress_told, raises_saying
from longshore_snowflake import (
    SnowflakeConnection,
    SnowflakeDataError,
    SnowflakeInputError,
    SnowflakeLoad,
    SnowflakeNotFoundError,
    queries,
)
from longshore_snowflake import load as load_module
from longshore_snowflake.sessions import session
from longshore_snowflake.staging import Staging
from longshore_snowflake.statements import Statement

pytestmark = pytest.mark.usefixtures("dwh")
HEADER = "id,carrier,day\n"


@pytest.fixture
def load(dwh: SnowflakeConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SnowflakeLoad:
    """A load into a schema with the table FLIGHTS."""
    sql(dwh, "CREATE TABLE flights (id INTEGER, carrier VARCHAR, day DATE)")
    own = tmp_path / "temporary"
    own.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(own))
    return SnowflakeLoad(connection=dwh)


def flights(load: SnowflakeLoad, columns: str = "id, carrier") -> list[tuple[Any, ...]]:
    return sql(load.connection, f"SELECT {columns} FROM flights ORDER BY 1")


def staged(load: SnowflakeLoad) -> int:
    return len(sql(load.connection, "LIST '@~/longshore/'"))


def test_files_with_any_name_are_loaded_and_leave_nothing_in_the_stage(
    load: SnowflakeLoad, tmp_path: Path
) -> None:
    (tmp_path / "it's day 1, ü[1].csv").write_text(f"{HEADER}1,UA,2013-01-01\n2,,2013-01-02\n")
    (tmp_path / "day2.csv.gz").write_bytes(gzip.compress(b"DAY,ID\n2013-01-03,3\n"))
    (tmp_path / "tab.tsv").write_text('id\tcarrier\n4\t"E\tV"\n')
    before = staged(load)
    found = load([tmp_path / "it's day 1, ü[1].csv", tmp_path / "day2.csv.gz"], "flights")
    assert (found.table, found.mode, found.rows, found.rows_inserted) == ("FLIGHTS", "append", 3, 3)
    assert [(report.status, report.rows_loaded, report.errors) for report in found.files] == [
        ("LOADED", 2, 0),
        ("LOADED", 1, 0),
    ]
    assert [report.file.split(".")[-2:] for report in found.files] == [["csv", "gz"]] * 2
    assert found.query_ids == (found.query_id,)
    assert load(str(tmp_path / "*.tsv"), "flights").rows == 1
    assert flights(load) == [(1, "UA"), (2, None), (3, None), (4, "E\tV")]
    assert staged(load) == before
    assert list((tmp_path / "temporary").iterdir()) == []


def test_one_name_in_two_folders_is_two_files(load: SnowflakeLoad, tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "day.csv").write_text(f"{HEADER}{number},UA,2013-01-01\n")
    found = load(f"{tmp_path}/*/day.csv", "flights")
    assert (found.rows, len({report.file for report in found.files})) == (2, 2)
    assert [row[0] for row in flights(load)] == [1, 2]


def test_parquet_and_json_lines_are_loaded_by_name(load: SnowflakeLoad, tmp_path: Path) -> None:
    table = pyarrow.table({"DAY": [datetime.date(2013, 1, 1)], "id": [1]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_text('{"id": 2, "carrier": "EV"}\n{"carrier": "UA", "id": 3}\n')
    assert load(tmp_path / "a.parquet", "flights").rows == 1
    assert load(tmp_path / "b.jsonl", "flights").rows == 2
    assert flights(load, "id, carrier, day") == [
        (1, None, datetime.date(2013, 1, 1)),
        (2, "EV", None),
        (3, "UA", None),
    ]


@pytest.mark.parametrize("kind", ["table", "reader", "batch", "pandas", "large pandas", "polars"])
def test_rows_in_memory_are_loaded_with_their_types(
    load: SnowflakeLoad, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "large pandas":
        monkeypatch.setattr("longshore_snowflake.parts._AT_ONCE", 10)
        monkeypatch.setattr("longshore_snowflake.parts._GROUP", 300)
    moment = datetime.datetime(2013, 1, 1, 12, 30, 0, 123456)
    values = {
        "Id": [1, 2],
        "amount": [Decimal("1.50"), None],
        "moment": [moment, moment],
        "odd name": ["ü", "y"],
        "ok": [True, None],
    }
    table = pyarrow.table(values)
    source: Any = {
        "table": lambda: table,
        "reader": table.to_reader,
        "batch": lambda: table.to_batches()[0],
        "pandas": lambda: pytest.importorskip("pandas").DataFrame(values),
        "large pandas": lambda: pytest.importorskip("pandas").DataFrame(values),
        "polars": lambda: pytest.importorskip("polars").DataFrame(values),
    }[kind]()
    found = load.replace(create=True)(source, "made")
    assert (found.rows, len(found.files)) == (2, 1)
    assert found.bytes
    rows = sql(load.connection, 'SELECT id, amount, moment, "odd name", ok FROM made ORDER BY id')
    assert rows == [(1, Decimal("1.50"), moment, "ü", True), (2, None, moment, "y", None)]


def test_many_parts_are_uploaded_as_they_are_written_and_removed(
    load: SnowflakeLoad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("longshore_snowflake.parts._GROUP", 20_000)
    table = pyarrow.table({"id": range(20_000), "carrier": [f"c{n}" for n in range(20_000)]})
    with progress_told() as told:
        found = load.replace(part_size=30_000, parallel=2).run(table, "flights")
    assert len(found.files) > 3
    assert found.rows == 20_000
    assert flights(load, "count(*), sum(id)") == [(20_000, sum(range(20_000)))]
    assert told[-1].done == found.bytes
    assert list((tmp_path / "temporary").iterdir()) == []


def test_no_rows_are_loaded_as_none(load: SnowflakeLoad) -> None:
    empty = pyarrow.schema([("id", pyarrow.int64())]).empty_table()
    assert load(empty, "flights").rows == 0
    assert load.replace(mode="truncate")(empty, "flights").rows_inserted == 0


def test_append_adds_and_truncate_replaces_all_rows(load: SnowflakeLoad) -> None:
    load(pyarrow.table({"id": [1, 2], "carrier": ["UA", "EV"]}), "flights")
    load(pyarrow.table({"id": [1]}), "flights")
    assert [row[0] for row in flights(load)] == [1, 1, 2]
    found = load.replace(mode="truncate")(pyarrow.table({"carrier": ["AA"], "id": [9]}), "flights")
    assert (found.rows, found.rows_inserted, len(found.query_ids)) == (1, 1, 2)
    assert flights(load) == [(9, "AA")]


def test_merge_updates_and_inserts_and_a_second_time_changes_nothing(load: SnowflakeLoad) -> None:
    load(
        pyarrow.table({"id": [1, 2], "carrier": ["UA", "EV"], "day": [datetime.date(2013, 1, 1)] * 2}),
        "flights",
    )
    merge = load.replace(mode="merge", keys=("ID",))
    day = pyarrow.table({"id": [2, 3], "carrier": ["XX", "AA"]})
    found = merge(day, "flights")
    assert (found.rows, found.rows_inserted, found.rows_updated) == (2, 1, 1)
    again = merge(day, "flights")
    assert (again.rows_inserted, again.rows_updated) == (0, 2)
    first = datetime.date(2013, 1, 1)
    assert flights(load, "*") == [(1, "UA", first), (2, "XX", first), (3, "AA", None)]


def test_merge_leaves_columns_alone_that_are_not_loaded(load: SnowflakeLoad) -> None:
    sql(load.connection, "CREATE TABLE kept (id INTEGER, note VARCHAR NOT NULL, carrier VARCHAR)")
    sql(load.connection, "INSERT INTO kept VALUES (1, 'mine', 'UA')")
    found = load.replace(mode="merge", keys=("id",))(pyarrow.table({"id": [1], "carrier": ["EV"]}), "kept")
    assert (found.rows_inserted, found.rows_updated) == (0, 1)
    assert sql(load.connection, "SELECT * FROM kept") == [(1, "mine", "EV")]


def test_files_go_through_a_stage_of_the_users_own(load: SnowflakeLoad, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"{HEADER}1,UA,2013-01-01\n")
    sql(load.connection, 'CREATE STAGE "My loads"')
    through = load.replace(stage='"My loads"')
    assert through(tmp_path / "a.csv", "flights").rows == 1
    assert sql(load.connection, """LIST '@"My loads"'""") == []


def test_rows_of_one_key_are_an_error_that_shows_them_or_the_winner_is_told(load: SnowflakeLoad) -> None:
    merge = load.replace(mode="merge", keys=("id",))
    twice = pyarrow.table({"id": [1, 7, 7, 7], "carrier": ["UA", "AA", "ZZ", "BB"]})
    with raises_saying(
        SnowflakeInputError, "'FLIGHTS'", "several rows of one key", "ID=7 (3 rows)", "winner"
    ):
        merge(twice, "flights")
    assert flights(load) == []
    assert merge.replace(winner="carrier")(twice, "flights").rows_inserted == 2
    assert flights(load) == [(1, "UA"), (7, "ZZ")]
    same = pyarrow.table({"id": [7, 7], "carrier": ["ZZ", "ZZ"]})
    with raises_saying(SnowflakeInputError, "one key with the same CARRIER"):
        merge.replace(winner="carrier")(same, "flights")
    with raises_saying(SnowflakeInputError, "rows without a key", "ID=None"):
        merge(pyarrow.table({"id": [None, 1], "carrier": ["a", "b"]}), "flights")


def test_a_table_is_created_with_the_types_that_are_seen_or_told(load: SnowflakeLoad, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id,zip,"two words",moment\n1,00123,x,2013-01-01 10:00:00\n')
    create = load.replace(create=True, columns={"ZIP": "VARCHAR(10)"})
    assert create(tmp_path / "a.csv", "made").rows == 1
    assert create(tmp_path / "a.csv", "made").rows == 1
    kinds = {row[0]: str(row[1]).partition("(")[0] for row in sql(load.connection, "DESCRIBE TABLE made")}
    assert kinds == {"ID": "NUMBER", "ZIP": "VARCHAR", "two words": "VARCHAR", "MOMENT": "TIMESTAMP_NTZ"}
    assert sql(load.connection, 'SELECT zip, "two words" FROM made') == [("00123", "x")] * 2
    with raises_saying(SnowflakeInputError, "two columns of the name 'A'"):
        create.replace(columns=())(pyarrow.table({"a": [1], "A": [2]}), "other")


def test_a_column_that_the_table_lacks_is_an_error_before_anything_is_uploaded(
    load: SnowflakeLoad, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("id,carier\n1,UA\n")
    with raises_saying(SnowflakeInputError, "'carier'", "did you mean 'CARRIER'?", "extra_columns='ignore'"):
        load(tmp_path / "a.csv", "flights")
    assert load.replace(extra_columns="ignore")(tmp_path / "a.csv", "flights").rows == 1
    assert flights(load) == [(1, None)]
    with pytest.raises(SnowflakeNotFoundError):
        load(tmp_path / "a.csv", "nosuch")


def test_a_bad_line_stops_the_load_and_nothing_is_loaded_or_left(load: SnowflakeLoad, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(f"{HEADER}1,UA,2013-01-01\nfoo,EV,2013-01-01\n")
    before = staged(load)
    load(pyarrow.table({"id": [5]}), "flights")
    for each in (load, load.replace(mode="truncate"), load.replace(mode="merge", keys=("id",))):
        with raises_saying(SnowflakeDataError, "foo", "bad.csv"):
            each(tmp_path / "bad.csv", "flights")
    assert flights(load, "id") == [(5,)]
    assert staged(load) == before


def test_bad_lines_that_may_be_left_out_are_reported(
    load: SnowflakeLoad, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "bad.csv").write_text(f"{HEADER}1,UA,2013-01-01\nfoo,EV,2013-01-01\n3,AA,2013-01-01\n")
    with caplog.at_level(logging.WARNING):
        found = load.replace(on_error="continue")(tmp_path / "bad.csv", "flights")
    [report] = found.files
    assert (report.status, report.rows_parsed, report.rows_loaded, report.errors) == (
        "PARTIALLY_LOADED", 3, 2, 1,
    )  # fmt: skip
    assert "foo" in report.first_error
    assert report.first_error_line == 3
    assert "ID" in report.first_error_column.upper() or "A" in report.first_error_column
    assert (found.rows, found.errors) == (2, 1)
    assert "2 of 3 rows" in caplog.text
    assert [row[0] for row in flights(load)] == [1, 3]


def test_files_of_a_stage_are_loaded_once_unless_forced(load: SnowflakeLoad, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}1,UA,2013-01-01\n")
    sql(load.connection, "CREATE STAGE incoming")
    sql(load.connection, f"PUT 'file://{path}' '@incoming/2013/'")
    assert load("@incoming/2013/a.csv.gz", "flights").rows == 1
    again = load("@incoming/2013/a.csv.gz", "flights")
    assert (again.rows, again.errors) == (0, 0)
    assert load.replace(force=True, file_type="csv")("@incoming/2013/", "flights").rows == 1
    assert load.replace(mode="truncate", file_type="csv")("@incoming/2013/", "flights").rows == 1
    assert flights(load) == [(1, "UA")]
    assert sql(load.connection, "LIST '@incoming'"), "what is the user's own was removed"


def test_columns_go_by_position_where_files_have_no_names(load: SnowflakeLoad, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("UA;1\nEV;2\n")
    plain = load.replace(
        columns=("carrier", "id"), file_format={"skip_header": 0, "field_delimiter": ";"}, create=False
    )
    assert plain(tmp_path / "a.csv", "flights").rows == 2
    assert flights(load) == [(1, "UA"), (2, "EV")]


def test_what_is_read_and_written_is_told(load: SnowflakeLoad, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}1,UA,2013-01-01\n")
    with datasets_told() as told:
        load.run(path, "flights")
    read, written = told
    assert (read.uri, read.bytes) == (f"file://{path}", path.stat().st_size)
    assert written.uri.endswith("/FLIGHTS")
    assert written.uri.startswith("snowflake://")
    assert (written.rows, written.direction) == (1, "write")


def test_a_result_comes_back_from_a_store_and_from_another_process(
    load: SnowflakeLoad, tmp_path: Path
) -> None:
    found = load(pyarrow.table({"id": [1]}), "flights")
    assert decode(encode(found)) == found

    @flow
    def nightly() -> Any:
        return load.replace(name="load")(str(tmp_path / "a.csv"), "flights")

    (tmp_path / "a.csv").write_text(f"{HEADER}1,UA,2013-01-01\n")
    run = nightly.run(store=str(tmp_path / "runs.db"))
    assert isinstance(run.states["load"], Success)
    assert run.result.rows == 1


def test_a_load_is_found_by_its_key_and_submitted_once(load: SnowflakeLoad, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"{HEADER}1,UA,2013-01-01\n")
    key = str(uuid.uuid4())
    handle = load.submit(key, str(tmp_path / "a.csv"), "flights")
    assert load.submit(key, str(tmp_path / "a.csv"), "flights") == handle
    load_module._begun.clear()
    session(load.connection).keys.clear()
    assert load.find(key) == handle
    assert len(json.dumps(handle)) < 1_000
    while load.poll(handle) != JobFinished():
        pass
    load.cancel(handle)
    assert load.result(handle).rows == load.result(handle).rows == 1
    load.discard(handle)
    load.discard(handle)
    assert load.replace(history_lag=0.0).find(str(uuid.uuid4())) is None


@pytest.mark.gate("D2")
@pytest.mark.parametrize("kind", ["cut", "cut_after"])
def test_a_lost_request_or_answer_of_the_copy_loads_once(
    load: SnowflakeLoad, snowflake_server: SnowflakeServer, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "a.csv").write_text(f"{HEADER}1,UA,2013-01-01\n")
    fault = {"kind": kind, "sql": "^COPY INTO", "path": "query-request", "user": load.connection.user}
    snowflake_server.ask("/_faults", fault)
    assert load(tmp_path / "a.csv", "flights").rows == 1
    assert flights(load) == [(1, "UA")]


def test_a_timeout_cancels_the_copy_at_snowflake_and_cleans_the_stage(
    load: SnowflakeLoad, snowflake_server: SnowflakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server runs one statement of a session at a time: COPY waits for one that takes long."""
    (tmp_path / "a.csv").write_text(f"{HEADER}1,UA,2013-01-01\n")
    long = Statement("SELECT count(*) FROM TABLE(GENERATOR(ROWCOUNT => 1000000000000))")
    upload = Staging.put_files

    def told() -> Any:
        return snowflake_server.ask(f"/_queries?user={load.connection.user}")

    def then_wait(*args: Any, **options: Any) -> Any:
        names = upload(*args, **options)
        queries.submit(session(load.connection), long, "long")
        while not any(each["in_duckdb"] for each in told() if each["text"] == long.text):
            time.sleep(0.01)
        return names

    monkeypatch.setattr(Staging, "put_files", then_wait)
    with pytest.raises(AttemptTimedOut):
        load.replace(timeout=3.0)(tmp_path / "a.csv", "flights")
    queries.cancel(session(load.connection), session(load.connection).keys["long"])
    [copy] = [each for each in told() if each["text"].startswith("COPY INTO")]
    assert (copy["status"], copy["code"]) == ("FAILED_WITH_ERROR", 604)
    assert flights(load) == []
    assert staged(load) == 0


def test_sources_that_cannot_be_loaded_say_what_to_give(load: SnowflakeLoad, tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_text("x")
    for source, parts in {
        str(tmp_path / "no.csv"): ("no.csv", "no such file"),
        str(tmp_path / "*.csv"): ("*.csv", "no such file"),
        str(tmp_path / "a.dat"): ("a.dat", "file_type"),
        "s3://lake/a.csv": ("s3://lake/a.csv", "storage_integration"),
        "https://x/a.csv": ("https://x/a.csv", "download"),
    }.items():
        with raises_saying(SnowflakeInputError, *parts):
            load(source, "flights")
    with raises_saying(SnowflakeInputError, "int", "DataFrame"):
        load(7, "flights")  # type: ignore[arg-type]
    with raises_saying(SnowflakeInputError, "no file"):
        load([], "flights")
    with raises_saying(SnowflakeInputError, "together"):
        load([str(tmp_path / "a.dat"), "@stage/a.csv"], "flights")


def test_settings_that_cannot_work_are_refused_at_once() -> None:
    for settings in (
        {"mode": "merge"}, {"keys": ("a",)}, {"keys": "a", "mode": "merge"}, {"winner": "a"},
        {"on_error": "continue; DROP"}, {"part_size": 0}, {"parallel": 0}, {"history_lag": -1.0},
    ):  # fmt: skip
        with pytest.raises(ConfigurationError):
            SnowflakeLoad(**settings)  # type: ignore[arg-type]
