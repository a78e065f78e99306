"""What is in a zip archive."""

from __future__ import annotations

import calendar
import os
import stat
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal, cast

from longshore_storage.archives.members import Member, Readable, parsing
from longshore_storage.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import IO

    from longshore_storage.archives.allowances import Allowance

_UNIX: Final = 3
_ENCRYPTED: Final = 1
_LONGEST_LINK: Final = 4096
_ENTRY: Final = 256
"""Bytes of the directory at the end that an entry has on average, at most."""
_LEAST: Final = 1 << 20


@contextmanager
def zip_members(file: IO[bytes], archive: str, allowance: Allowance) -> Generator[Iterator[Member]]:
    """Yield what is in a zip archive, in the order of its directory.

    Args:
        file: The archive.
        archive: For messages.
        allowance: Says how large the directory may be, which is read into memory.

    Raises:
        ArchiveError: It is cut, damaged, encrypted, or none.
    """
    limited = _Limited(file, archive, _LEAST + _ENTRY * allowance.most_entries)
    with parsing(archive):
        opened = zipfile.ZipFile(cast("IO[bytes]", limited))
    with opened:
        yield (_member(opened, info, archive) for info in opened.infolist())


def _member(opened: zipfile.ZipFile, info: zipfile.ZipInfo, archive: str) -> Member:
    if info.flag_bits & _ENCRYPTED:
        raise ArchiveError(f"cannot read archive {archive!r}: {info.filename!r} is encrypted")
    mode = info.external_attr >> 16 if info.create_system == _UNIX else 0
    kind = _kind(info, mode)

    def content() -> Readable:
        return opened.open(info)

    target = ""
    if kind == "link":
        with parsing(archive):
            target = content().read(_LONGEST_LINK + 1).decode("utf-8", "surrogateescape")
    return Member(
        # Its own `filename` ends at a NUL.
        name=info.orig_filename,
        kind=kind,
        mode=mode & 0o7777 or (0o755 if kind == "folder" else 0o644),
        modified=_modified(info),
        target=target,
        open=content,
    )


def _modified(info: zipfile.ZipInfo) -> float:
    try:
        return calendar.timegm((*info.date_time, 0, 0, 0))
    except ValueError:  # zeros, from those who do not know
        return 0.0


def _kind(info: zipfile.ZipInfo, mode: int) -> Literal["file", "folder", "link", "other"]:
    if info.filename.endswith("/"):
        return "folder"
    form = stat.S_IFMT(mode)
    if form == stat.S_IFLNK:
        return "link"
    if form == stat.S_IFDIR:
        return "folder"
    return "file" if form in (0, stat.S_IFREG) else "other"


class _Limited:
    """A file of which nobody reads too much at once."""

    def __init__(self, file: IO[bytes], archive: str, limit: int) -> None:
        self._file, self._archive, self._limit = file, archive, limit
        self._size = os.fstat(file.fileno()).st_size
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        left = self._size - self._file.tell()
        data = self._file.read(min(left if size < 0 else size, self._limit + 1))
        if len(data) > self._limit:
            raise ArchiveError(
                f"cannot read archive {self._archive!r}: its directory has more than {self._limit:,} bytes; "
                "if you trust it, give a larger max_count"
            )
        return data

    def close(self) -> None:
        """Leave it open: who opened it closes it."""
