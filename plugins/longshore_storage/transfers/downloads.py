"""From an object to a file: whole or not at all, checked, in ranges side by side, resumable."""

from __future__ import annotations

import stat
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Final

from longshore_storage import checksums
from longshore_storage.errors import (
    ChecksumError,
    ConditionFailedError,
    ObjectExistsError,
    SourceError,
    StorageError,
    TargetError,
    TransferCancelled,
    UnreachableError,
)  # fmt: skip
from longshore_storage.objects import ObjectInfo
from longshore_storage.sources import FileSource, file_token
from longshore_storage.transfers.comparing import same_content
from longshore_storage.transfers.meters import Meter
from longshore_storage.transfers.partials import Partial, partial_for
from longshore_storage.transfers.patience import Patience
from longshore_storage.transfers.settings import Settings
from longshore_storage.transfers.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from longshore_storage.locations import Location
    from longshore_storage.protocol import ObjectStore

_PIECE: Final = 1 << 20
_DEFAULTS: Final = Settings()


def download(
    store: ObjectStore, at: Location | ObjectInfo, target: Path, *, settings: Settings = _DEFAULTS
) -> ObjectInfo:
    """Copy an object to a local file, whole or not at all.

    It is written to a hidden file beside the target and moved into place when all of it has come and its
    checksum is right. A failed download leaves the old file and its permissions as they were.

    Args:
        store: Where the object is.
        at: The object, or exactly one version of it.
        target: The file, whose folder is made if it is missing; a link is followed.
        settings: How.

    Returns:
        The object, with `path`, `checksum` and `verified`.

    Raises:
        ChecksumError: The bytes are not the object's.
        TargetError: The file cannot be written.
        StorageError: The object could not be had.
    """
    with _writing(target):
        real = _real_target(target)
        seen = _before(real, settings)
        with partial_for(real) as partial:
            try:
                return _Download(store, partial, real, settings, seen).fetch(at, target)
            except BaseException as error:
                if not (settings.resume and _may_go_on(error)):
                    partial.discard()
                raise


