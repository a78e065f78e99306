"""Objects as the source of an upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore_storage.errors import ChecksumError, UnreachableError
from longshore_storage.sources import BytesSource

if TYPE_CHECKING:
    from longshore_storage.objects import ObjectInfo
    from longshore_storage.protocol import ObjectStore
    from longshore_storage.transfers.patience import Patience


class ObjectSource:
    """One version of an object, read range by range; a broken read goes on behind what came.

    Args:
        store: Where it is.
        info: Which version.
        patience: Repeats the requests to that store.
    """

    def __init__(self, store: ObjectStore, info: ObjectInfo, patience: Patience) -> None:
        self._store, self._info, self._patience = store, info, patience
        self.name = info.url
        self.size = info.size
        self.identity = f"{info.url}:{info.size}:{info.token}:{info.version}" if info.token else ""

    def read_at(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer with the bytes from an offset.

        Raises:
            ChecksumError: It is all of an object of which the service knows an MD5 alone, and not that.
        """
        whole = buffer

        def fetch() -> None:
            nonlocal buffer
            start = offset + len(whole) - len(buffer)
            with self._store.read(self._info, start, offset + len(whole)) as body:
                while buffer:
                    count = body.readinto(buffer)
                    if count == 0:
                        raise UnreachableError(
                            f"cannot read {self.name!r}: it ended {len(buffer):,} bytes early"
                        )
                    buffer = buffer[count:]
            self._confirm(whole)

        def again() -> None:
            nonlocal buffer
            try:
                fetch()
            except ChecksumError:
                buffer = whole
                raise

        self._patience.call(again)

    def _confirm(self, data: memoryview) -> None:
        if len(data) == self.size and not self._info.checksum:
            self._store.confirm(self._info, BytesSource(data, self.name))

    def check(self) -> None:
        """Every range was of this version."""

    def close(self) -> None:
        """Nothing is open."""
