"""What `SparkSQL` writes: files and tables, counted on their way; nothing that it reads is overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.csv
import pyarrow.parquet
import pytest
from spark_rig import FAST

from longshore.testing import datasets_told
from longshore_spark import SparkAnalysisError, SparkConnection, SparkInputError, SparkSQL
from longshore_spark.sessions import session_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("java")


@pytest.fixture(scope="module")
def here(java: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkConnection]:
    """Hold one session, so that the tests of this module share one JVM."""
    assert java
    folder = tmp_path_factory.mktemp("warehouse")
    connection = SparkConnection("local[2]", conf={**FAST, "spark.sql.warehouse.dir": str(folder)})
    with session_for(connection):
        yield connection


@pytest.fixture
def there(tmp_path: Path) -> str:
    """Name a folder as people do, and some do not."""
    return str(tmp_path / "a b, ü%20[1]")


def run(here: SparkConnection, text: str, values: Any = (), **fields: Any) -> Any:
    return SparkSQL(text, connection=here, **fields)(values)


def rows_in(folder: str) -> list[Any]:
    found: list[Any] = pyarrow.parquet.read_table(folder).to_pylist()
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
    assert pyarrow.csv.read_csv(files[0]).column_names == ["id"]
    run(here, text, to="out", file_type="json")
    assert list((tmp_path / "out").glob("*.json"))


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id + 1 AS id FROM parquet.`{0}`",
        "SELECT (SELECT max(id) FROM parquet.`{0}`) AS id",
        "SELECT 1 AS id WHERE 1 IN (SELECT id FROM parquet.`{0}`)",
        "SELECT id FROM parquet.`{0}/part`",
        "SELECT id FROM seen",
    ],
)
def test_what_a_statement_reads_is_not_overwritten_by_it(
    here: SparkConnection, tmp_path: Path, text: str
) -> None:
    place = str(tmp_path / "x, y")
    run(here, "SELECT id FROM range(3)", to=place)
    run(here, "SELECT id FROM range(2)", to=f"{place}/part")
    run(here, f"CREATE OR REPLACE TEMPORARY VIEW seen AS SELECT * FROM parquet.`{place}`")
    with pytest.raises(SparkInputError, match=r"it reads .* and would overwrite .*; write elsewhere"):
        run(here, text.format(place), to=place, mode="overwrite")
    link = tmp_path / "link"
    link.symlink_to(place)
    with pytest.raises(SparkInputError, match="would overwrite"):
        run(here, text.format(place), to=f"file://{link}", mode="overwrite")
    assert run(here, "SELECT count(*) AS n FROM seen").rows == [{"n": 3}]
    assert run(here, text.format(place), to=f"{place} 2", mode="overwrite").row_count > 0


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
