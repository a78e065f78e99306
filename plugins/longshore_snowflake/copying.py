"""COPY INTO: where from, in which format, and the statement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from longshore_snowflake.errors import SnowflakeInputError
from longshore_snowflake.identifiers import TableName, literal, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ON_ERROR: Final = re.compile(r"abort_statement|continue|skip_file(_\d+%?)?", re.IGNORECASE)
MOST_FILES: Final = 1_000
"""Files that COPY INTO takes by name."""
_OPTION: Final = re.compile(r"[A-Za-z_]+")
_WORDS: Final = frozenset({"TYPE", "COMPRESSION", "BINARY_FORMAT"})
"""Options whose values are words, which are not quoted."""
_WORD: Final = re.compile(r"[A-Za-z_0-9]+")
_DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    # As RFC 4180 has it: Snowflake's own default takes a quote for a character like any other.
    "CSV": {"PARSE_HEADER": True, "FIELD_OPTIONALLY_ENCLOSED_BY": '"', "ESCAPE_UNENCLOSED_FIELD": None},
    "JSON": {},
    # Without it a timestamp comes as the number that stands for it.
    "PARQUET": {"USE_LOGICAL_TYPE": True, "BINARY_AS_TEXT": False},
}
_SUFFIXES: Final = {
    "csv": "CSV", "tsv": "CSV", "txt": "CSV", "parquet": "PARQUET", "pq": "PARQUET", "json": "JSON",
    "jsonl": "JSON", "ndjson": "JSON",
}  # fmt: skip
_PACKED: Final = frozenset({"gz", "bz2", "zst", "br", "deflate"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where COPY INTO finds its files.

    Attributes:
        root: A stage, `@...`, or the URL of a bucket, with a path that ends in `/`.
        files: Names below it; all that is there when empty.
        pattern: A regular expression for whole paths instead.
        integration: The storage integration that may read a bucket.
    """

    root: str
    files: tuple[str, ...] = ()
    pattern: str = ""
    integration: str = ""

    @property
    def clauses(self) -> str:
        """The part of the statement from FROM on."""
        words = [f"FROM {literal(self.root)}"]
        if self.integration:
            words.append(f"STORAGE_INTEGRATION = {quoted(self.integration)}")
        if self.pattern:
            words.append(f"PATTERN = {literal(self.pattern)}")
        elif 0 < len(self.files) <= MOST_FILES:
            words.append(f"FILES = ({', '.join(map(literal, self.files))})")
        return " ".join(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """How files are read.

    Attributes:
        type: `CSV`, `JSON`, `PARQUET`; empty when a named format says it.
        options: In Snowflake's words.
        name: A named file format.
    """

    type: str = ""
    options: Mapping[str, Any]
    name: str = ""

    @property
    def by_name(self) -> bool:
        """Whether columns have names in the files."""
        return self.type != "CSV" or self.options.get("PARSE_HEADER") is True

    @property
    def clause(self) -> str:
        """The option of the statement."""
        words = [f"FORMAT_NAME = {literal(self.name)}"] if self.name else [f"TYPE = {self.type}"]
        words += [f"{name} = {_value(name, value)}" for name, value in self.options.items()]
        return f"FILE_FORMAT = ({' '.join(words)})"


def file_format(given: str | Mapping[str, Any], kind: str, sample: str) -> FileFormat:
    """Return the format of files.

    Args:
        given: The name of a file format, or options that go over our own.
        kind: What the user says they are; empty to tell by their names.
        sample: The name of one.

    Raises:
        SnowflakeInputError: An option is none, or nobody can tell what they are.
    """
    if isinstance(given, str) and given:
        return FileFormat(options={}, name=TableName.parse(given).quoted)
    options = {
        str(name).upper(): value for name, value in dict(cast("Mapping[str, Any]", given or {})).items()
    }
    for name in options:
        if not _OPTION.fullmatch(name):
            raise SnowflakeInputError(f"cannot use {name!r} as an option of a file format: it is none")
    kind = str(options.pop("TYPE", kind) or _kind_of(sample)).upper()
    if kind not in _DEFAULTS:
        raise SnowflakeInputError(
            f"cannot tell the format of {sample[:200]!r}: give SnowflakeLoad(file_type='csv'), 'json' or "
            "'parquet', or the name of a file format by file_format"
        )
    defaults = dict(_DEFAULTS[kind])
    if "SKIP_HEADER" in options:  # then columns go by position
        defaults["PARSE_HEADER"] = False
    if kind == "CSV" and "tsv" in sample.lower().split("."):
        defaults["FIELD_DELIMITER"] = "\t"
    return FileFormat(type=kind, options={**defaults, **options})


def copy_statement(
    table: TableName,
    place: Place,
    form: FileFormat,
    *,
    columns: Sequence[str] = (),
    match: str = "case_insensitive",
    on_error: str = "abort_statement",
    force: bool = False,
) -> str:
    """Return the statement that loads files into a table.

    Args:
        table: The table.
        place: Where the files are.
        form: What they are.
        columns: The table's columns for columns by position; all of them when empty.
        match: How names are compared, where the files have names.
        on_error: What a bad row does.
        force: Whether files are loaded again that were loaded before.
    """
    by_name = form.by_name and match != "none"
    listed = f" ({', '.join(map(quoted, columns))})" if columns and not by_name else ""
    words = [f"COPY INTO {table.quoted}{listed}", place.clauses, form.clause]
    if by_name:
        words.append(f"MATCH_BY_COLUMN_NAME = {match.upper()}")
    words.append(f"ON_ERROR = {on_error.upper() if '%' not in on_error else literal(on_error.upper())}")
    if force:
        words.append("FORCE = TRUE")
    return " ".join(words)


def _kind_of(name: str) -> str:
    parts = name.lower().rstrip("/*").split(".")
    while len(parts) > 1 and parts[-1] in _PACKED:
        parts.pop()
    return _SUFFIXES.get(parts[-1], "") if len(parts) > 1 else ""


def _value(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return repr(value)
    if value is None:
        return "NONE"
    if isinstance(value, str):
        return value.upper() if name in _WORDS and _WORD.fullmatch(value) else literal(value)
    if isinstance(value, list | tuple):
        return f"({', '.join(_value('', each) for each in cast('Sequence[Any]', value))})"
    raise SnowflakeInputError(
        f"cannot use {value!r} for the option {name}: give text, a number, True, False, None or a list"
    )
