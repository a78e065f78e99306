"""What the tasks of a run say that they read and wrote, for whoever draws lineage."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast
from urllib.parse import unquote_plus

from longshore.errors import ConfigurationError
from longshore.redaction import has_secrets, redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore.logs import ContextLogger
    from longshore.progress import Progress

Direction = Literal["read", "write"]
Columns: TypeAlias = Iterable[str] | Mapping[str, str]
"""Names of columns, or their types by name."""
MOST_OF_AN_ATTEMPT: Final = 10_000
"""Datasets that one attempt may name; the few that have more name a folder."""
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_KEYS: Final = frozenset({"s3", "s3a", "s3n", "gs", "gcs", "file"})
"""Schemes in whose names `?` and `#` stand for themselves."""
_CONTAINERS: Final = frozenset({"abfs", "abfss", "wasb", "wasbs"})
"""Schemes that have a container before the `@`, and no user."""
_HOST: Final = re.compile(r"[^/?#]*")
_PORT: Final = re.compile(r"(\[.*\]|[^:/?#]*)(:\d*)?([/?]|$)")
_SIGNATURE: Final = re.compile(
    r"token|secret|passw|pwd|sign|^sig$|auth|credential|session|jwt|assertion|api.?key|access.?key|^key$|^code$"
    r"|^user|^login|^x-(amz|goog)-|googleaccessid",
    re.IGNORECASE,
)
_BESIDE_SIGNATURE: Final = frozenset(
    (
        "sv",
        "se",
        "st",
        "sp",
        "sr",
        "spr",
        "sip",
        "ss",
        "srt",
        "skoid",
        "sktid",
        "skt",
        "ske",
        "sks",
        "skv",
        "expires",
    )
)
"""What stands beside a signature in URLs that Azure, Amazon and Google signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Something that an attempt read or wrote: an object, a file, a table.

    Attributes:
        uri: Where it is, without user, password and signature: `s3://lake/2013.csv`,
            `file:///data/2013.csv`, `snowflake://account/db/schema/table`. A folder ends in `/`.
        direction: `"read"` or `"write"`.
        bytes: How many; None when nobody counted.
        rows: How many; None when nobody counted.
        columns: Names and types; a type that was not given is empty.
        version: Which version of it, in its service's words; empty when it has none.
    """

    uri: str
    direction: Direction
    bytes: int | None = None
    rows: int | None = None
    columns: tuple[tuple[str, str], ...] = ()
    version: str = ""

    def redacted(self) -> Dataset:
        """Return it without the secrets that this process knows; it may come from another one."""
        if not has_secrets():
            return self
        columns = tuple((redact(name), redact(kind)) for name, kind in self.columns)
        return replace(self, uri=redact(self.uri), version=redact(self.version), columns=columns)


News: TypeAlias = "Progress | Dataset"
"""What an attempt tells whoever drives its run, while it goes on."""


class Reporting:
    """The part of `current` that says what an attempt read and wrote."""

    __slots__ = ("_named", "_progress")

    _named: int
    _progress: Callable[[Any, News], None] | None

    if TYPE_CHECKING:

        @property
        def log(self) -> ContextLogger: ...

    def reads(
        self,
        uri: str | os.PathLike[str],
        *,
        bytes: int | None = None,  # noqa: A002
        rows: int | None = None,
        columns: Columns = (),
        version: str = "",
    ) -> None:
        """Say that the attempt has read something; plugins that draw lineage hear of it.

        Said again of the same, the bytes and rows are added. Outside a run it goes nowhere.

        Args:
            uri: A URI, or a file's path. Users, passwords and signatures in it are left out.
            bytes: How many were read.
            rows: How many were read.
            columns: Names of columns, or their types by name.
            version: Which version was read, in its service's words.

        Example:
            >>> current.reads("snowflake://org-account/DWH/PUBLIC/FLIGHTS", rows=336_776)
        """
        self._name("read", uri, bytes, rows, columns, version)

    def writes(
        self,
        uri: str | os.PathLike[str],
        *,
        bytes: int | None = None,  # noqa: A002
        rows: int | None = None,
        columns: Columns = (),
        version: str = "",
    ) -> None:
        """Say that the attempt has written something, as `reads` says what it read.

        Args:
            uri: A URI, or a file's path. Users, passwords and signatures in it are left out.
            bytes: How many were written.
            rows: How many were written.
            columns: Names of columns, or their types by name.
            version: Which version was made, in its service's words.
        """
        self._name("write", uri, bytes, rows, columns, version)

    def _name(
        self,
        direction: Direction,
        uri: str | os.PathLike[str],
        size: int | None,
        rows: int | None,
        columns: Columns,
        version: str,
    ) -> None:
        if self._progress is None:
            return
        dataset = Dataset(
            uri=clean_uri(uri), direction=direction, bytes=_count("bytes", size, uri),
            rows=_count("rows", rows, uri), columns=_pairs(columns), version=redact(version),
        )  # fmt: skip
        self._tell(dataset)

    def take_over(self, _: object, news: News) -> None:
        """Say what a call made inside this one said that it read or wrote; how far it is stays its own."""
        if isinstance(news, Dataset) and self._progress is not None:
            self._tell(news)

    def _tell(self, dataset: Dataset) -> None:
        assert self._progress is not None
        self._named += 1
        if self._named <= MOST_OF_AN_ATTEMPT:
            self._progress(self, dataset)
        elif self._named == MOST_OF_AN_ATTEMPT + 1:
            self.log.warning(
                "more than %s datasets were named; those from %r on are left out; name their folder",
                f"{MOST_OF_AN_ATTEMPT:,}",
                dataset.uri,
            )


def clean_uri(uri: str | os.PathLike[str]) -> str:
    """Return a URI that may be shown: no user, no password, no signature; of a path its `file://` URI.

    Raises:
        ConfigurationError: It is empty.
    """
    text = os.fspath(uri)
    if not text:
        raise ConfigurationError("cannot name a dataset '': give its URI, such as 's3://lake/2013.csv'")
    found = _SCHEME.match(text)
    if found is None:
        absolute = os.path.abspath(text)  # noqa: PTH100 - links are left as they are
        return redact(f"file://{absolute}{'/' if text.endswith('/') and absolute != '/' else ''}")
    scheme, rest = found[1].lower(), text[found.end() :]
    if scheme in _KEYS:
        host, slash, path = rest.partition("/")
        return redact(f"{scheme}://{host.rpartition('@')[2]}{slash}{path}")
    host, path, query = _parted(rest)
    if scheme not in _CONTAINERS or ":" in host.partition("@")[0]:
        host = host.rpartition("@")[2]
    return redact(f"{scheme}://{host}{path}{'?' if query else ''}{query}")


def _parted(rest: str) -> tuple[str, str, str]:
    """Return host, path and what of the query may be shown; a fragment is no part of what is there."""
    host = _HOST.match(rest)
    # A password with a `/` or `#` that nobody quoted ends what looks like the host.
    if host and "@" not in host[0] and ":" in host[0] and "@" in rest and not _PORT.match(rest):
        rest = rest.rpartition("@")[2]
    rest, _, query = rest.partition("#")[0].partition("?")
    name, slash, path = rest.partition("/")
    return name, slash + path, _unsigned(query)


def _unsigned(query: str) -> str:
    pairs = [(pair, unquote_plus(pair.partition("=")[0])) for pair in re.split("[&;]", query) if pair]
    if not any(_SIGNATURE.search(name) for _, name in pairs):
        return query
    return "&".join(
        pair for pair, name in pairs
        if not _SIGNATURE.search(name) and name.lower() not in _BESIDE_SIGNATURE
    )  # fmt: skip


def _count(what: str, number: int | None, uri: object) -> int | None:
    if number is None:
        return None
    if isinstance(number, bool) or not hasattr(number, "__index__") or number < 0:
        raise ConfigurationError(
            f"cannot take {what}={number!r} of {clean_uri(str(uri))!r}: give a number from 0"
        )
    return number.__index__()  # numpy's numbers too


def _pairs(columns: Columns) -> tuple[tuple[str, str], ...]:
    if isinstance(columns, Mapping):
        pairs: Iterable[tuple[str, str]] = cast("Mapping[str, str]", columns).items()
    else:
        pairs = ((name, "") for name in columns)
    return tuple((redact(str(name)), redact(str(kind))) for name, kind in pairs)
