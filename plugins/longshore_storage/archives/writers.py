"""Archives as they are written, one member after the other."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, Protocol, cast

from longshore import current
from longshore_storage.errors import SourceError, TransferCancelled

if TYPE_CHECKING:
    from collections.abc import Generator

    from longshore_storage.sources import FileSource
    from longshore_storage.transfers.partials import Partial

_PIECE: Final = 1 << 20
_LEVEL: Final = 6
_UNIX: Final = 3
_ZIP_TIMES: Final = (315532800.0, 4354819198.0)
"""Seconds since the epoch that zip has dates for: 1980 to 2107."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a member is given.

    Args:
        name: In the archive.
        mode: Permissions.
        modified: Seconds since the epoch.
        source: The content; None for a folder.
    """

    name: str
    mode: int
    modified: float
    source: FileSource | None


class Writer(Protocol):
    """An archive that grows."""

    def add(self, entry: Entry) -> None:
        """Write a member."""
        ...


@contextmanager
def tar_writer(file: IO[bytes], compression: str) -> Generator[TarWriter]:
    """Write a tar archive, as POSIX.1-2001 has it; gzip's header has neither name nor time."""
    if compression == "gz":
        with (
            gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w:", format=tarfile.PAX_FORMAT) as opened,
        ):
            yield TarWriter(opened)
    else:
        with tarfile.open(fileobj=file, mode="w:", format=tarfile.PAX_FORMAT) as opened:
            yield TarWriter(opened)


@contextmanager
def zip_writer(file: IO[bytes]) -> Generator[ZipWriter]:
    """Write a zip archive, with the extensions for large files where they are needed."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        yield ZipWriter(opened)


class TarWriter:
    """Adds members to a tar archive; owners are left out."""

    def __init__(self, opened: tarfile.TarFile) -> None:
        self._opened = opened

    def add(self, entry: Entry) -> None:
        """Write a member."""
        info = tarfile.TarInfo(entry.name)
        info.mode, info.mtime = entry.mode, int(entry.modified)
        if entry.source is None:
            info.type = tarfile.DIRTYPE
            self._opened.addfile(info)
        else:
            info.size = entry.source.size
            self._opened.addfile(info, cast("IO[bytes]", Reader(entry.source)))
        cast("Members", self._opened).members.clear()  # it would keep every one


class Members(Protocol):
    """The part of `TarFile` that its types leave out."""

    members: list[tarfile.TarInfo]


class ZipWriter:
    """Adds members to a zip archive."""

    def __init__(self, opened: zipfile.ZipFile) -> None:
        self._opened = opened

    def add(self, entry: Entry) -> None:
        """Write a member; its time is UTC, to 2 s."""
        first, last = _ZIP_TIMES
        date = time.gmtime(min(max(entry.modified, first), last))[:6]
        folder = entry.source is None
        info = zipfile.ZipInfo(f"{entry.name}/" if folder else entry.name, date)
        info.create_system = _UNIX
        info.external_attr = ((stat.S_IFDIR if folder else stat.S_IFREG) | entry.mode) << 16
        info.compress_type = zipfile.ZIP_STORED if folder else zipfile.ZIP_DEFLATED
        info.file_size = 0 if entry.source is None else entry.source.size
        try:
            with self._opened.open(info, "w") as member:
                if entry.source is not None:
                    reader = Reader(entry.source)
                    while data := reader.read(_PIECE):
                        member.write(data)
        except UnicodeEncodeError as error:
            raise SourceError(f"cannot pack {entry.name!r}: zip takes no name that is not Unicode") from error


class Reader:
    """A source as a file that is read from its beginning."""

    def __init__(self, source: FileSource) -> None:
        self._source, self._offset = source, 0

    def read(self, size: int) -> bytes:
        """Return the next bytes; none at the end.

        Raises:
            TransferCancelled: The attempt was told to stop.
        """
        if current.cancelled:
            raise TransferCancelled(f"cannot go on: {current.cancel_reason}")
        data = bytearray(min(size, self._source.size - self._offset))
        self._source.read_at(self._offset, memoryview(data))
        self._offset += len(data)
        return bytes(data)


class Growing(io.RawIOBase):
    """A partial file as one that is written to.

    Args:
        partial: Where it goes.
    """

    def __init__(self, partial: Partial) -> None:
        self._partial, self._offset = partial, 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._offset

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._offset, io.SEEK_END: self._partial.size}[whence]
        self._offset = start + offset
        return self._offset

    def write(self, data: object, /) -> int:
        view = memoryview(cast("bytes", data)).cast("B")
        self._partial.write_at(self._offset, view)
        self._offset += len(view)
        return len(view)
