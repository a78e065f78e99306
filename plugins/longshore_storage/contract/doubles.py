"""Sources and stores that do something in the middle, for the tests of the engine."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from longshore_storage.errors import SourceError
from longshore_storage.sources import BytesSource

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from longshore_storage.objects import ObjectInfo
    from longshore_storage.protocol import Body, ObjectStore


class Interrupted(BytesSource):
    """Bytes, and something that happens once, before the first of them are read.

    Args:
        data: The bytes.
        happens: What happens.
    """

    def __init__(self, data: bytes, happens: Callable[[], object]) -> None:
        super().__init__(data, "interrupted bytes")
        self._happens = happens
        self._once = threading.Lock()

    def read_at(self, offset: int, buffer: memoryview) -> None:
        if self._once.acquire(blocking=False):
            self._happens()
        super().read_at(offset, buffer)


class Unreadable(BytesSource):
    """Bytes that cannot be read from an offset on."""

    def __init__(self, data: bytes, behind: int) -> None:
        super().__init__(data, "unreadable bytes")
        self._behind = behind

    def read_at(self, offset: int, buffer: memoryview) -> None:
        if offset + len(buffer) > self._behind:
            raise SourceError(f"cannot read {self.name!r}: the disk is broken")
        super().read_at(offset, buffer)


class Changed(BytesSource):
    """Bytes that are not those of the beginning any more when all of them were read."""

    def check(self) -> None:
        raise SourceError(f"cannot rely on {self.name!r}: it changed while it was read")


class Slow:
    """Zeros without end, each piece of which takes a while."""

    name = "slow zeros"
    identity = ""

    def __init__(self, size: int, seconds: float) -> None:
        self.size, self._seconds = size, seconds

    def read_at(self, offset: int, buffer: memoryview) -> None:
        time.sleep(self._seconds)
        buffer[:] = bytes(len(buffer))

    def check(self) -> None:
        pass

    def close(self) -> None:
        pass


class Watched:
    """A store that calls a function whenever some bytes of an object have come.

    Args:
        store: What does the work.
        came: Called with how many bytes have come in all.
    """

    def __init__(self, store: ObjectStore, came: Callable[[int], object]) -> None:
        self._store, self._came = store, came
        self._count = 0
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def read(self, info: ObjectInfo, start: int = 0, stop: int | None = None) -> Generator[Body]:
        with self._store.read(info, start, stop) as body:
            yield _WatchedBody(body, self._add)

    def _add(self, count: int) -> None:
        with self._lock:
            self._count += count
            self._came(self._count)


class _WatchedBody:
    def __init__(self, body: Body, came: Callable[[int], None]) -> None:
        self._body, self._came = body, came

    def readinto(self, buffer: memoryview, /) -> int:
        count = self._body.readinto(buffer)
        self._came(count)
        return count


def watched(store: ObjectStore, came: Callable[[int], object]) -> ObjectStore:
    """Return a store that calls a function whenever some bytes have come, with how many so far."""
    return cast("ObjectStore", Watched(store, came))
