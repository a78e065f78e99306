"""What is in an archive, said the same way for all kinds of archives."""

from __future__ import annotations

import tarfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from longshore_storage.errors import ArchiveError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class Readable(Protocol):
    """Bytes one after the other."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; none at the end."""
        ...


@dataclass(frozen=True, kw_only=True)
class Member:
    """One thing in an archive.

    Args:
        name: As the archive says it.
        kind: `other` is what is never unpacked; `link` is a symbolic one.
        mode: Permissions, with the bits for set-user-ID and the like.
        modified: Seconds since the epoch.
        target: Where a link leads.
        open: Begins to read a file's bytes.
    """

    name: str
    kind: Literal["file", "folder", "link", "hard link", "other"]
    mode: int
    modified: float
    target: str = ""
    open: Callable[[], Readable]


class Content:
    """A member's bytes; what its parser raises is an error of the archive."""

    def __init__(self, file: Readable, archive: str) -> None:
        self._file, self._archive = file, archive

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; none at the end."""
        with parsing(self._archive):
            return self._file.read(size)


@contextmanager
def parsing(archive: str) -> Generator[None]:
    """Turn whatever a parser raises over hostile bytes into an error that names the archive.

    Raises:
        ArchiveError: It cannot be understood.
    """
    try:
        yield
    except StorageError:
        raise
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise ArchiveError(f"cannot read archive {archive!r}: {error}; it is cut or damaged") from error
    except Exception as error:  # parsers raise of everything: struct.error, RecursionError, MemoryError
        raise ArchiveError(
            f"cannot read archive {archive!r}: {error!r}; it is damaged or of no known kind"
        ) from error
