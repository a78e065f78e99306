"""A compressed archive as the bytes that it stands for, read forward alone and in bounded memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
from typing import TYPE_CHECKING, Final

from longshore_storage.archives.members import Readable, parsing
from longshore_storage.errors import ArchiveError

if TYPE_CHECKING:
    from typing import IO

    from longshore_storage.archives.allowances import Allowance

_CHUNK: Final = 256 << 10
_LARGEST_READ: Final = 1 << 20
"""Bytes that a parser may want at once; only a hostile header wants more."""
_MEMORY: Final = 256 << 20
"""Bytes that the decompression of xz may take: its highest preset needs 65 MiB."""
_BLOCK: Final = 512


def decompressed(file: IO[bytes], kind: str) -> Readable:
    """Return what a file stands for.

    Args:
        file: The archive.
        kind: `"gz"`, `"bz2"`, `"xz"`, or empty if it is not compressed.
    """
    if kind == "gz":
        return gzip.GzipFile(fileobj=file, mode="rb")
    if kind == "bz2":
        return bz2.BZ2File(file)
    return _Xz(file) if kind == "xz" else file


class Forward:
    """What `tarfile` reads from: it goes forward, and counts.

    Args:
        source: The bytes.
        archive: For messages.
        allowance: How many there may be.
    """

    def __init__(self, source: Readable, archive: str, allowance: Allowance) -> None:
        self._source, self._archive, self._allowance = source, archive, allowance
        self._position = 0
        self._last = b""

    def tell(self) -> int:
        """Return how many bytes were read."""
        return self._position

    def seek(self, position: int) -> int:
        """Go forward.

        Raises:
            ArchiveError: That would be backwards.
        """
        if position < self._position:
            raise ArchiveError(f"cannot read archive {self._archive!r}: its members overlap")
        while self._position < position and self._take(min(_CHUNK, position - self._position)):
            pass
        return self._position

    def read(self, size: int) -> bytes:
        """Return the next bytes; fewer only at the end.

        Raises:
            ArchiveError: So many are wanted that the header which says so must be hostile.
        """
        if not 0 <= size <= _LARGEST_READ:
            raise ArchiveError(f"cannot read archive {self._archive!r}: a header of {size:,} bytes is in it")
        pieces: list[bytes] = []
        missing = size
        while missing and (piece := self._take(missing)):
            pieces.append(piece)
            missing -= len(piece)
        self._last = b"".join(pieces)
        return self._last

    def finish(self) -> None:
        """Read on to the end, where a compressed archive has its checksum.

        Raises:
            ArchiveError: The mark that a whole tar archive ends with was not seen.
        """
        if self._last != bytes(_BLOCK):
            raise ArchiveError(f"cannot read archive {self._archive!r}: it ends early; it is cut or damaged")
        while self._take(_CHUNK):
            pass

    def _take(self, size: int) -> bytes:
        with parsing(self._archive):
            data = self._source.read(size)
        self._position += len(data)
        self._allowance.check_stream(self._position)
        return data


class _Xz:
    """Decompresses xz as `lzma.LZMAFile` does, which knows no limit of memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._made = self._new()

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; none at the end."""
        data = b""
        while not data:
            if self._made.eof:
                given = self._behind()
                if not given:
                    return b""
                self._made = self._new()
            else:
                given = self._file.read(_CHUNK) if self._made.needs_input else b""
                if self._made.needs_input and not given:
                    raise EOFError("it ends within its data")
            data = self._made.decompress(given, size)
        return data

    def _behind(self) -> bytes:
        """Return how the next stream begins: zeros may be between (The .xz File Format, 2.2)."""
        given = self._made.unused_data.lstrip(b"\0")
        while not given:
            read = self._file.read(_CHUNK)
            if not read:
                return b""
            given = read.lstrip(b"\0")
        return given

    @staticmethod
    def _new() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_MEMORY)
