"""`SnowflakeUnload`: a table or a query to files, exactly once, and on to storage."""

from __future__ import annotations

import gzip
import json
import os
import uuid
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet as pq
import pytest
from snowflake_rig import WAIT, sql

from longshore import ConfigurationError, JobFinished
from longshore.testing import JobContract, datasets_told, raises_saying
from longshore_snowflake import (
    SnowflakeConnection,
    SnowflakeInputError,
    SnowflakeNotFoundError,
    SnowflakeUnload,
    SnowflakeUnloadResult,
    TableName,
    ledger,
)
from longshore_snowflake.plugin import longshore_sweep
from longshore_snowflake.sessions import close_all
from longshore_snowflake.statements import key_mark
from longshore_snowflake.unloading import root_of, select_of

HISTORY = """
SELECT query_id, execution_status FROM TABLE(information_schema.query_history_by_user(result_limit => 10000))
WHERE startswith(query_tag, ?)
"""
HOSTILE = ['a"b', "a'; DROP TABLE t; --", "a.b.c.d", "t/../../x", "t\u201d", "", "t\0"]


@pytest.fixture
def flights(dwh: SnowflakeConnection) -> SnowflakeConnection:
    sql(dwh, "CREATE TABLE flights (carrier TEXT, delay INTEGER)")
    sql(dwh, "INSERT INTO flights VALUES ('UA', 5), ('E,\"V', NULL), ('', -3)")
    return dwh


def in_stage(connection: SnowflakeConnection, root: str) -> list[str]:
    return [str(row[0]).rpartition("/")[2] for row in sql(connection, f"LIST '{root}'")]


def test_a_table_goes_to_parquet_files_in_a_folder(flights: SnowflakeConnection, tmp_path: Path) -> None:
    with datasets_told() as told:
        found = SnowflakeUnload(to=str(tmp_path / "out"), connection=flights)("flights")
    (file,) = found.files
    assert (found.rows, file.rows, len(found.query_id)) == (3, 3, 36)
    assert [str(path) for path in (tmp_path / "out").iterdir()] == [file.url]
    assert found.bytes == file.bytes == Path(file.url).stat().st_size
    assert pq.read_table(file.url).to_pydict() == {"CARRIER": ["UA", 'E,"V', ""], "DELAY": [5, None, -3]}
    assert in_stage(flights, found.root) == []
    assert [(each.direction, each.rows) for each in told] == [("write", 3)]


def test_a_query_goes_to_csv_where_null_is_not_an_empty_text(
    flights: SnowflakeConnection, tmp_path: Path
) -> None:
    unload = SnowflakeUnload(to=str(tmp_path), file_type="csv", connection=flights)
    (file,) = unload("SELECT carrier, delay FROM flights WHERE 1 = 1 -- all of them").files
    assert gzip.decompress(Path(file.url).read_bytes()).decode().splitlines() == [
        '"CARRIER","DELAY"',
        '"UA",5',
        '"E,""V",',
        '"",-3',
    ]


def test_json_has_a_line_for_each_row(flights: SnowflakeConnection, tmp_path: Path) -> None:
    unload = SnowflakeUnload(
        to=str(tmp_path), file_type="json", file_format={"compression": "none"}, connection=flights
    )
    (file,) = unload(TableName("FLIGHTS")).files
    lines = [json.loads(line) for line in Path(file.url).read_text().splitlines()]
    assert lines[:2] == [{"CARRIER": "UA", "DELAY": 5}, {"CARRIER": 'E,"V', "DELAY": None}]


def test_many_files_are_fetched_and_told_of(dwh: SnowflakeConnection, tmp_path: Path) -> None:
    unload = SnowflakeUnload(to=str(tmp_path), max_file_size=100_000, keep=True, connection=dwh)
    found = unload("SELECT seq4() AS i FROM TABLE(GENERATOR(ROWCOUNT => 60000))")
    assert len(found.files) > 2
    rows = [value for file in found.files for value in pq.read_table(file.url)["I"].to_pylist()]
    assert sorted(rows) == list(range(60_000))
    assert sum(file.rows for file in found.files) == found.rows == 60_000
    assert sorted(in_stage(dwh, found.root)) == sorted(file.name for file in found.files)


def test_files_stay_in_the_stage_without_a_target(flights: SnowflakeConnection) -> None:
    sql(flights, "CREATE STAGE exports")
    unload = SnowflakeUnload(stage="exports", single=True, connection=flights)
    one, two = unload("flights"), unload("flights")
    assert one.root != two.root
    for found in (one, two):
        assert found.root.startswith('@"EXPORTS"/longshore/')
        assert [file.name for file in found.files] == in_stage(flights, found.root) == ["data.parquet"]
        assert found.files[0].url == ""


