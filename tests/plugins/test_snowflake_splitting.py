"""Scripts are cut where Snowflake's own client cuts them, and values are bound at places that are places."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from longshore.testing import raises_saying
from longshore_snowflake import SnowflakeInputError
from longshore_snowflake.binding import bind
from longshore_snowflake.refusals import refuse
from longshore_snowflake.splitting import Piece, split

CORPUS: list[tuple[str, list[str]]] = [
    ("select 1; select 2", ["select 1;", "select 2"]),
    ("select 1;select 2;", ["select 1;", "select 2;"]),
    ("", []),
    (" \n\t\n", []),
    ("select 'a;b';\nselect \"x;y\" from t;", ["select 'a;b';", 'select "x;y" from t;']),
    ("select 'it''s; fine'; select 2", ["select 'it''s; fine';", "select 2"]),
    (r"select 'it\'s; fine'; select '\\'; select 3", [r"select 'it\'s; fine';", r"select '\\';", "select 3"]),
    ("select 1 -- it's; not\n; select 2", ["select 1 -- it's; not\n;", "select 2"]),
    ("select 1; -- the end; really\nselect 2", ["select 1; -- the end; really", "select 2"]),
    ("select 1; // of 2\nselect 2", ["select 1;", "// of 2\nselect 2"]),
    ("select 1 // a; b\n, 2; select 3", ["select 1 // a; b\n, 2;", "select 3"]),
    ("/* a; 'b */ select 1; select 2", ["/* a; 'b */ select 1;", "select 2"]),
    ("/* a /* b */ select 1; */ select 2", ["/* a /* b */ select 1;", "*/ select 2"]),
    ("/* a;\n\n b */\nselect 1;\n/* c */", ["/* a;\n\n b */\nselect 1;", "/* c */"]),
    (
        "create procedure p() returns int as $$ begin let x := 1; return x; end; $$; call p();",
        ["create procedure p() returns int as $$ begin let x := 1; return x; end; $$;", "call p();"],
    ),
    ("select $$it's; \"fine$$; select 2", ["select $$it's; \"fine$$;", "select 2"]),
    ("begin let x := 1; return x; end;", ["begin let x := 1;", "return x;", "end;"]),
    ("put file:///data/a//b.csv @s; list @s;", ["put file:///data/a//b.csv @s;", "list @s;"]),
    ("put file:///data/*.csv @s; list @s;", ["put file:///data/*.csv @s;", "list @s;"]),
    ("copy into t from s3://lake//day; select 2", ["copy into t from s3://lake//day;", "select 2"]),
    ("!set variable_substitution=true\nselect 1;", ["!set variable_substitution=true", "select 1;"]),
    ("select 1\n!print a; b;\nselect 2", ["select 1", "!print a; b", "select 2"]),
    ("select 1;>\nselect 2", ["select 1;>", "select 2"]),
    ("select 'never closed; select 2", ["select 'never closed; select 2"]),
    ("select 1;;\n;select 2", ["select 1;", ";", ";", "select 2"]),
    ("select 1;\r\nselect 2;\r\n", ["select 1;", "select 2;"]),
    ("select col:path::int from t; select ->> 1", ["select col:path::int from t;", "select ->> 1"]),
]
PARTS = st.sampled_from(
    [
        "select 1", "begin", "end", "put file://a/b @s", "get", "a", "é", "😀", ";", ";\n", ";>", "; -- c\n",
        "\n", " ", "\t", "\r\n", "\r", "\x0b", "\u00a0", "\u2028", "'", '"', "''", '""', "'a;b'", '"x;y"',
        "''';'", "\\", "\\'", '\\"', "\\\\", "$", "$$", "$$a;b$$", "--", "-- it's\n", "//", "// c;\n", "/*",
        "*/", "/", "*", "/* a;b */", "/* /* x */ */", "!", "!set x=1\n", "\n!x;\n", ":", "://",
        "http://a//b", ">", "-",
    ]
)  # fmt: skip


def theirs(script: str) -> list[str]:
    """Cut a script by the connector that is installed."""
    util_text: Any = pytest.importorskip("snowflake.connector.util_text")
    return [text for text, _ in util_text.split_statements(StringIO(script)) if text]


def is_disputed(script: str) -> bool:
    """Whether the lines of the connector disagree: in version 5 a comment begins in `s3://lake/*`."""
    connector: Any = pytest.importorskip("snowflake.connector")
    return not connector.__version__.startswith("4.") and re.search(r"://[^ \t\n]*\*", script) is not None


@pytest.mark.parametrize(("script", "statements"), CORPUS)
def test_scripts_are_cut_where_one_expects_it(script: str, statements: list[str]) -> None:
    assert [piece.text for piece in split(script)] == statements


@pytest.mark.parametrize("script", [script for script, _ in CORPUS])
def test_the_connector_cuts_the_corpus_alike(script: str) -> None:
    assert [piece.text for piece in split(script)] == theirs(script)


@given(st.lists(PARTS, max_size=12).map("".join))
@settings(max_examples=1_000, deadline=None)
@example("://'a;b'")
@example("a'\n;'\\\n';x")
@example("$$$;$$;x")
def test_the_connector_cuts_whatever_one_writes_alike(script: str) -> None:
    if not is_disputed(script):
        assert [piece.text for piece in split(script)] == theirs(script)


@given(st.text(max_size=60))
@settings(deadline=None)
def test_nothing_but_blanks_is_lost(script: str) -> None:
    kept = "".join(piece.text for piece in split(script) if not piece.command)
    if "\n!" not in f"\n{script}":
        assert "".join(kept.split()) == "".join(script.split())


def test_an_address_with_a_star_begins_no_comment() -> None:
    cut = split("list s3://lake/*; select 2; /* a; b */ select 3")

    assert [piece.text for piece in cut] == ["list s3://lake/*;", "select 2;", "/* a; b */ select 3"]


def test_each_statement_knows_its_line() -> None:
    head = "-- head\n\nselect\n 1;\nselect 2; select 3;\n\n"
    script = f"{head}/* c\n */ select 4; -- d\n\n\nselect $$\n\n$$;\nselect 6"

    assert [(piece.line, piece.kind) for piece in split(script)] == [
        (1, "SELECT"), (5, "SELECT"), (5, "SELECT"), (7, "SELECT"), (11, "SELECT"), (14, "SELECT"),
    ]  # fmt: skip


@given(st.lists(PARTS, max_size=12).map("".join))
@settings(deadline=None)
def test_a_statement_stands_in_the_line_it_names(script: str) -> None:
    lines = script.split("\n")
    for piece in split(script):
        assert piece.text.split("\n")[0].strip() in lines[piece.line - 1]


def test_a_long_script_is_cut_at_once() -> None:
    script = "insert into t values ('a;b', $$c;d$$); -- e;\n" * 20_000

    cut = split(script)

    assert len(cut) == 20_000
    assert cut[-1].line == 20_000


def test_the_kind_is_the_first_word_outside_comments_and_parentheses() -> None:
    assert [piece.kind for piece in split("// a\n-- b\n/* c */ ((select 1)); merge into t; /* d */; ;")] == [
        "SELECT", "MERGE", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("!source a.sql\n", "line 1 of 'a.sql', '!source a.sql': it is a command of SnowSQL"),
        ("select 1;\nselect 2;>", "line 2 of 'a.sql', 'select 2;>': ';>' is SnowSQL's sign"),
        (
            "select 1;\n\nbegin\n  let x := 1;\nend;",
            "line 3 of 'a.sql', 'begin let x := 1;': a Snowflake Scripting",
        ),
        ("declare x int;\nbegin\nend;", "'declare x int;': a Snowflake Scripting"),
        ("create procedure p() returns int as\nbegin\n return 1;\nend;", "AS $$ BEGIN ... END; $$ in CREATE"),
        ("begin;\ninsert into t values (1);", "'begin;': no COMMIT follows"),
        ("-- nothing\n", "there is no statement in it"),
    ],
)
def test_what_would_not_do_what_it_says_is_refused(script: str, said: str) -> None:
    with raises_saying(SnowflakeInputError, said):
        refuse([piece for piece in split(script) if piece.kind], "'a.sql'", transaction=False)


@pytest.mark.parametrize(
    "script",
    [
        "begin; insert into t values (1); commit;",
        "BEGIN TRANSACTION NAME x; delete from t; ROLLBACK",
        "start transaction; commit work",
        "execute immediate $$ begin return 1; end; $$",
        "create procedure p() returns int as 'begin return 1; end;'",
        "create view v as select begin_at from t",
    ],
)
def test_what_is_whole_is_not_refused(script: str) -> None:
    pieces = split(script)
    refuse(pieces, "the script", transaction=False)
    assert pieces == split(script)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("begin", "the task begins and ends the transaction itself"),
        ("commit", "the task begins and ends the transaction itself"),
        ("-- a\ncreate temporary table t (a int)", "Snowflake commits at each CREATE"),
        ("alter table t add b int", "Snowflake commits at each ALTER"),
        ("drop table t", "Snowflake commits at each DROP"),
        ("grant select on t to role r", "Snowflake commits at each GRANT"),
        ("alter session set autocommit = false", "a change of AUTOCOMMIT commits"),
    ],
)
def test_what_ends_a_transaction_is_refused_within_ours(statement: str, said: str) -> None:
    with raises_saying(SnowflakeInputError, said):
        refuse(split(f"delete from t;\n{statement};"), "the script", transaction=True)


def test_data_may_be_changed_within_our_transaction() -> None:
    script = "truncate table t; alter session set timezone = 'UTC'; use schema s; merge into t; call p()"

    pieces = split(script)
    refuse(pieces, "the script", transaction=True)
    assert [piece.kind for piece in pieces] == ["TRUNCATE", "ALTER", "USE", "MERGE", "CALL"]


def bound(script: str, values: Any) -> list[tuple[str, list[Any]]]:
    return bind(split(script), values, "the script")


def test_values_are_given_in_the_order_of_the_places() -> None:
    script = "insert into t values (?, '?', ?); -- ?\nselect $$?$$, \"?\"; delete from t where a = ?"

    assert bound(script, [1, "b", None]) == [
        ("insert into t values (?, '?', ?); -- ?", [1, "b"]),
        ('select $$?$$, "?";', []),
        ("delete from t where a = ?", [None]),
    ]


def test_values_are_given_by_name_as_often_as_one_names_them() -> None:
    script = (
        "delete from t where day = :day and a>:low;\nselect :day::date, src:day, x[0]:low, ':day', :other"
    )

    assert bound(script, {"day": "2013-01-01", "low": 3}) == [
        ("delete from t where day = ? and a>?;", ["2013-01-01", 3]),
        ("select ?::date, src:day, x[0]:low, ':day', :other", ["2013-01-01"]),
    ]


@pytest.mark.parametrize(
    ("script", "values", "said"),
    [
        (
            "select 1;\nselect ?, ?",
            [1],
            "cannot bind 1 values to the script: it has 2 places '?'; the first is in",
        ),
        ("select 1", ["geheim"], "cannot bind 1 values to the script: it has 0 places '?'; give as many"),
        ("select ?", {}, "the statement of line 1 has a '?'; write ':name'"),
        ("select :day", {"dya": 1}, "cannot bind 'dya' to the script: there is no place ':dya'"),
        ("select ':day', src:day", {"day": 1}, "there is no place ':day'"),
        ("select ?", "geheim", "cannot bind a str to the script"),
    ],
)
def test_a_value_without_a_place_is_refused_and_not_shown(script: str, values: Any, said: str) -> None:
    with pytest.raises(SnowflakeInputError) as refused:
        bound(script, values)

    assert said in str(refused.value)
    assert "geheim" not in str(refused.value)


@given(st.lists(PARTS, max_size=10).map("".join))
@settings(deadline=None)
def test_binding_by_name_changes_nothing_but_places(script: str) -> None:
    pieces = [Piece(piece.text, piece.line) for piece in split(script)]

    assert [text for text, _ in bind(pieces, {}, "the script")] == [piece.text for piece in pieces]