class _Download:
    def __init__(
        self, store: ObjectStore, partial: Partial, real: Path, settings: Settings, seen: str | None
    ) -> None:
        self._store, self._partial, self._real = store, partial, real
        self._settings, self._seen = settings, seen
        self._stop = threading.Event()
        self._patience = Patience(store, self._stop)

    def fetch(self, at: Location | ObjectInfo, target: Path) -> ObjectInfo:
        info, data = self._look(at)
        if self._settings.overwrite == "if-different" and _has(self._store, self._real, info):
            self._partial.discard()
            return replace(info, path=target, verified="")
        if data is None:
            info = self._ranges(info)
        else:
            self._partial.start({})
            self._partial.write_at(0, memoryview(data))
        self._check_target()
        self._partial.place(replace=self._settings.overwrite != "never")
        return replace(info, path=target)

    def _look(self, at: Location | ObjectInfo) -> tuple[ObjectInfo, bytes | None]:
        if isinstance(at, ObjectInfo):
            return at, None
        limit = self._settings.most_at_once
        if self._settings.overwrite == "if-different":
            limit = 0  # perhaps nothing is needed of it
        return self._patience.call(lambda: self._store.get(at, limit))

    def _ranges(self, info: ObjectInfo) -> ObjectInfo:
        algorithm, expected = self._expected(info)
        part = self._settings.most_at_once
        count = -(-info.size // part)
        version = {
            "url": info.url, "size": info.size, "token": info.token, "version": info.version,
            "part_size": part, "algorithm": algorithm,
        }  # fmt: skip
        done = self._partial.start(version if info.token and self._settings.resume else {})
        meter = Meter(info.size)
        for number in done:
            meter.add(min(part, info.size - number * part))

        def fetch(number: int) -> None:
            start = number * part
            value = self._range(info, start, min(info.size, start + part), algorithm, meter)
            done[number] = value
            self._partial.done(number, value)

        missing = (number for number in range(count) if number not in done)
        Workers(self._settings.concurrency, self._stop).run(missing, fetch, count)
        whole = reduce(
            lambda value, number: checksums.combine(
                algorithm, value, done[number], min(part, info.size - number * part)
            ),
            range(count),
            0,
        )
        return self._verified(info, algorithm, whole, expected)

    def _expected(self, info: ObjectInfo) -> tuple[str, int | None]:
        if info.checksum:
            algorithm, value = checksums.parse(info.checksum)
            if checksums.available(algorithm):
                return algorithm, value
        algorithm = self._store.algorithm
        return (algorithm if checksums.available(algorithm) else checksums.best()), None

    def _range(self, info: ObjectInfo, start: int, stop: int, algorithm: str, meter: Meter) -> int:
        """Fetch a range, going on behind what came when a connection breaks; return its checksum."""
        buffer = memoryview(bytearray(min(_PIECE, stop - start)))
        offset, value = start, 0

        def fetch() -> None:
            nonlocal offset, value
            with self._store.read(info, offset, stop) as body:
                while offset < stop:
                    count = body.readinto(buffer[: stop - offset])
                    if count == 0:
                        raise UnreachableError(
                            f"cannot read {info.url!r}: {stop - offset:,} bytes of a range were missing"
                        )
                    self._partial.write_at(offset, buffer[:count])
                    value = checksums.update(algorithm, buffer[:count], value)
                    offset += count
                    meter.add(count)
                    if self._stop.is_set():
                        raise TransferCancelled("cannot go on: the transfer has ended")

        self._patience.call(fetch)
        return value

    def _verified(self, info: ObjectInfo, algorithm: str, value: int, expected: int | None) -> ObjectInfo:
        checksum = checksums.encode(algorithm, value)
        if expected is None:
            return replace(
                info,
                checksum=checksum,
                verified=self._patience.call(lambda: self._store.confirm(info, self._partial)),
            )
        if value != expected:
            raise ChecksumError(
                f"cannot download {info.url!r}: what came has the checksum {checksum}, "
                f"the object {info.checksum}; nothing was written"
            )
        return replace(info, verified=algorithm)

    def _check_target(self) -> None:
        """Look whether the target is still the one that may be replaced; the rename follows at once."""
        if self._settings.overwrite in ("always", "never"):
            return
        if _token_of(self._real) != self._seen:
            raise ConditionFailedError(
                f"cannot write {str(self._real)!r}: it changed meanwhile, "
                "and overwrite allows to replace only the one that was there"
            )


def _before(real: Path, settings: Settings) -> str | None:
    """Return what stands for the file that may be replaced.

    Raises:
        ObjectExistsError: It is there, and must not be.
    """
    if isinstance(settings.overwrite, ObjectInfo):
        return settings.overwrite.token
    if settings.overwrite == "never" and real.exists():
        raise ObjectExistsError(f"cannot write {str(real)!r}: it is there, and overwrite='never'")
    return _token_of(real)


def _token_of(path: Path) -> str | None:
    try:
        return file_token(path.stat())
    except FileNotFoundError:
        return None


def _has(store: ObjectStore, path: Path, info: ObjectInfo) -> bool:
    """Tell whether a file has the object's content already."""
    if not path.is_file():
        return False
    source = FileSource(path)
    try:
        return same_content(store, info, source)
    except SourceError:
        return False
    finally:
        source.close()


def _real_target(target: Path) -> Path:
    """Return the file to write, behind any links, in a folder that exists."""
    if not target.name or "\0" in str(target):
        raise TargetError(f"cannot download to {str(target)!r}: it names no file")
    try:
        real = target.resolve()
    except RuntimeError as error:  # links in a circle, until Python 3.12
        raise TargetError(f"cannot write {str(target)!r}: {error}") from error
    real.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(real.stat().st_mode):
            raise TargetError(f"cannot write {str(target)!r}: it is there, and no plain file")
    return real


@contextmanager
def _writing(target: Path) -> Generator[None]:
    """Say what is wrong with the file or the disk."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        raise TargetError(f"cannot write {str(target)!r}: {error.strerror or error}") from error


def _may_go_on(error: BaseException) -> bool:
    """Tell whether the next transfer can use what came."""
    if isinstance(error, ChecksumError):
        return False
    return (
        not isinstance(error, Exception)
        or getattr(error, "retryable", False) is True
        or isinstance(error, TransferCancelled)
    )
