"""Local files opened for the store, and what the system says about them put into the kit's errors."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from longshore_storage.errors import (
    ObjectChangedError,
    ObjectNotFoundError,
    SourceError,
    StorageError,
    TargetError,
    UploadNotFoundError,
)
from longshore_storage.heldfiles import NO_LINK
from longshore_storage.locations import parse
from longshore_storage.sources import FileSource

if TYPE_CHECKING:
    from collections.abc import Generator

    from longshore_storage.locations import Location
    from longshore_storage.objects import ObjectInfo
    from longshore_storage.protocol import Upload


class FileRange:
    """A range of an open file, which must not change."""

    def __init__(self, source: FileSource, start: int, stop: int) -> None:
        self._source, self._start, self._stop = source, start, stop

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill some of the buffer; return how many bytes, 0 at the end."""
        piece = buffer[: max(0, self._stop - self._start)]
        try:
            self._source.read_at(self._start, piece)
            self._source.check()
        except SourceError as error:
            raise ObjectChangedError(
                f"cannot go on reading {self._source.name!r}: it changed meanwhile"
            ) from error
        self._start += len(piece)
        return len(piece)


@contextmanager
def opened(info: ObjectInfo) -> Generator[FileSource]:
    """Open exactly the version that was looked at."""
    with reading(info.url):
        if not Path(info.url).exists():
            raise ObjectChangedError(f"cannot read {info.url!r}: it was deleted meanwhile")
        source = FileSource.at(info)
    try:
        yield source
    finally:
        source.close()


@contextmanager
def growing_file(upload: Upload) -> Generator[int]:
    """Open the growing file of an upload.

    Raises:
        UploadNotFoundError: It is gone.
    """
    try:
        descriptor = os.open(upload.id, os.O_RDWR | NO_LINK)
    except FileNotFoundError as error:
        raise UploadNotFoundError(f"cannot go on with the upload to {upload.url!r}: it is gone") from error
    try:
        with writing(parse(upload.url)):
            yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def reading(url: str) -> Generator[None]:
    """Say what is wrong with a file that is read."""
    try:
        yield
    except StorageError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ObjectNotFoundError(f"cannot find {url!r}: there is no such file") from error
    except OSError as error:
        raise SourceError(f"cannot read {url!r}: {error.strerror or error}") from error


@contextmanager
def writing(at: Location, *, make: bool = True) -> Generator[Path]:
    """Yield the file behind any links, and say what is wrong with it or with the disk."""
    try:
        real = at.path.resolve()
        if make:
            real.parent.mkdir(parents=True, exist_ok=True)
        if real.exists() and not stat.S_ISREG(real.stat().st_mode):
            raise TargetError(f"cannot write {at.url!r}: it is there, and no plain file")
        yield real
    except StorageError:
        raise
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, until Python 3.12
        raise TargetError(f"cannot write {at.url!r}: {getattr(error, 'strerror', None) or error}") from error
