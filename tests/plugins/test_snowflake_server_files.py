"""Stages, COPY INTO and results of the server that stands for Snowflake, also with the connector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from snowflake_http import PlainSession
from snowflake_server import SnowflakeServer

HEADED = "FILE_FORMAT = (TYPE = CSV PARSE_HEADER = TRUE) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"

its_own_warnings = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
"""Of the connector about itself and pandas."""


@pytest.fixture
def plain(snowflake_server: SnowflakeServer) -> PlainSession:
    """A session of a user whom no other test has, with a table and a stage."""
    session = PlainSession(snowflake_server)
    session.rows("CREATE TABLE t (a INT, b VARCHAR)")
    session.rows("CREATE STAGE s")
    return session


@pytest.fixture
def cursor(snowflake_server: SnowflakeServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cursor of the connector that is installed."""
    connector = pytest.importorskip("snowflake.connector", reason="needs longshore[snowflake]")
    monkeypatch.setenv("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
    database = snowflake_server.new_database()
    connection = connector.connect(
        **snowflake_server.connect_arguments(database=database, user=database, paramstyle="qmark")
    )
    with connection.cursor() as made:
        yield made
    connection.close()


@its_own_warnings
def test_the_installed_connector_logs_in_and_reads_types(cursor: Any) -> None:
    cursor.execute("CREATE TABLE t (a INT, b VARCHAR, c NUMBER(38, 2), d TIMESTAMP_NTZ, e DATE, f BOOLEAN)")
    cursor.execute("INSERT INTO t SELECT ?, ?, ?, NULL, '2026-01-02', TRUE", [1, "x", 2.5])
    row = cursor.execute("SELECT * FROM t").fetchone()
    assert (row[0], row[1], float(row[2]), row[3], str(row[4]), row[5]) == (
        1,
        "x",
        2.5,
        None,
        "2026-01-02",
        True,
    )


@its_own_warnings
def test_the_installed_connector_reads_all_chunks_as_arrow(cursor: Any) -> None:
    cursor.execute("SELECT SEQ4() AS a, 'row ' || a AS b FROM TABLE(GENERATOR(ROWCOUNT => 200000))")
    tables = list(cursor.fetch_arrow_batches())
    assert sum(table.num_rows for table in tables) == 200_000
    assert sum(sum(table.column("A").to_pylist()) for table in tables) == sum(range(200_000))


@its_own_warnings
def test_the_installed_connector_puts_copies_and_gets(cursor: Any, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("a,b\n1,x\n2,y\n")
    (tmp_path / "two.csv").write_text("a,b\n3,z\n")
    cursor.execute("CREATE TABLE t (a INT, b VARCHAR)")
    put = cursor.execute(f"PUT 'file://{tmp_path}/*.csv' @%t/in/").fetchall()
    assert sorted(row[1] for row in put) == ["one.csv.gz", "two.csv.gz"]
    report = cursor.execute(f"COPY INTO t FROM @%t/in/ {HEADED}").fetchall()
    assert [row[:4] for row in report] == [
        ("in/one.csv.gz", "LOADED", 2, 2),
        ("in/two.csv.gz", "LOADED", 1, 1),
    ]
    target = tmp_path / "got"
    target.mkdir()
    cursor.execute(f"GET @%t/in/ 'file://{target}/'")
    assert sorted(path.name for path in target.iterdir()) == ["one.csv.gz", "two.csv.gz"]


@its_own_warnings
def test_the_installed_connector_puts_again_what_the_storage_did_not_take(
    cursor: Any, snowflake_server: SnowflakeServer, tmp_path: Path
) -> None:
    (tmp_path / "one.csv").write_text("1,x\n")
    user = cursor.execute("SELECT CURRENT_USER()").fetchone()[0]
    snowflake_server.ask(
        "/_faults", {"kind": "status", "status": 503, "path": "^/(gcs|signed)/", "user": user}
    )
    put = cursor.execute(f"PUT 'file://{tmp_path}/one.csv' @~/in/ OVERWRITE = TRUE").fetchall()
    assert put[0][6] == "UPLOADED"
    asked = [each for each in snowflake_server.ask(f"/_requests?user={user}") if each["method"] == "PUT"]
    assert [each.get("fault") for each in asked] == ["status", None]


@its_own_warnings
def test_the_installed_connector_writes_a_data_frame(cursor: Any) -> None:
    pandas = pytest.importorskip("pandas")
    from snowflake.connector.pandas_tools import write_pandas

    cursor.execute("CREATE TABLE w (A INT, B VARCHAR)")
    frame = pandas.DataFrame({"A": [1, 2, 3], "B": ["x", "y", None]})
    write_pandas(cursor.connection, frame, "W")
    assert cursor.execute("SELECT COUNT(*), SUM(a), COUNT(b) FROM w").fetchone() == (3, 6, 2)


def test_a_file_is_loaded_once_into_one_table(plain: PlainSession) -> None:
    plain.put("x.csv", "1,x\n", "@s")
    named = "COPY INTO t FROM @s FILES = ('x.csv')"
    assert plain.rows(named)[0][1] == "LOADED"
    assert plain.rows(named)[0][1:4] == ["LOAD_SKIPPED", "0", "0"]
    assert plain.rows("COPY INTO t FROM @s") == [["Copy executed with 0 files processed."]]
    assert plain.rows(f"{named} FORCE = TRUE")[0][1] == "LOADED"
    plain.put("x.csv", "2,changed\n", "@s")
    assert plain.rows(named)[0][1] == "LOADED"
    plain.rows("TRUNCATE TABLE t")
    assert plain.rows(named)[0][1] == "LOADED"
    plain.rows("CREATE TABLE other (a INT, b VARCHAR)")
    assert plain.rows(named.replace("INTO t", "INTO other"))[0][1] == "LOADED"


@pytest.mark.parametrize(
    ("on_error", "status", "loaded"),
    [
        ("CONTINUE", "PARTIALLY_LOADED", 2),
        ("SKIP_FILE", "LOAD_FAILED", 0),
        ("SKIP_FILE_3", "PARTIALLY_LOADED", 2),
        ("'SKIP_FILE_40%'", "LOAD_FAILED", 0),
    ],
)
def test_a_report_says_what_was_wrong_and_where(
    plain: PlainSession, on_error: str, status: str, loaded: int
) -> None:
    plain.put("bad.csv", "1,x\noops,y\n3,z,more\n4,last\n", "@s")
    row = plain.rows(f"COPY INTO t FROM @s ON_ERROR = {on_error}")[0]
    assert row[:4] == ["s/bad.csv", status, "4", str(loaded)]
    assert row[5:10] == ["2", "Numeric value 'oops' is not recognized", "2", "1", '"A":1']
    assert plain.value("SELECT COUNT(*) FROM t") == loaded


def test_texts_that_are_too_long_and_values_that_must_not_be_missing_are_told(plain: PlainSession) -> None:
    plain.rows("CREATE TABLE short (a INT NOT NULL, b VARCHAR(3))")
    plain.put("x.csv", "1,abc\n2,abcd\n,x\n", "@s")
    row = plain.rows("COPY INTO short FROM @s ON_ERROR = CONTINUE")[0]
    assert row[2:7] == ["3", "1", "3", "2", "User character length limit (3) exceeded by string 'abcd'"]
    assert plain.value("SELECT MAX(b) FROM short") == "abc"


def test_by_default_the_first_error_ends_the_statement_and_nothing_is_loaded(plain: PlainSession) -> None:
    plain.put("a.csv", "1,x\n", "@s")
    plain.put("b.csv", "oops,y\n", "@s")
    answer = plain.run("COPY INTO t FROM @s")
    assert answer["code"] == "100038"
    assert "File 's/b.csv', line 1, character 1" in answer["message"]
    assert plain.value("SELECT COUNT(*) FROM t") == 0
    assert plain.rows("COPY INTO t FROM @s FILES = ('a.csv')")[0][1] == "LOADED"


def test_what_is_rolled_back_can_be_loaded_again(plain: PlainSession) -> None:
    plain.put("a.csv", "1,x\n", "@s")
    for end in ("ROLLBACK", "COMMIT"):
        plain.rows("BEGIN")
        assert plain.rows("COPY INTO t FROM @s")[0][1] == "LOADED"
        plain.rows(end)
    assert plain.value("SELECT COUNT(*) FROM t") == 1


def test_a_stage_is_listed_and_emptied(plain: PlainSession) -> None:
    plain.put("a.csv", "1,x\n", "@s/in")
    plain.put("b.csv", "2,y\n", "@s/in")
    assert [row[:2] for row in plain.rows("LIST @s/in")] == [["s/in/a.csv", "4"], ["s/in/b.csv", "4"]]
    assert plain.rows("LIST @s PATTERN = '.*b[.]csv'")[0][0] == "s/in/b.csv"
    assert plain.rows("REMOVE @s/in/a") == [["s/in/a.csv", "removed"]]
    assert len(plain.rows("LIST @s")) == 1


@pytest.mark.parametrize("kind", ["CSV", "PARQUET"])
def test_what_is_unloaded_loads_again(plain: PlainSession, kind: str) -> None:
    plain.rows("INSERT INTO t SELECT 1, 'x,\"y' UNION ALL SELECT 2, NULL UNION ALL SELECT 3, ''")
    form = "TYPE = PARQUET" if kind == "PARQUET" else "TYPE = CSV FIELD_OPTIONALLY_ENCLOSED_BY = '\"'"
    assert plain.rows(f"COPY INTO @s/out/ FROM t FILE_FORMAT = ({form}) HEADER = TRUE")[0][0] == "3"
    assert plain.run(f"COPY INTO @s/out/ FROM t FILE_FORMAT = ({form}) HEADER = TRUE")["success"] is False
    by_name = form if kind == "PARQUET" else f"{form} PARSE_HEADER = TRUE"
    plain.rows("CREATE TABLE back (a INT, b VARCHAR)")
    copy = f"COPY INTO back FROM @s/out/ FILE_FORMAT = ({by_name}) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    assert plain.rows(copy)[0][1:4] == ["LOADED", "3", "3"]
    same = "SELECT COUNT(*) FROM t JOIN back ON t.a = back.a AND t.b IS NOT DISTINCT FROM back.b"
    assert plain.value(same) == 3


def test_files_are_cut_at_their_largest_size(plain: PlainSession) -> None:
    rows = "(SELECT SEQ4() AS a FROM TABLE(GENERATOR(ROWCOUNT => 100000)))"
    copy = f"COPY INTO @s/big/x FROM {rows} MAX_FILE_SIZE = 200000 DETAILED_OUTPUT = TRUE"
    report = plain.rows(copy)
    assert len(report) > 2
    assert sum(int(row[2]) for row in report) == 100_000
