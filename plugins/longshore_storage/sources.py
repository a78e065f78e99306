"""Where the bytes of an upload come from: a file, bytes, or an object of any service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from longshore_storage.errors import ObjectChangedError, SourceError

if TYPE_CHECKING:
    from longshore_storage.objects import ObjectInfo


class Source(Protocol):
    """Bytes at places, for several threads at once."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def size(self) -> int:
        """Bytes in all."""
        ...

    @property
    def identity(self) -> str:
        """Says which content it is, to go on in another process; empty if that cannot be told."""
        ...

    def read_at(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer with the bytes from an offset.

        Raises:
            SourceError: They are not there: the source became shorter.
        """
        ...

    def check(self) -> None:
        """Raise SourceError if the content is not that of the beginning any more."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


def file_token(found: os.stat_result) -> str:
    """Return what tells one content of a file from another: its change changes the token."""
    return f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"


class BytesSource:
    """Bytes in memory."""

    def __init__(self, data: bytes | bytearray | memoryview, name: str = "bytes") -> None:
        self._data = memoryview(data).cast("B")
        self.name = name
        self.size = len(self._data)
        self.identity = ""

    def read_at(self, offset: int, buffer: memoryview) -> None:
        buffer[:] = self._data[offset : offset + len(buffer)]

    def check(self) -> None:
        pass

    def close(self) -> None:
        pass


class FileSource:
    """A local file, which must not change while it is read."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        try:
            self._descriptor = os.open(
                path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
            )
        except OSError as error:
            raise SourceError(f"cannot read {self.name!r}: {error.strerror or error}") from error
        self._seen = self._look()
        self.size = self._seen[0]
        self.identity = ":".join(map(str, (self.name, *self._seen)))

    @classmethod
    def at(cls, info: ObjectInfo) -> FileSource:
        """Open the file of a local object.

        Raises:
            ObjectChangedError: It is not the version that was looked at.
        """
        source = cls(Path(info.url))
        if info.etag and file_token(os.fstat(source._descriptor)) != info.etag:
            source.close()
            raise ObjectChangedError(f"cannot read {info.url!r}: it was replaced meanwhile; run it again")
        return source

    def _look(self) -> tuple[int, int, int, int]:
        found = os.fstat(self._descriptor)
        return found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def read_at(self, offset: int, buffer: memoryview) -> None:
        while buffer:
            count = os.preadv(self._descriptor, [buffer], offset)
            if count == 0:
                raise SourceError(f"cannot read {self.name!r}: it became shorter while it was read")
            buffer, offset = buffer[count:], offset + count

    def check(self) -> None:
        if self._look() != self._seen:
            raise SourceError(f"cannot rely on {self.name!r}: it changed while it was read; run it again")

    def close(self) -> None:
        os.close(self._descriptor)
