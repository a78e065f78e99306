"""Whether two contents are equal, by what their services know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longshore_storage import checksums
from longshore_storage.errors import ChecksumError

if TYPE_CHECKING:
    from longshore_storage.objects import ObjectInfo
    from longshore_storage.protocol import ObjectStore
    from longshore_storage.sources import Source

_PIECE: Final = 1 << 20


def checksum_of(source: Source, algorithm: str) -> str:
    """Return the checksum of all of a source."""
    value = 0
    buffer = memoryview(bytearray(min(_PIECE, source.size)))
    for offset in range(0, source.size, _PIECE):
        piece = buffer[: source.size - offset]
        source.read_at(offset, piece)
        value = checksums.update(algorithm, piece, value)
    return checksums.encode(algorithm, value)


def same_content(store: ObjectStore, info: ObjectInfo, source: Source) -> bool:
    """Tell whether an object has a source's content; False where its service knows too little of it."""
    if info.size != source.size:
        return False
    algorithm = info.checksum.partition(":")[0]
    if algorithm and checksums.available(algorithm):
        return checksum_of(source, algorithm) == info.checksum
    try:
        return store.confirm(info, source) != "size"
    except ChecksumError:
        return False
