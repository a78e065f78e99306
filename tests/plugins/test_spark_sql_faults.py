"""What `SparkSQL` says when a statement fails, and what it leaves out."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from spark_rig import FAST

from longshore import ConfigurationError, Secret
from longshore_spark import (
    SparkAnalysisError,
    SparkConnection,
    SparkError,
    SparkInputError,
    SparkOutOfMemoryError,
    SparkSQL,
    SparkUnreachableError,
    frames,
)
from longshore_spark.queryfaults import translated
from longshore_spark.sessions import session_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("java")
CANARY = "canary-0b8f1c52"
HERE = SparkConnection("local[2]", conf=FAST)


@pytest.fixture(scope="module", autouse=True)
def there(java: str) -> Iterator[Any]:
    """Hold one session, so that the tests of this module share one JVM."""
    assert java
    with session_for(HERE) as session:
        yield session


def failed(text: str, values: Any = (), **fields: Any) -> SparkError:
    with pytest.raises(SparkError) as caught:
        SparkSQL(text, connection=HERE, **fields)(values)
    return caught.value


@pytest.mark.parametrize(
    ("text", "condition", "said"),
    [
        ("SELECT\n  1 +* 2", "PARSE_SYNTAX_ERROR", "extra input '2' (line 2, column 8); correct"),
        ("SELECT * FROM nope", "TABLE_OR_VIEW_NOT_FOUND", "and catalog (line 1, column 15); correct"),
        ("SELECT nope FROM range(3)", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "[`id`] (line 1, column 8)"),
        ("SELECT :x", "UNBOUND_SQL_PARAMETER", "the unbound parameter: x"),
        ("SELECT * FROM parquet.`/nope`", "PATH_NOT_FOUND", "Path does not exist: file:/nope"),
    ],
)  # fmt: skip
def test_a_name_that_there_is_not_and_bad_sql_are_told_with_their_place(
    text: str, condition: str, said: str
) -> None:
    error = failed(text)
    assert isinstance(error, SparkAnalysisError)
    assert error.condition == condition
    assert not error.retryable
    assert str(error).startswith(f"cannot run '{' '.join(text.split())}': ")
    assert said in str(error)
    assert "\n" not in str(error)


def test_several_statements_are_refused_and_a_semicolon_in_text_is_none() -> None:
    error = failed("SELECT 1; SELECT 2")
    assert "give one statement a call: there are several" in str(error)
    assert "several" not in str(failed("SELEC ';x'; -- that is all"))
    assert SparkSQL("SELECT ';' AS a, `id` FROM range(1); -- ;", connection=HERE)().row_count == 1


@pytest.mark.parametrize(
    ("text", "condition", "said"),
    [
        ("SELECT 1 / (id - 1) FROM range(3)", "DIVIDE_BY_ZERO", "Division by zero. Use `try_divide`"),
        ("SELECT cast(concat('a', id) AS INT) FROM range(3)", "CAST_INVALID_INPUT", "cannot be cast to"),
        ("SELECT cast(raise_error('no; such') AS INT)", "USER_RAISED_EXCEPTION", "no; such"),
    ],
)
def test_rows_that_cannot_be_computed_are_told_in_one_line_and_not_tried_again(
    text: str, condition: str, said: str, tmp_path: Path
) -> None:
    for fields in ({}, {"to": str(tmp_path / "rows"), "mode": "overwrite"}):
        error = failed(text, **fields)
        assert error.condition == condition
        assert not error.retryable
        assert said in str(error)
        assert "\n" not in str(error)
        assert "org.apache" not in str(error)


def test_what_a_function_of_python_raised_is_told_with_its_line(there: Any) -> None:
    def broken(n: int) -> int:
        raise KeyError(f"no route {n}")

    there.udf.register("broken", broken, "int")
    with pytest.raises(
        SparkError, match=r"Python raised KeyError: 'no route 0' \(line \d+ of test_spark_sql"
    ):
        SparkSQL("SELECT broken(id) FROM range(1)", connection=HERE)()


def test_a_driver_without_memory_for_the_result_is_told_and_the_next_statement_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frames, "_SAYS_WITHIN", 1.0)
    error = failed("SELECT repeat('x', 200000000), id FROM range(0, 2, 1, 2)")
    assert isinstance(error, SparkOutOfMemoryError)
    assert "spark.driver.memory" in str(error)
    assert SparkSQL("SELECT 1 AS n", connection=HERE)().rows == [{"n": 1}]


@pytest.mark.gate("S1")
def test_values_are_in_no_log_no_error_and_no_output(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPARK_CANARY", CANARY)
    secret = Secret("env:SPARK_CANARY")
    with caplog.at_level(logging.DEBUG):
        assert SparkSQL("SELECT :x AS x", connection=HERE)({"x": secret}).rows == [{"x": CANARY}]
        errors = [
            failed("SELECT cast(:x AS INT)", {"x": secret}),
            failed("SELECT cast(concat(?, id) AS INT) FROM range(2)", [secret]),
            failed("SELECT * FROM nope WHERE x = :x", {"x": secret}),
            failed("SELECT raise_error(:x)", {"x": secret}),
        ]
    told = "".join("".join(traceback.format_exception(error)) for error in errors)
    assert "cannot be cast" in told
    assert CANARY not in told
    assert CANARY not in caplog.text
    output = capfd.readouterr()
    assert CANARY not in output.out + output.err


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (ConnectionRefusedError(111, "Connection refused"), SparkUnreachableError, True),
        (RuntimeError("<_InactiveRpcError status = StatusCode.UNAVAILABLE>"), SparkUnreachableError, True),
        (RuntimeError("java.lang.OutOfMemoryError: Java heap space"), SparkOutOfMemoryError, False),
        (RuntimeError("what nobody knows\n\tat org.apache.spark.X(X.scala:1)"), SparkError, True),
    ],
)
def test_what_breaks_on_the_way_is_told_by_kind(
    error: Exception, kind: type[SparkError], retryable: bool
) -> None:
    found = translated(error, "SELECT 1")
    assert type(found) is kind
    assert found.retryable is retryable
    assert str(found).startswith("cannot run 'SELECT 1': ")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text": " "}, "there is no statement"),
        ({"text": "SELECT 1", "max_memory": 0}, "give bytes above 0"),
        ({"text": "SELECT 1", "mode": "replace"}, "mode is one of"),
        ({"text": "SELECT 1", "to": "table:"}, "give 'table:NAME'"),
        ({"text": "SELECT 1", "to": "x", "file_type": "par quet"}, "is no format"),
        ({"text": "SELECT 1", "to": "x", "connection": "sc://h:15002"}, "in whichever folder Spark runs"),
    ],
)
def test_a_task_that_cannot_work_is_refused_when_it_is_made(fields: dict[str, Any], said: str) -> None:
    with pytest.raises((ConfigurationError, SparkInputError), match=said):
        SparkSQL(**fields)


def test_a_driver_that_dies_in_the_middle_is_told_and_the_next_statement_gets_another(tmp_path: Path) -> None:
    exits = "java_method('java.lang.System', 'exit', cast(id * 0 + 3 AS INT))"
    ways: tuple[dict[str, str], ...] = ({}, {"to": str(tmp_path / "rows"), "mode": "overwrite"})
    for fields in ways:
        assert SparkSQL("SELECT 1 AS n", connection=HERE)().rows == [{"n": 1}]
        error = failed(f"SELECT {exits} FROM range(0, 2, 1, 2)", **fields)
        assert isinstance(error, SparkUnreachableError), error
        assert error.retryable
        assert "look whether Spark runs" in str(error)
