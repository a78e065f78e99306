"""A folder of files that are written once, whole or not at all, private to their owner."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from longshore import heldfiles
from longshore.heldfiles import NO_LINK, flush_folder, hold
from longshore.stores.errors import ResultError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable, Iterator
    from io import BufferedReader
    from pathlib import Path

_PLACE: Final = re.compile(r"[a-z0-9_-]{1,90}/[a-z0-9_-]{1,120}\.[a-z0-9_-]{1,40}")
"""No dots but the last one, no upper case: a place is one file on every file system, inside the folder."""
_TEMPORARY: Final = ".part-"
_TRIES: Final = 100
_CHUNK: Final = 1 << 20


class Folder:
    """Files by place, `group/name.ending`, below one folder.

    Args:
        path: Made when first written to; with all that is in it only its owner may look into it.
        flush: Have what is written survive the loss of power: the file and its folders are flushed.
    """

    shared = False
    """Whether other run stores may keep their results in it too."""

    def __init__(self, path: Path, *, flush: bool = False) -> None:
        self.path = path
        self._flush = flush

    def check(self) -> None:
        """Nothing can be wrong before the first file is written."""

    def put(
        self, group: str, name_of: Callable[[str], str], chunks: Iterable[bytes | memoryview]
    ) -> tuple[str, int, str]:
        """Write a file and move it into place.

        Args:
            group: The folder inside this one.
            name_of: Makes the file's name from the digest of its content.
            chunks: The content.

        Returns:
            Its place, its size in bytes, and its SHA-256 in hex.

        Raises:
            StoreError: The system did not let it be written.
        """
        inside = self.path / group
        try:
            with self._temporary(inside) as (descriptor, temporary):
                size, digest = _write(descriptor, chunks)
                if self._flush:
                    os.fsync(descriptor)
                place = f"{group}/{name_of(digest)}"
                os.replace(temporary, self._path_of(place))  # noqa: PTH105 - with the lock held
            if self._flush:
                flush_folder(inside)
        except OSError as error:
            raise StoreError(
                f"cannot write a result to {str(inside)!r}: {error.strerror or error}; "
                "make room there, or let this user write there"
            ) from error
        return place, size, digest

    @contextmanager
    def open(self, place: str) -> Generator[BufferedReader]:
        """Open a file for reading.

        Raises:
            ResultError: There is no such file, or it cannot be read.
        """
        path = self._path_of(place)
        try:
            descriptor = os.open(path, os.O_RDONLY | NO_LINK)
        except OSError as error:
            raise ResultError(
                f"cannot open {str(path)!r}: {error.strerror or error}; run the step again"
            ) from error
        with open(descriptor, "rb") as file:  # noqa: PTH123 - of a descriptor
            yield file

    def remove_group(self, group: str) -> tuple[int, int]:
        """Remove the files of a group; return how many, and their bytes."""
        places = [place for place, _ in self._listed([self.path / group]) if is_place(place)]
        sizes = [_removed(path, partial(heldfiles.remove, path)) or 0 for path in map(self._path_of, places)]
        self._drop_empty()
        return len(sizes), sum(sizes)

    def sweep(
        self, keep: Callable[[str], bool], older_than: float, groups: Collection[str] = ()
    ) -> tuple[int, int]:
        """Remove files that are not to be kept, and what writers left unfinished when they died.

        Args:
            keep: Tells whether a place is referred to.
            older_than: Seconds since it was written after which a file that nobody refers to is removed.
            groups: Those of the run store; here all are.

        Returns:
            How many files, and their bytes.
        """
        files = size = 0
        before = time.time() - older_than
        for place, written in self._listed(self._groups()):
            removed: int | None = None
            path = self.path / place
            if f"/{_TEMPORARY}" in place:
                removed = _removed(path, partial(heldfiles.remove_abandoned, path, old=written <= before))
            elif written <= before and is_place(place) and not keep(place):
                removed = _removed(path, partial(heldfiles.remove, path))
            if removed is not None:
                files, size = files + 1, size + removed
        self._drop_empty()
        return files, size

    def _drop_empty(self) -> None:
        for inside in self._groups():
            with suppress(OSError):
                inside.rmdir()

    def _groups(self) -> list[Path]:
        return [
            self.path / entry.name for entry in _entries(self.path) if entry.is_dir(follow_symlinks=False)
        ]

    def _listed(self, groups: Iterable[Path]) -> Iterator[tuple[str, float]]:
        for inside in groups:
            for entry in _entries(inside):
                with suppress(FileNotFoundError):
                    yield f"{inside.name}/{entry.name}", entry.stat(follow_symlinks=False).st_mtime

    def _path_of(self, place: str) -> Path:
        path = self.path / place
        if not is_place(place) or path.parent.is_symlink():
            raise ResultError(
                f"cannot use {place!r} as the place of a result: it is none that Longshore makes"
            )
        return path

    @contextmanager
    def _temporary(self, inside: Path) -> Generator[tuple[int, Path]]:
        """Open a new file that is locked while its writer lives, and gone in the end unless it was moved."""
        descriptor, path = self._create(inside)
        try:
            yield descriptor, path
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            os.close(descriptor)

    def _create(self, inside: Path) -> tuple[int, Path]:
        for _ in range(_TRIES):
            if inside.is_symlink():
                raise StoreError(f"cannot write a result to {str(inside)!r}: it is a link; remove it")
            path = inside / f"{_TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}"
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_LINK, 0o600)
            except FileNotFoundError:  # the first file, or a sweep took the empty folder
                self._make(inside)
                continue
            if hold(descriptor, path):
                return descriptor, path
            os.close(descriptor)  # a sweep came between, and took the file for a dead writer's
        raise StoreError(
            f"cannot write a result to {str(inside)!r}: new files vanish there; look who removes them"
        )

    def _make(self, inside: Path) -> None:
        missing = [path for path in (inside, *inside.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir(mode=0o700, exist_ok=True)
            if self._flush:
                flush_folder(path.parent)


def is_place(name: str) -> bool:
    """Tell whether this is `group/name.ending`, as Longshore makes them."""
    return _PLACE.fullmatch(name) is not None


def _write(descriptor: int, chunks: Iterable[bytes | memoryview]) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    return size, digest.hexdigest()


def _removed(path: Path, remove: Callable[[], int | None]) -> int | None:
    """Return what a removal returned.

    Raises:
        StoreError: The system did not let it be removed.
    """
    try:
        return remove()
    except OSError as error:
        raise StoreError(
            f"cannot remove {str(path)!r}: {error.strerror or error}; let this user write there"
        ) from error


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
