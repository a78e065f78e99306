"""Names of tables and other objects: quoted by us, so that a name is one identifier or is refused.

Snowflake's rules are those of "Identifier Requirements" (docs.snowflake.com): a plain name is stored in upper
case; in double quotes a name stands for itself, and a quote in it is written twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from longshore_snowflake.errors import SnowflakeInputError

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_PART: Final = re.compile(r'"(?:[^"]|"")*"|[^".]+')
_LONGEST: Final = 255
"""Characters of an identifier."""


def quoted(name: str) -> str:
    """Return one identifier in double quotes; the name stands for itself, whatever is in it.

    Raises:
        SnowflakeInputError: It is empty, longer than 255 characters, or has a NUL or half a character.
    """
    if not isinstance(name, str) or not name or len(name) > _LONGEST or "\0" in name:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise SnowflakeInputError(
            f"cannot quote the name {str(name)[:80]!r}: give 1 to {_LONGEST} characters without NUL"
        )
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise SnowflakeInputError(f"cannot quote the name {name[:80]!r}: it is no valid Unicode") from error
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def identifier(text: str) -> str:
    """Return what Snowflake stores for an identifier as people write it: `flights` is `FLIGHTS`.

    Raises:
        SnowflakeInputError: It is none; a name with other characters needs double quotes around it.
    """
    if _PLAIN.fullmatch(text):
        return text.upper()
    if len(text) > 2 and text[0] == text[-1] == '"' and _PART.fullmatch(text):
        return text[1:-1].replace('""', '"')
    shown = text[:80].replace('"', '""')
    raise SnowflakeInputError(
        f"cannot use {text[:80]!r} as a name: outside double quotes it has letters, digits, '_' and '$' "
        f"and does not begin with a digit; for a name that is just that, write '\"{shown}\"'"
    )


@dataclass(frozen=True, slots=True)
class TableName:
    """The name of a table, view, stage or another object of a schema.

    Attributes:
        name: As Snowflake stores it: `FLIGHTS` for `flights`.
        schema: Likewise; empty for the session's own.
        database: Likewise; empty for the session's own.
    """

    name: str
    schema: str = ""
    database: str = ""

    def __post_init__(self) -> None:
        if self.database and not self.schema:
            raise SnowflakeInputError(
                f"cannot name {self.name!r} of the database {self.database!r} without a schema"
            )
        for part in self.parts:
            quoted(part)

    @classmethod
    def parse(cls, text: str) -> TableName:
        """Return the name that a text such as `flights`, `lake.flights` or `DB.lake."odd name"` has.

        Raises:
            SnowflakeInputError: It is no name of one object.
        """
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise SnowflakeInputError(f"cannot use {text!r} as a name: give text such as 'DB.SCHEMA.FLIGHTS'")
        found = _PART.findall(text)
        if not 1 <= len(found) <= 3 or ".".join(found) != text:
            raise SnowflakeInputError(
                f"cannot use {text[:80]!r} as the name of a table: write one to three names with dots "
                "between them, such as 'DB.SCHEMA.FLIGHTS'"
            )
        parts = [identifier(part) for part in found]
        return cls(*reversed(parts))

    @property
    def parts(self) -> tuple[str, ...]:
        """The names from the outermost in."""
        return tuple(part for part in (self.database, self.schema, self.name) if part)

    @property
    def quoted(self) -> str:
        """The name for a statement, each part in double quotes."""
        return ".".join(quoted(part) for part in self.parts)

    def within(self, database: str, schema: str) -> TableName:
        """Return the full name, with a session's database and schema where it has none of its own."""
        return TableName(self.name, self.schema or schema, (self.database or database) if schema else "")

    def __str__(self) -> str:
        return ".".join(part if _upper(part) else quoted(part) for part in self.parts)


def literal(text: str) -> str:
    """Return a string constant, for the few places of a statement that take no bound value.

    Single quotes and backslashes are escaped ("String & Binary Data Types", docs.snowflake.com).

    Raises:
        SnowflakeInputError: It has a NUL.
    """
    if "\0" in text:
        raise SnowflakeInputError(f"cannot write the text {text[:80]!r} into a statement: it has a NUL")
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _upper(part: str) -> bool:
    return _PLAIN.fullmatch(part) is not None and part == part.upper()
