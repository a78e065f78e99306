"""What a load is given: rows in memory, local files, or files that Snowflake reaches by itself."""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast
from urllib.parse import urlsplit

from longshore_snowflake.copying import Place
from longshore_snowflake.errors import SnowflakeInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

Source: TypeAlias = Any
"""A path or pattern, a URL, `@stage/path`, a list of these, what a storage task returned, an Arrow table or
record batch reader, a pandas or polars DataFrame."""
_REMOTE: Final = {"s3": "s3", "gs": "gcs", "gcs": "gcs"}
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_MAGIC: Final = re.compile(r"[*?\[]")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST: Final = 150
"""Characters that a local file's name keeps in a stage."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in memory: what has an Arrow schema, or can be given one."""

    value: Any


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """Files of this machine, by the names that they get in the stage."""

    paths: dict[str, Path]

    @property
    def bytes(self) -> int:
        """How many they have, as they are."""
        return sum(path.stat().st_size for path in self.paths.values())

    @property
    def digest(self) -> str:
        """A word that changes when one of them does."""
        known = ((name, path.stat().st_size, path.stat().st_mtime_ns) for name, path in self.paths.items())
        return hashlib.sha256(repr(list(known)).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class RemoteFiles:
    """Files in a stage or a bucket, with what Snowflake calls their place."""

    place: Place


def sorted_out(source: Source, integration: str) -> Rows | LocalFiles | RemoteFiles:
    """Return what a load is given.

    Args:
        source: As a user gives it.
        integration: The storage integration for buckets.

    Raises:
        SnowflakeInputError: It is nothing that can be loaded.
    """
    if _is_rows(source):
        return Rows(source)
    given = list(cast("Iterable[Any]", source)) if _is_list(source) else [source]
    texts = [_text(each) for each in given]
    if not texts:
        raise SnowflakeInputError("cannot load: there is no file; give at least one")
    remote = [text.startswith("@") or _scheme(text) in _REMOTE for text in texts]
    if all(remote):
        return RemoteFiles(_place(texts, integration))
    if any(remote):
        raise SnowflakeInputError(
            "cannot load local files and files of a stage or bucket together: load them one after the other"
        )
    return LocalFiles(_named([path for text in texts for path in _local(text)]))


def _is_list(source: Source) -> bool:
    return isinstance(source, Iterable) and not isinstance(source, str | PurePath)


def _is_rows(source: Source) -> bool:
    return any(hasattr(source, name) for name in ("__arrow_c_stream__", "to_batches", "__dataframe__"))


def _text(each: Any) -> str:
    """Return a path or URL; what a storage task returned has the one or the other."""
    if isinstance(each, str | PurePath):
        return str(each)
    path, url = getattr(each, "path", None), getattr(each, "url", None)
    if isinstance(path, str | PurePath):
        return str(path)
    if isinstance(url, str):
        return url
    raise SnowflakeInputError(
        f"cannot load a {type(each).__name__}: give a path, a URL, '@stage/path', a list of them, an Arrow "
        "table or a DataFrame"
    )


def _scheme(text: str) -> str:
    found = _URL.match(text)
    return found[1].lower() if found else ""


def _local(text: str) -> Sequence[Path]:
    scheme = _scheme(text)
    if scheme and scheme != "file":
        raise SnowflakeInputError(
            f"cannot load {text[:200]!r}: Snowflake reads 's3://' and 'gs://' by itself; for others download "
            "the file first, or name a stage: '@STAGE/path'"
        )
    path = Path(urlsplit(text).path if scheme else text).expanduser()
    if path.is_file():
        return [path]
    if _MAGIC.search(text):
        found = sorted(Path(each) for each in glob.glob(str(path), recursive=True))  # noqa: PTH207 - absolute ones too
        files = [each for each in found if each.is_file()]
        if files:
            return files
    raise SnowflakeInputError(f"cannot load {text[:200]!r}: there is no such file; check the path")


def _named(paths: Sequence[Path]) -> dict[str, Path]:
    """Return files by names that every stage and every statement takes, no two of them the same."""
    named: dict[str, Path] = {}
    for number, path in enumerate(dict.fromkeys(path.absolute() for path in paths), 1):
        name = _UNSAFE.sub("_", path.name)[-_LONGEST:]
        named[f"{number:05d}-{name}" if name in named or name[0] in "._-" else name] = path
    return named


def _place(texts: Sequence[str], integration: str) -> Place:
    """Return the one place of files that Snowflake reaches by itself."""
    roots = {_root(text) for text in texts}
    if len(roots) > 1:
        one, other, *_ = sorted(roots)
        raise SnowflakeInputError(
            f"cannot load from {one!r} and {other!r} at once: load the files of one "
            "folder of a stage or bucket, then those of the other"
        )
    root = roots.pop()
    remote = _scheme(root) in _REMOTE
    if remote and not integration:
        raise SnowflakeInputError(
            f"cannot load {texts[0][:200]!r}: Snowflake needs its own right to read there; give "
            "SnowflakeLoad(storage_integration='NAME'), or an external stage: '@STAGE/path'"
        )
    names = [text.rpartition("/")[2] if "/" in text else "" for text in texts]
    files = tuple(name for name in names if name)
    if files and len(files) < len(names):
        raise SnowflakeInputError(f"cannot load {root!r} and files in it at once: give the folder alone")
    patterns = [name for name in files if _MAGIC.search(name)]
    if patterns and len(texts) > 1:
        raise SnowflakeInputError(f"cannot load {patterns[0]!r} beside other files: give the pattern alone")
    if patterns:
        return Place(root=root, pattern=f".*/{_expression(patterns[0])}", integration=integration)
    return Place(root=root, files=files, integration=integration)


def _root(text: str) -> str:
    if text.startswith("@"):
        head, slash, _ = text.rpartition("/")
        return f"{head}/" if slash else f"{text}/"
    head = text.rpartition("/")[0]
    scheme, rest = head.split("://", 1) if "://" in head else ("", "")
    if not rest:
        raise SnowflakeInputError(f"cannot load {text[:200]!r}: name an object, or a folder that ends in '/'")
    return f"{_REMOTE[scheme.lower()]}://{rest}/"


def _expression(pattern: str) -> str:
    """Return the regular expression of a name with `*`, `?` and `[...]`."""
    words = {"*": "[^/]*", "?": "[^/]", "[": "[", "]": "]"}
    return "".join(words.get(sign) or re.escape(sign) for sign in pattern)
