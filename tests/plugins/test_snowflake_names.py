"""Names that go into statements: one identifier, or refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from longshore.testing import raises_saying
from longshore_snowflake import SnowflakeInputError, TableName
from longshore_snowflake.identifiers import identifier, literal, quoted

NASTY = [
    'a"; DROP TABLE flights; --',
    'a"" b',
    '"',
    '""',
    "a'; --",
    "a/* b */",
    "-- a",
    "a\nb",
    "“a”",
    "\uff02a\uff02",
    "a.b",
    "a\\",
    "é",
    "$$",
    "@stage",
    "IDENTIFIER('x')",
    " a",
    "a ",
]
QUOTED = re.compile(r'"(?:[^"]|"")+"')


def tokens(text: str) -> list[str]:
    """Read what Snowflake's lexer reads: identifiers in double quotes and the dots between them."""
    found = re.findall(r'"(?:[^"]|"")+"|.', text, re.DOTALL)
    assert "".join(found) == text
    return found


@pytest.mark.gate("S8")
@given(st.text(max_size=300))
@example("a" * 256)
@example("\ud800")
def test_any_name_is_one_quoted_identifier_or_refused(name: str) -> None:
    try:
        written = quoted(name)
    except SnowflakeInputError:
        assert not name or len(name) > 255 or "\0" in name or any("\ud800" <= c <= "\udfff" for c in name)
        return
    assert QUOTED.fullmatch(written)
    assert written[1:-1].replace('""', '"') == name


@pytest.mark.gate("S8")
@given(st.text(alphabet=st.sampled_from("aB1_$.\"';-/* \n\\“\uff02é\0"), max_size=30))
def test_any_text_is_the_name_of_one_table_or_refused(text: str) -> None:
    try:
        name = TableName.parse(text)
    except SnowflakeInputError:
        return
    found = tokens(name.quoted)
    assert 1 <= len(name.parts) <= 3
    assert found[::2] == [quoted(part) for part in name.parts]
    assert set(found[1::2]) <= {"."}
    assert TableName.parse(name.quoted) == name
    assert TableName.parse(str(name)) == name


@pytest.mark.gate("S8")
@pytest.mark.parametrize("nasty", NASTY)
def test_a_nasty_name_stands_for_itself_when_it_is_quoted_and_is_refused_when_it_is_not(nasty: str) -> None:
    assert TableName.parse(f"db.s.{quoted(nasty)}") == TableName(nasty, "S", "DB")
    with pytest.raises(SnowflakeInputError):
        identifier(nasty)


@pytest.mark.gate("S8")
@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=60))
def test_any_text_is_one_string_constant_or_refused(text: str) -> None:
    try:
        written = literal(text)
    except SnowflakeInputError:
        assert "\0" in text
        return
    assert re.fullmatch(r"'(?:[^'\\]|''|\\\\)*'", written, re.DOTALL)
    assert written[1:-1].replace("''", "'").replace("\\\\", "\\") == text


def test_a_plain_name_is_stored_in_upper_case_as_snowflake_does() -> None:
    name = TableName.parse('lake.flights."2013 delays"')
    assert name == TableName("2013 delays", schema="FLIGHTS", database="LAKE")
    assert name.quoted == '"LAKE"."FLIGHTS"."2013 delays"'
    assert str(name) == 'LAKE.FLIGHTS."2013 delays"'


def test_a_name_gets_what_it_lacks_from_the_session() -> None:
    assert str(TableName.parse("flights").within("DB", "PUBLIC")) == "DB.PUBLIC.FLIGHTS"
    assert str(TableName.parse("s.flights").within("DB", "PUBLIC")) == "DB.S.FLIGHTS"
    assert str(TableName.parse("d.s.flights").within("DB", "PUBLIC")) == "D.S.FLIGHTS"
    assert str(TableName.parse("flights").within("", "")) == "FLIGHTS"


def test_a_refused_name_says_how_to_write_it() -> None:
    with raises_saying(SnowflakeInputError, """write '"odd name"'"""):
        TableName.parse("odd name")
    with raises_saying(SnowflakeInputError, "write one to three names with dots"):
        TableName.parse("a.b.c.d")