def test_no_row_makes_no_file(flights: SnowflakeConnection, tmp_path: Path) -> None:
    found = SnowflakeUnload(to=str(tmp_path), connection=flights)("SELECT * FROM flights WHERE delay > 99")
    assert (found.rows, found.files, list(tmp_path.iterdir())) == (0, (), [])


def test_a_table_that_is_not_there_is_named(dwh: SnowflakeConnection) -> None:
    with raises_saying(SnowflakeNotFoundError, "NOWHERE"):
        SnowflakeUnload(connection=dwh)("nowhere")


@pytest.mark.gate("S8")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_one_identifier_or_refused(name: str) -> None:
    with pytest.raises(SnowflakeInputError):
        select_of(name, as_json=False)
    with pytest.raises(SnowflakeInputError):
        root_of(name, "longshore", "key")
    with pytest.raises(SnowflakeInputError):
        root_of("~", name.replace("a.b.c.d", ".."), "key")
    if name and "\0" not in name:
        assert select_of(TableName(name), as_json=False) == '"' + name.replace('"', '""') + '"'


def test_what_cannot_be_is_refused_at_once() -> None:
    with raises_saying(ConfigurationError, "parallel=0"):
        SnowflakeUnload(parallel=0)
    with raises_saying(SnowflakeInputError, "option"):
        SnowflakeUnload(file_format={"TYPE) x": 1})


class Rows:
    """Equal to a result of so many rows: ids and folders are others each time."""

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SnowflakeUnloadResult) and other.rows == self._rows

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.gate("D2")
def test_what_a_dead_process_submitted_is_found_by_its_key_and_fetched_again(
    flights: SnowflakeConnection, tmp_path: Path
) -> None:
    unload, key = SnowflakeUnload(to=str(tmp_path), history_lag=0.2, connection=flights), str(uuid.uuid4())
    handle = unload.submit(key, "flights")
    close_all()  # what this process knew of the key is gone
    assert unload.find(key) == handle
    assert unload.find(str(uuid.uuid4())) is None
    while not isinstance(unload.poll(handle), JobFinished):
        pass
    assert unload.result(handle) == unload.result(handle)
    assert key in handle["root"]
    unload.discard(handle)
    unload.discard(handle)
    assert in_stage(flights, handle["root"]) == []
    assert len(list(tmp_path.iterdir())) == 1


def test_files_that_a_dead_process_left_are_swept(
    flights: SnowflakeConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGSHORE_STATE", str(tmp_path / "state"))
    unload = SnowflakeUnload(to=str(tmp_path / "out"), connection=flights)
    handle = unload.submit(str(uuid.uuid4()), "flights")
    while not isinstance(unload.poll(handle), JobFinished):
        pass
    assert len(in_stage(flights, handle["root"])) == 1
    assert list(longshore_sweep()) == []  # this process lives
    ledger._ours.clear()
    for path in (tmp_path / "state").rglob("*.json"):  # as if its holder were dead: another file, not locked
        text = path.read_text()
        path.unlink()
        path.write_text(text)
    (left,) = longshore_sweep()
    assert left.end()
    assert in_stage(flights, handle["root"]) == []


@pytest.mark.gate("D2")
class TestSnowflakeUnload(JobContract):
    __test__: ClassVar[bool] = os.environ.get("LONGSHORE_GATE") == "full"  # a minute
    inputs: ClassVar[dict[str, Any]] = {"source": f"SELECT 1 AS n FROM ({WAIT.format(0.6)})"}
    expected: ClassVar[Any] = Rows(1)
    failing_inputs: ClassVar[dict[str, Any]] = {"source": "SELECT CAST('no number' AS INTEGER) AS n"}
    failing_reason = "bad data"

    @pytest.fixture(autouse=True)
    def _connect(self, dwh: SnowflakeConnection, tmp_path: Path) -> None:
        self.dwh = dwh
        type(self).job = SnowflakeUnload(to=str(tmp_path / "out"), history_lag=0.0, connection=dwh)

    def submissions(self, key: str) -> int:
        return len(self._history(key))

    def alive(self, key: str) -> bool:
        return any(status == "RUNNING" for _, status in self._history(key))

    def _history(self, key: str) -> list[tuple[str, str]]:
        found: Any = sql(self.dwh, HISTORY, key_mark(key))
        return list(found)
