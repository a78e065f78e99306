"""Files on their way into a container and out of it, in memory: nothing is ever unpacked to disk here."""

from __future__ import annotations

import base64
import io
import json
import tarfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from longshore import OutputsError
from longshore_docker.inputs import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import IO

LARGEST: Final = 1024 * 1024 + 1
"""Bytes that are read of a file: one more than outputs may have, so that it shows."""


@dataclass(frozen=True, slots=True)
class File:
    """A file for a container; a folder when it has no content."""

    path: str
    mode: int
    content: bytes | None = None
    owner: int = 0


def outputs_files() -> list[File]:
    """Return the files that every container gets: an outputs file that any user may append to."""
    folder = OUTPUTS.rpartition("/")[0]
    return [File(folder, 0o1777), File(OUTPUTS, 0o666, b"")]


def pack(files: Iterable[File]) -> bytes:
    """Return the archive of files, for the folder `/`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in files:
            member = tarfile.TarInfo(file.path.lstrip("/"))
            member.mode, member.uid, member.mtime = file.mode, file.owner, int(time.time())
            if file.content is None:
                member.type = tarfile.DIRTYPE
                archive.addfile(member)
            else:
                member.size = len(file.content)
                archive.addfile(member, io.BytesIO(file.content))
    return buffer.getvalue()


def is_empty(stat: str) -> bool:
    """Whether the engine describes an empty plain file (Engine API, "ContainerArchiveInfo")."""
    try:
        found: Any = json.loads(base64.b64decode(stat))
        return bool(found["size"] == 0 and found["mode"] >> 9 == 0)  # no bit of Go's file types
    except (ValueError, LookupError, TypeError):
        return False


def read_file(chunks: Iterator[bytes], path: str, source: str) -> bytes:
    """Read the file that an archive consists of, at most `LARGEST` bytes.

    What is in the archive was made by a program that may be hostile: anything but a plain file is refused.

    Args:
        chunks: The archive, as it comes.
        path: The file's place in the container, for messages.
        source: Whose it is, for messages.

    Raises:
        OutputsError: It is no plain file, or the archive is broken.
    """
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", _Bounded(chunks)), mode="r|") as archive:
            member = archive.next()
            if member is None or not member.isreg():
                raise OutputsError(
                    f"cannot read {path!r} of {source}: it is no longer a plain file; append to it"
                )
            content = archive.extractfile(member)
            return b"" if content is None else content.read(LARGEST)
    except tarfile.TarError as error:
        raise OutputsError(f"cannot read {path!r} of {source}: {error}") from error


class _Bounded:
    """Reads chunks as a file, and ends after the headers and `LARGEST` bytes."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._data = b""
        self._left = LARGEST + 64 * 1024

    def read(self, size: int) -> bytes:
        size = min(size, self._left)
        while len(self._data) < size and (chunk := next(self._chunks, b"")):
            self._data += chunk
        data, self._data = self._data[:size], self._data[size:]
        self._left -= len(data)
        return data


def user_number(passwd: bytes, user: str) -> int | None:
    """Return the number of a user, by the text of a `/etc/passwd`."""
    for line in passwd.splitlines():
        fields = line.split(b":")
        if len(fields) > 2 and fields[0] == user.encode() and fields[2].isdigit():
            return int(fields[2])
    return None
