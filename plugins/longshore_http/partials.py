"""The file beside the target in which a download grows, and what it needs to go on after a break.

Both are hidden files of ours alone (0600) until the download is whole; then the data is moved into place. The
names are made from the target's, so a killed download leaves two files at most, and the next one to that
target takes them up.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from longshore.heldfiles import NO_LINK, boot_id, flush_folder, is_at, lock, mode_for
from longshore_http.errors import TargetFailed

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

_SUFFIX: Final = ".longshore-part"
_LONGEST_NAME: Final = 255
_READ: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Version:
    """Which version of which object the bytes belong to.

    Args:
        url: A digest of the URL, which may hold secrets itself.
        etag: A strong one; empty if there is none.
        modified: Last-Modified, if it is old enough to tell versions apart.
        total: Bytes of the whole object; None if it was not said.
        boot: The machine's boot id: what was not flushed before a power cut may be missing.
    """

    url: str
    etag: str = ""
    modified: str = ""
    total: int | None = None
    boot: str = ""

    @property
    def validator(self) -> str:
        """What If-Range says; empty if the version cannot be told from another."""
        return self.etag or self.modified


class Partial:
    """The growing file, open and locked."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.version: Version | None = None
        self._descriptor = descriptor
        self._record = path.with_name(f"{path.name}.json")

    @property
    def size(self) -> int:
        """The bytes that are there."""
        return os.fstat(self._descriptor).st_size

    def load(self, url: str) -> Version | None:
        """Return the version that the bytes belong to, if they are of this URL and can be gone on with."""
        try:
            version = Version(**json.loads(self._record.read_bytes()))
            right = version.url == url and version.boot == boot_id() and bool(version.validator)
            fits = 0 < self.size <= (version.total or self.size)
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        self.version = version if right and fits else None
        return self.version

    def restart(self, version: Version | None) -> None:
        """Throw the bytes away and say which version the next are of; None if they cannot be gone on with."""
        os.ftruncate(self._descriptor, 0)
        self.version = version
        if version is None:
            self._record.unlink(missing_ok=True)
            return
        # Written before the first byte. One that a crash has torn is no JSON, and the download starts anew.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | NO_LINK
        with os.fdopen(os.open(self._record, flags, 0o600), "w") as file:
            json.dump(asdict(version), file)

    def write(self, data: bytes, offset: int) -> None:
        """Write all of the data at an offset."""
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, offset)
            view, offset = view[written:], offset + written

    def truncate(self, size: int) -> None:
        """Keep the first bytes only."""
        os.ftruncate(self._descriptor, size)

    def read(self) -> Iterator[bytes]:
        """Yield what is there, from the beginning."""
        offset = 0
        while data := os.pread(self._descriptor, _READ, offset):
            offset += len(data)
            yield data

    def move_to(self, target: Path) -> None:
        """Make the file the target, safe on the disk before it has the name."""
        os.fchmod(self._descriptor, mode_for(target))
        os.fsync(self._descriptor)
        self._record.unlink(missing_ok=True)
        self.path.replace(target)
        flush_folder(target.parent)

    def discard(self) -> None:
        """Leave nothing behind."""
        for path in (self._record, self.path):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


@contextmanager
def partial_for(target: Path) -> Generator[Partial]:
    """Open the partial file of a target; only one download at a time has it.

    Raises:
        TargetFailed: Another download to the target is under way, or the file cannot be made.
    """
    path = target.with_name(_name_for(target.name))
    descriptor = _open_locked(path, target)
    try:
        yield Partial(path, descriptor)
    finally:
        os.close(descriptor)


def _name_for(name: str) -> str:
    hidden = f".{name}{_SUFFIX}"
    if len(os.fsencode(hidden)) + len(".json") <= _LONGEST_NAME:
        return hidden
    return f".{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}{_SUFFIX}"


def _open_locked(path: Path, target: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, 0o600)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
                raise TargetFailed(
                    f"cannot write {str(target)!r}: {str(path)!r} is not a file of ours; remove it"
                )
            if not lock(descriptor):
                busy = TargetFailed(f"cannot write {str(target)!r}: another download to it is under way")
                busy.retryable = True
                raise busy
            if is_at(descriptor, path):
                os.fchmod(descriptor, 0o600)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # another download has moved it into place between our open and our lock


def url_digest(url: str, params: Any = ()) -> str:
    """Return what stands for a URL in a record."""
    return hashlib.sha256(repr((url, params)).encode()).hexdigest()
