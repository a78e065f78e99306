"""What comes out of a query: types, forms, and files at storage URLs that are whole or not there."""

from __future__ import annotations

import datetime
import gzip
import os
import signal
import subprocess
import sys
import textwrap
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from s3_servers import ACCESS_KEY, REGION, SECRET_KEY, S3Server
from snowflake_rig import sql
from snowflake_server import SnowflakeServer

from longshore import ConfigurationError, MissingExtraError, decode, encode
from longshore.testing import datasets_told, raises_saying
from longshore_snowflake import SnowflakeConnection, SnowflakeError, SnowflakeInputError, SnowflakeQuery
from longshore_snowflake.emptytables import plain
from longshore_snowflake.sessions import connector_version
from longshore_snowflake.streams import write
from longshore_storage import TargetError

ROWS = "SELECT seq4() AS i, 'row ' || seq4() AS s FROM TABLE(GENERATOR(ROWCOUNT => {}))"
TYPES = """
SELECT 1::NUMBER(38, 0) AS whole, 3::NUMBER(5, 0) AS short, 1.50::NUMBER(10, 2) AS price, 1.5::FLOAT AS f,
    TRUE AS yes, '9999-12-31'::DATE AS far, '0001-01-01'::DATE AS early, '01:02:03.123456'::TIME AS t,
    '2013-01-01 01:02:03.123456'::TIMESTAMP_NTZ AS ntz, '9999-12-31 23:59:59'::TIMESTAMP_NTZ AS last,
    'abc'::BINARY AS bin, PARSE_JSON('{"a": [1, 2]}') AS v
"""


class Result:
    """Stands where an outcome does: batches that no server of the tests can be brought to send."""

    query_id = "01"

    def __init__(self, *tables: pa.Table, raises: Exception | None = None) -> None:
        self._tables, self._raises = tables, raises
        self.columns = tuple(tables[0].column_names)
        self.row_count = sum(table.num_rows for table in tables)

    def batches(self, *, ahead: int) -> Any:
        assert ahead == 1
        yield from self._tables
        if self._raises:
            raise self._raises

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_values_have_the_types_that_snowflake_gave_them(dwh: SnowflakeConnection) -> None:
    (row,) = SnowflakeQuery(TYPES, connection=dwh)().rows
    assert {name: row[name] for name in ("WHOLE", "SHORT", "PRICE", "F", "YES")} == {
        "WHOLE": 1,
        "SHORT": 3,
        "PRICE": Decimal("1.50"),
        "F": 1.5,
        "YES": True,
    }
    assert isinstance(row["SHORT"], int)
    assert (row["FAR"], row["EARLY"]) == (datetime.date(9999, 12, 31), datetime.date(1, 1, 1))
    assert row["T"] == datetime.time(1, 2, 3, 123456)
    assert row["NTZ"] == datetime.datetime(2013, 1, 1, 1, 2, 3, 123456)
    assert row["LAST"] == datetime.datetime(9999, 12, 31, 23, 59, 59)
    assert row["BIN"] == b"abc"
    assert row["V"].replace(" ", "") == '{"a":[1,2]}'


def test_a_result_without_rows_has_the_types_of_one_with_rows(dwh: SnowflakeConnection) -> None:
    full = SnowflakeQuery(TYPES, connection=dwh)().table
    empty = SnowflakeQuery(f"SELECT * FROM ({TYPES}) WHERE whole = 2", connection=dwh)().table
    names = [name for name in full.column_names if name != "WHOLE"]
    assert empty.num_rows == 0
    assert empty.select(names).schema == full.select(names).schema


def test_whole_numbers_are_as_wide_as_the_widest_batch() -> None:
    narrow, wide = pa.table({"n": pa.array([1], pa.int8())}), pa.array([10**37], pa.decimal128(38, 0))
    assert plain(narrow).schema.types == [pa.int64()]
    assert plain(pa.table({"n": wide}))["n"].to_pylist() == [Decimal(10**37)]


def test_two_columns_of_one_name_are_in_the_table_and_not_in_dictionaries(dwh: SnowflakeConnection) -> None:
    found = SnowflakeQuery("SELECT 1 AS a, 2 AS a", connection=dwh)()
    assert [column.to_pylist() for column in found.table.columns] == [[1], [2]]
    with raises_saying(SnowflakeInputError, "'A' names two", "AS"):
        _ = found.rows


