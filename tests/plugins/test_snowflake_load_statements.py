"""The statements of a load: what stands in names, paths and options stays where it belongs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from longshore.testing import raises_saying
from longshore_snowflake import SnowflakeInputError, merging
from longshore_snowflake.columns import Column, columns_of_file, given_columns, matched, stored
from longshore_snowflake.copying import FileFormat, Place, copy_statement, file_format
from longshore_snowflake.identifiers import TableName
from longshore_snowflake.sources import LocalFiles, RemoteFiles, sorted_out

NASTY = (
    'a"b', 'a"; DROP TABLE t; --', "a'; --", "a\\'b", "a\\", "a;b", "a--b", "a/*b", "a\u2019b", "a\u201cb",
    "a\nb", "ü", "$1", "?",
)  # fmt: skip
T = TableName("T")


def place_of(source: object, integration: str = "") -> Place:
    found = sorted_out(source, integration)
    assert isinstance(found, RemoteFiles)
    return found.place


def statements(name: str) -> list[str]:
    table, scratch = TableName(name), TableName(f"LONGSHORE_{name}")
    place = Place(root=f"s3://lake/{name}/", files=(name,), integration=name)
    form = file_format({"skip_header": 1, "field_delimiter": name, "null_if": [name, ""]}, "CSV", "")
    return [
        merging.scratch_statement(scratch, table, [name]),
        merging.trouble_statement(scratch, [name], name),
        merging.merge_statement(table, scratch, [name, "B"], [name], name),
        merging.replace_statement(table, scratch, [name]),
        copy_statement(table, place, form, columns=[name]),
        copy_statement(table, Place(root="@~/", pattern=name), form),
        Column(name, "VARCHAR").definition,
    ]


def read(text: str) -> tuple[str, list[str]]:
    """Read a statement as Snowflake's lexer does; return the rest, and names and strings."""
    values: list[str] = []

    def take(found: re.Match[str]) -> str:
        word = found[0]
        values.append(
            word[1:-1].replace('""', '"')
            if word[0] == '"'
            else re.sub(r"''|\\\\", lambda f: f[0][0], word[1:-1])
        )
        return "X"

    return re.sub(r"""\"(?:[^"]|"")*\"|'(?:[^'\\]|''|\\.)*'""", take, text, flags=re.DOTALL), values


@pytest.mark.gate("S8")
@pytest.mark.parametrize("name", NASTY)
def test_any_name_path_or_option_is_one_name_or_string_in_every_statement_of_a_load(name: str) -> None:
    for text, plain in zip(statements(name), statements("plain"), strict=True):
        rest, values = read(text)
        plain_rest, plain_values = read(plain)
        assert rest == plain_rest
        assert values == [value.replace("plain", name) for value in plain_values]


def test_what_is_no_option_or_type_is_refused() -> None:
    for name in ("SKIP HEADER", "A) FORCE = TRUE --", ""):
        with raises_saying(SnowflakeInputError, repr(name.upper())):
            file_format({name: 1}, "CSV", "")
    for kind in ("NUMBER); DROP TABLE t", "VARCHAR DEFAULT 'x'", ""):
        with raises_saying(SnowflakeInputError, repr(kind)):
            given_columns({"a": kind})
    assert given_columns({"a": "NUMBER(38, 0)"}) == (Column("a", "NUMBER(38, 0)"),)
    with raises_saying(SnowflakeInputError, "NULL_IF"):
        FileFormat(type="CSV", options={"NULL_IF": object()}).clause  # noqa: B018


