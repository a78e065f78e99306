"""Objects as the source of an upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore_storage.errors import UnreachableError

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
        """Fill the buffer with the bytes from an offset."""

        def fetch() -> None:
            nonlocal offset, buffer
            with self._store.read(self._info, offset, offset + len(buffer)) as body:
                while buffer:
                    count = body.readinto(buffer)
                    if count == 0:
                        raise UnreachableError(
                            f"cannot read {self.name!r}: {len(buffer):,} bytes were missing"
                        )
                    buffer, offset = buffer[count:], offset + count

        self._patience.call(fetch)

    def check(self) -> None:
        """Every range was of this version."""

    def close(self) -> None:
        """Nothing is open."""
