"""What a request carries: JSON, a form, files, bytes. Each attempt and each redirect opens it anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

from longshore import ConfigurationError, Secret
from longshore_http.auth import plain
from longshore_http.errors import HttpError, SourceFailed

Plain: TypeAlias = str | int | float | bool | Secret
Fields: TypeAlias = Mapping[str, Plain | Sequence[Plain]]
Files: TypeAlias = Mapping[str, "Path | FilePart"]
_CHUNK: Final = 64 * 1024


class Unset(Enum):
    """Tells "no JSON body" from the JSON value null."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, kw_only=True)
class FilePart:
    """One file of a form.

    Args:
        content: The bytes, or the path of a file that holds them.
        filename: What the server is told it is called; the path's own name when empty.
        content_type: Its media type.
    """

    content: bytes | Path
    filename: str = ""
    content_type: str = "application/octet-stream"


class Stream:
    """Bytes and files one after the other, read as one; never whole in memory."""

    def __init__(self, parts: Iterable[bytes | Path], sizes: Iterable[int]) -> None:
        self._chunks = self._read_all(list(zip(parts, sizes, strict=True)))

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def _read_all(self, parts: list[tuple[bytes | Path, int]]) -> Iterator[bytes]:
        for part, size in parts:
            if isinstance(part, bytes):
                yield part
            else:
                yield from _exactly(part, size)


def _size(part: bytes | Path) -> int:
    if isinstance(part, bytes):
        return len(part)
    with _reading(part):
        return part.stat().st_size


def _exactly(path: Path, size: int) -> Iterator[bytes]:
    """Yield as many bytes of a file as were announced for it."""
    with _reading(path), path.open("rb") as file:
        while size > 0:
            chunk = file.read(min(size, _CHUNK))
            if not chunk:
                raise SourceFailed(f"cannot send {str(path)!r}: it became shorter while it was sent")
            size -= len(chunk)
            yield chunk


@contextmanager
def _reading(path: Path) -> Generator[None]:
    try:
        yield
    except HttpError:
        raise
    except OSError as error:
        raise SourceFailed(f"cannot send {str(path)!r}: {error.strerror or error}") from error


@dataclass(frozen=True)
class Body:
    """A body that can be sent more than once."""

    parts: tuple[bytes | Path, ...]
    content_type: str

    def open(self) -> tuple[bytes | Stream, int]:
        """Return what to send, from its beginning, and its length in bytes."""
        if all(isinstance(part, bytes) for part in self.parts):
            data = b"".join(part for part in self.parts if isinstance(part, bytes))
            return data, len(data)
        sizes = [_size(part) for part in self.parts]
        return Stream(self.parts, sizes), sum(sizes)


def make_body(
    data: bytes | str | Path | None, json_value: Any, form: Fields | None, files: Files | None
) -> Body | None:
    """Return the body of a request; None for a request without one.

    Raises:
        ConfigurationError: Two kinds of body were given, or a value that JSON cannot hold.
    """
    given = {"body": data is not None, "json": json_value is not UNSET, "form or files": bool(form or files)}
    if sum(given.values()) > 1:
        names = " and ".join(name for name, is_given in given.items() if is_given)
        raise ConfigurationError(f"cannot send {names} in one request; give one of them")
    if data is not None:
        return Body((data.encode() if isinstance(data, str) else data,), "")
    if json_value is not UNSET:
        return Body((_to_json(json_value),), "application/json")
    if files:
        return _multipart(form or {}, files)
    if form is not None:
        return Body((urlencode(pairs(form)).encode(),), "application/x-www-form-urlencoded")
    return None


def pairs(fields: Fields) -> list[tuple[str, str]]:
    """Return names and values as text, one pair for each value of a list."""
    found: list[tuple[str, str]] = []
    for name, value in fields.items():
        several = [value] if isinstance(value, (str, Secret)) or not isinstance(value, Sequence) else value
        found.extend((name, plain(item)) for item in several)
    return found


def _to_json(value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, default=_resolve).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"cannot send this {type(value).__name__} as JSON: {error}") from None


def _resolve(value: Any) -> str:
    if isinstance(value, Secret):
        return value.get()
    raise TypeError(f"it has a {type(value).__name__}, which JSON cannot hold; convert it first")


def _multipart(form: Fields, files: Files) -> Body:
    # Made from the content, so that the same request is the same bytes in each attempt.
    boundary = hashlib.sha256(repr((pairs(form), files)).encode()).hexdigest()[:32]
    parts: list[bytes | Path] = []
    for name, text in pairs(form):
        parts.append(_part_head(boundary, name, "", "") + text.encode() + b"\r\n")
    for name, value in files.items():
        part = value if isinstance(value, FilePart) else FilePart(content=value)
        filename = part.filename or (part.content.name if isinstance(part.content, Path) else name)
        parts += [_part_head(boundary, name, filename, part.content_type), part.content, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return Body(tuple(parts), f"multipart/form-data; boundary={boundary}")


def _part_head(boundary: str, name: str, filename: str, content_type: str) -> bytes:
    lines = [f"--{boundary}", f'Content-Disposition: form-data; name="{_escaped(name)}"']
    if filename:
        lines[1] += f'; filename="{_escaped(filename)}"'
    if content_type:
        lines.append(f"Content-Type: {_escaped(content_type)}")
    return "\r\n".join([*lines, "", ""]).encode()


def _escaped(text: str) -> str:
    """Escape what would end a quoted name, as the HTML standard says for form data."""
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