def test_a_bucket_is_read_by_an_integration_and_never_by_credentials() -> None:
    text = copy_statement(T, place_of("s3://lake/2013/a.csv", "LAKE"), file_format({}, "", "a.csv"))
    assert text == (
        "COPY INTO \"T\" FROM 's3://lake/2013/' STORAGE_INTEGRATION = \"LAKE\" FILES = ('a.csv') "
        "FILE_FORMAT = (TYPE = CSV PARSE_HEADER = TRUE FIELD_OPTIONALLY_ENCLOSED_BY = '\"' "
        "ESCAPE_UNENCLOSED_FIELD = NONE) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE ON_ERROR = ABORT_STATEMENT"
    )
    assert place_of(["gs://lake/a.csv", "gs://lake/b.csv"], "I").clauses == (
        "FROM 'gcs://lake/' STORAGE_INTEGRATION = \"I\" FILES = ('a.csv', 'b.csv')"
    )
    assert place_of("s3://lake/2013/", "I").clauses == "FROM 's3://lake/2013/' STORAGE_INTEGRATION = \"I\""
    assert place_of("@incoming/2013/*.csv").pattern == ".*/[^/]*\\.csv"
    assert place_of("@incoming").root == "@incoming/"
    for source in ("s3://lake", ["s3://a/x", "s3://b/x"], ["@a/x/", "@a/x/y"], ["@a/*", "@a/b"]):
        with pytest.raises(SnowflakeInputError):
            sorted_out(source, "I")


def test_what_storage_tasks_return_is_a_source(tmp_path: Path) -> None:
    class Stored:
        url = "s3://lake/a.parquet"
        path: Path | None = None

    (tmp_path / "a.csv").write_text("")
    assert place_of(Stored(), "I").files == ("a.parquet",)
    downloaded = Stored()
    downloaded.path = tmp_path / "a.csv"
    assert sorted_out(downloaded, "") == LocalFiles({"a.csv": tmp_path / "a.csv"})
    assert sorted_out(f"file://{tmp_path}/a.csv", "") == LocalFiles({"a.csv": tmp_path / "a.csv"})


def test_more_files_than_copy_takes_by_name_are_those_of_the_folder() -> None:
    files = tuple(f"{n}.csv" for n in range(1_001))
    assert "FILES" not in Place(root="@~/x/", files=files).clauses
    assert "FILES" in Place(root="@~/x/", files=files[:1_000]).clauses


def test_the_format_is_told_by_the_name_the_option_or_a_named_format() -> None:
    assert [file_format({}, "", name).type for name in ("a.CSV.gz", "b.ndjson.zst", "c.pq", "d/*.tsv")] == [
        "CSV", "JSON", "PARQUET", "CSV",
    ]  # fmt: skip
    assert file_format({}, "", "a.tsv.gz").options["FIELD_DELIMITER"] == "\t"
    assert file_format("lake.odd", "", "a").clause == 'FILE_FORMAT = (FORMAT_NAME = \'"LAKE"."ODD"\')'
    assert (
        file_format({"compression": "gzip"}, "json", "a").clause
        == "FILE_FORMAT = (TYPE = JSON COMPRESSION = GZIP)"
    )
    assert "PARSE_HEADER = FALSE" in file_format({"skip_header": 1}, "csv", "a").clause
    with raises_saying(SnowflakeInputError, "'gzip'", "file_type"):
        file_format({}, "", "gzip")


def test_columns_match_in_any_case_and_are_stored_as_snowflake_does(tmp_path: Path) -> None:
    given = (Column("id"), Column("Odd Name"))
    assert matched(given, ["ID", "ODD NAME", "X"], T, strict=True) == ["ID", "ODD NAME"]
    assert matched((*given, Column("y")), ["ID"], T, strict=False) == ["ID"]
    with raises_saying(SnowflakeInputError, "'y'"):
        matched((Column("y"),), ["ID"], T, strict=False)
    assert [column.name for column in stored(given)] == ["ID", "Odd Name"]


def test_columns_of_a_file_that_is_none_of_its_kind_are_refused(tmp_path: Path) -> None:
    for kind in ("PARQUET", "JSON"):
        (tmp_path / "a").write_bytes(b"{\x00\xff")
        with raises_saying(SnowflakeInputError, repr(str(tmp_path / "a")), kind, "columns=..."):
            columns_of_file(tmp_path / "a", kind, {})
