"""From a source to an object, which is the old or the new one as a whole, checked by the service."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from longshore_storage import checksums
from longshore_storage.errors import ChecksumError
from longshore_storage.objects import WriteOptions
from longshore_storage.transfers.meters import Meter
from longshore_storage.transfers.multiparts import Multipart
from longshore_storage.transfers.patience import Patience
from longshore_storage.transfers.settings import Settings
from longshore_storage.transfers.writes import Write, decide

if TYPE_CHECKING:
    from longshore_storage.locations import Location
    from longshore_storage.objects import ObjectInfo
    from longshore_storage.protocol import ObjectStore
    from longshore_storage.sources import Source

_DEFAULTS: Final = Settings()
_PLAIN: Final = WriteOptions()


def upload(
    source: Source,
    store: ObjectStore,
    at: Location,
    *,
    options: WriteOptions = _PLAIN,
    settings: Settings = _DEFAULTS,
    expected: str = "",
) -> ObjectInfo:
    """Copy a source to an object, which is the old one or the new one as a whole.

    A failed upload leaves no object and no unfinished multipart upload. One whose process was killed goes on
    when its run is resumed, from the parts that the service has; each is compared before it is believed.

    Args:
        source: Where the bytes come from; the caller closes it.
        store: Where they go.
        at: The object.
        options: What it is given.
        settings: How.
        expected: The source's checksum, if it is known, as in `ObjectInfo`.

    Returns:
        The new object; with `overwrite="if-different"` the one that has the content already.

    Raises:
        ChecksumError: The bytes are not those that were sent, or `expected`.
        ConditionFailedError: `overwrite` does not allow it.
        SourceError: The source changed meanwhile.
        StorageError: It could not be uploaded.
    """
    stop = threading.Event()
    patience = Patience(store, stop)
    condition, there = decide(settings.overwrite, store, at, patience, source)
    if there is not None:
        return there
    write = Write(store, at, options, condition, patience, overwrite=settings.overwrite)
    if source.size <= min(settings.part_size_for(source.size, store.limits), store.limits.largest_put):
        return _whole(source, write, expected)
    return Multipart(source, write, settings, stop, expected).send()


def _whole(source: Source, write: Write, expected: str) -> ObjectInfo:
    buffer = memoryview(bytearray(source.size))
    source.read_at(0, buffer)
    source.check()
    check_expected(source, buffer, expected)
    checksum = checksums.of(write.store.algorithm, buffer)
    meter = Meter(source.size)
    info = write.put(buffer, checksum, source)
    meter.add(source.size)
    return info if info.checksum else replace(info, checksum=checksum)


def check_expected(source: Source, data: memoryview, expected: str) -> None:
    """Raise ChecksumError if what was read from the source is not what its service said."""
    algorithm = expected.partition(":")[0]
    if algorithm and checksums.available(algorithm) and checksums.of(algorithm, data) != expected:
        raise ChecksumError(
            f"cannot rely on what was read from {source.name!r}: its checksum is not {expected}"
        )
