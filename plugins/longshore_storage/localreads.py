"""Files as they are read: one version of each, or an error."""

from __future__ import annotations

import stat
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from longshore_storage.errors import ObjectChangedError, ObjectNotFoundError, SourceError
from longshore_storage.localfaults import reading
from longshore_storage.mediatypes import guessed_type
from longshore_storage.objects import ObjectInfo
from longshore_storage.sources import FileSource, file_token

if TYPE_CHECKING:
    import os
    from collections.abc import Generator


class Range:
    """The bytes of a range of one version of a file."""

    def __init__(self, source: FileSource, info: ObjectInfo, start: int, stop: int) -> None:
        self._source, self._info = source, info
        self._offset, self._stop = start, stop

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill some of the buffer; return how many bytes, 0 only at the end.

        Raises:
            ObjectChangedError: The file was written to meanwhile.
        """
        count = min(len(buffer), max(self._stop - self._offset, 0))
        with reading(self._info.url):
            try:
                self._source.read_at(self._offset, buffer[:count])
            except SourceError as error:
                raise _changed(self._info) from error
        check_still(self._source, self._info)
        self._offset += count
        return count


@contextmanager
def opened(info: ObjectInfo) -> Generator[FileSource]:
    """Open exactly the version that was looked at.

    Raises:
        ObjectChangedError: It is not there any more.
    """
    with reading(info.url):
        try:
            source = FileSource.at(info)
        except SourceError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise _changed(info) from error
            raise
    try:
        yield source
    finally:
        source.close()


def check_still(source: FileSource, info: ObjectInfo) -> None:
    """Raise ObjectChangedError if the open file was written to."""
    try:
        source.check()
    except SourceError as error:
        raise _changed(info) from error


def _changed(info: ObjectInfo) -> ObjectChangedError:
    return ObjectChangedError(f"cannot read {info.url!r}: it was replaced or removed meanwhile; run it again")


def info_of(path: str, status: os.stat_result) -> ObjectInfo:
    """Return what is known of a file.

    Raises:
        ObjectNotFoundError: It is a folder, or a device.
    """
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "no plain file"
        raise ObjectNotFoundError(f"cannot find {path!r}: it is {what}; give the path of a file")
    return ObjectInfo(
        url=path,
        size=status.st_size,
        etag=file_token(status),
        modified=datetime.fromtimestamp(status.st_mtime, UTC),
        content_type=guessed_type(path),
    )