@pytest.mark.parametrize("form", ["pandas", "polars"])
def test_a_form_that_is_not_installed_is_named(
    dwh: SnowflakeConnection, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    found = SnowflakeQuery("SELECT 1 AS a", connection=dwh)()
    monkeypatch.setitem(sys.modules, form, None)
    with raises_saying(MissingExtraError, f"pip install {form}"):
        getattr(found, form)


def test_a_result_goes_to_parquet_in_order(dwh: SnowflakeConnection, tmp_path: Path) -> None:
    target = tmp_path / "rows.parquet"
    found = SnowflakeQuery(ROWS.format(120_000), to=str(target), connection=dwh)()
    assert (found.row_count, found.table, len(found.query_id)) == (120_000, None, 36)
    assert found.file is not None
    assert found.file.size == target.stat().st_size
    table = pq.read_table(target)
    assert table["I"].to_pylist() == list(range(120_000))
    assert table["S"][119_999].as_py() == "row 119999"
    assert decode(encode(found)) == found
    with raises_saying(SnowflakeInputError, "written to", str(target)):
        _ = found.rows


def test_a_result_goes_to_csv_with_nulls_quotes_and_bytes(dwh: SnowflakeConnection, tmp_path: Path) -> None:
    query = """
    SELECT 'a "b", c' AS s, NULL::VARCHAR AS n, '' AS e, 'ab'::BINARY AS b, 1.50::NUMBER(5, 2) AS d, 1 AS d
    """
    SnowflakeQuery(query, to=str(tmp_path / "x.csv"), connection=dwh)()
    expected = '"S","N","E","B","D","D"\n"a ""b"", c",,"","6162",1.50,1\n'
    assert (tmp_path / "x.csv").read_text() == expected
    SnowflakeQuery(query, to=str(tmp_path / "x.csv.gz"), connection=dwh)()
    assert gzip.decompress((tmp_path / "x.csv.gz").read_bytes()).decode() == expected


@pytest.mark.extras
def test_a_result_goes_to_an_object_store_whole_or_not_at_all(
    dwh: SnowflakeConnection, moto: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in ("boto3", "awscrt"):
        pytest.importorskip(library, reason="needs longshore[s3]")
    from longshore_s3 import S3Connection

    bucket = moto.new_bucket()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    s3 = S3Connection(endpoint=moto.endpoint, region=REGION)
    url = f"s3://{bucket}/lake/rows.parquet"
    found = SnowflakeQuery(ROWS.format(5_000), to=url, storage={"s3://": s3}, connection=dwh)()
    whole = moto.own_client.get_object(Bucket=bucket, Key="lake/rows.parquet")["Body"].read()
    assert found.file is not None
    assert (found.file.url, found.file.size) == (url, len(whole))
    assert pq.read_table(pa.BufferReader(whole))["I"].to_pylist() == list(range(5_000))
    broken = Result(pa.table({"n": [1] * 1000}), raises=ConnectionResetError("cut"))
    with pytest.raises(ConnectionResetError):
        write(lambda: broken, url, connections={"s3://": s3})  # type: ignore[arg-type,return-value]
    assert moto.own_client.get_object(Bucket=bucket, Key="lake/rows.parquet")["Body"].read() == whole


def test_no_row_makes_a_file_with_the_columns(dwh: SnowflakeConnection, tmp_path: Path) -> None:
    sql(dwh, "CREATE TABLE flights (carrier TEXT, delay INTEGER, day DATE)")
    for name in ("none.parquet", "none.csv"):
        query = SnowflakeQuery("SELECT * FROM flights", to=str(tmp_path / name), connection=dwh)
        assert query().row_count == 0
    assert pq.read_schema(tmp_path / "none.parquet").names == ["CARRIER", "DELAY", "DAY"]
    assert (tmp_path / "none.csv").read_text() == '"CARRIER","DELAY","DAY"\n'


def test_lineage_names_the_file(tmp_path: Path) -> None:
    target = str(tmp_path / "x.parquet")
    with datasets_told() as told:
        written = write(lambda: Result(pa.table({"n": [1, 2]})), target)  # type: ignore[arg-type,return-value]
    assert [(each.direction, each.rows, each.bytes) for each in told] == [("write", 2, written.file.size)]
    assert told[0].uri.endswith("x.parquet")


@pytest.mark.parametrize("kind", ["status", "truncated"])
def test_a_broken_chunk_is_an_error_of_the_network_and_leaves_nothing(
    snowflake_server: SnowflakeServer, dwh: SnowflakeConnection, tmp_path: Path, kind: str
) -> None:
    if not dwh.port:
        pytest.skip("the server of the tests breaks chunks")
    if connector_version()[0] < 5:
        pytest.skip("the older connector asks for a chunk ten times, which takes a minute")
    sql(dwh, "SELECT 1")
    fault = {"kind": kind, "user": dwh.user, "path": "/chunks/.*/2", "times": 100, "status": 403}
    snowflake_server.ask("/_faults", fault)
    query = SnowflakeQuery(ROWS.format(200_000), to=str(tmp_path / "x.csv"), connection=dwh)
    with pytest.raises(SnowflakeError) as raised:
        query()
    assert 'cannot fetch the result of "SELECT seq4()' in str(raised.value)
    assert raised.value.query_id
    assert list(tmp_path.iterdir()) == []


def test_parquet_refuses_two_columns_of_one_name(dwh: SnowflakeConnection, tmp_path: Path) -> None:
    target = tmp_path / "x.parquet"
    with raises_saying(SnowflakeInputError, "'A' names two columns", "CSV"):
        SnowflakeQuery("SELECT 1 AS a, 2 AS a", to=str(target), connection=dwh)()
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_tells_no_format_is_refused_before_the_query() -> None:
    with raises_saying(ConfigurationError, "'x.xlsx'", "file_type"):
        SnowflakeQuery("SELECT 1", to="x.xlsx")


def test_numbers_that_grow_in_the_middle_widen_the_whole_file(tmp_path: Path) -> None:
    small = pa.table({"n": pa.array([1, 2], pa.int64())})
    large = pa.table({"n": pa.array([10**37], pa.decimal128(38, 0))})
    again = small.slice(1)
    for kind in ("parquet", "csv"):
        write(lambda: Result(small, large, again), str(tmp_path / f"x.{kind}"))  # type: ignore[arg-type,return-value]
    found = pq.read_table(tmp_path / "x.parquet")["n"]
    assert found.type.precision >= 38
    assert found.to_pylist() == [1, 2, 10**37, 2]
    assert (tmp_path / "x.csv").read_text().split() == ['"n"', "1", "2", str(10**37), "2"]


def test_a_result_that_breaks_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "x.csv"
    target.write_text("old")
    broken = Result(pa.table({"n": [1] * 1000}), raises=ConnectionResetError("cut"))
    with pytest.raises(ConnectionResetError):
        write(lambda: broken, str(target))  # type: ignore[arg-type,return-value]
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x.csv", "old")]


def test_a_folder_is_no_target(tmp_path: Path) -> None:
    with pytest.raises(TargetError):
        write(lambda: Result(pa.table({"n": [1]})), str(tmp_path), kind="csv")  # type: ignore[arg-type,return-value]


def _child(server: SnowflakeServer, dwh: SnowflakeConnection, body: str, *args: str) -> subprocess.Popen[str]:
    program = f"""
    import os, resource, signal, sys
    from longshore import Secret
    from longshore_snowflake import SnowflakeConnection, SnowflakeQuery
    dwh = SnowflakeConnection(
        account={dwh.account!r}, user={dwh.user!r}, host="localhost", port={dwh.port}, protocol="http",
        password=Secret("env:LONGSHORE_TEST_SNOWFLAKE_PASSWORD"), database={dwh.database!r}, schema="PUBLIC",
    )
    """
    text = textwrap.dedent(program) + textwrap.dedent(body)
    return subprocess.Popen([sys.executable, "-c", text, *args], stdout=subprocess.PIPE, text=True)


def test_memory_does_not_grow_with_the_rows(
    snowflake_server: SnowflakeServer, dwh: SnowflakeConnection, tmp_path: Path
) -> None:
    """Given some 500 MB of rows, when they are streamed, then the process takes far less more than before."""
    if not dwh.port:
        pytest.skip("measured against the server of the tests")
    body = """
    def peak():
        return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1]) >> 10
    rows = "SELECT seq4() AS i, repeat('x', 500) || seq4() AS s FROM TABLE(GENERATOR(ROWCOUNT => {}))"
    SnowflakeQuery(rows.format(1000), to=sys.argv[1], connection=dwh)()
    before = peak()
    found = SnowflakeQuery(rows.format(1_000_000), to=sys.argv[1], connection=dwh)()
    print(found.row_count, found.bytes >> 20, peak() - before)
    """
    child = _child(snowflake_server, dwh, body, str(tmp_path / "x.parquet"))
    rows, size, grown = map(int, child.communicate(timeout=120)[0].split())
    assert rows == pq.ParquetFile(tmp_path / "x.parquet").metadata.num_rows == 1_000_000
    assert size > 480
    assert grown < 320, f"{grown} MiB for {size} MiB of rows"


def test_a_process_that_is_killed_in_the_middle_leaves_no_file_under_the_name(
    snowflake_server: SnowflakeServer, dwh: SnowflakeConnection, tmp_path: Path
) -> None:
    if not dwh.port:
        pytest.skip("made against the server of the tests")
    target = tmp_path / "x.csv"
    body = """
    from longshore_snowflake import streams
    from longshore_snowflake.results import Outcome
    batches = Outcome.batches
    def dying(self, **how):
        for number, table in enumerate(batches(self, **how)):
            if number == 4:
                os.kill(os.getpid(), signal.SIGKILL)
            yield table
    Outcome.batches = dying
    SnowflakeQuery(sys.argv[2], to=sys.argv[1], connection=dwh)()
    """
    child = _child(snowflake_server, dwh, body, str(target), ROWS.format(400_000))
    child.communicate(timeout=120)
    assert child.returncode == -signal.SIGKILL
    assert not target.exists()
    SnowflakeQuery(ROWS.format(10), to=os.fspath(target), connection=dwh)()
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
