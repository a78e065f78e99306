"""Whether an object must be copied, and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from longshore_storage.locations import parse
from longshore_storage.sources import FileSource
from longshore_storage.transfers import Patience, equal
from longshore_storage.transfers.comparing import checksum_of, same_content

if TYPE_CHECKING:
    from longshore_storage.objects import ObjectInfo
    from longshore_storage.protocol import ObjectStore
    from longshore_storage.sync.rules import Compare

_MD5: Final = re.compile(r"[0-9a-f]{32}")


def reason(source: ObjectInfo, target: ObjectInfo | None, compare: Compare) -> str:
    """Return why an object is copied; empty if it is not, as far as the listings tell.

    With `compare="content"` objects of one size still have to be looked at, by `same`.
    """
    if target is None:
        return "it is new"
    if compare == "always":
        return "all are copied"
    if source.size != target.size:
        return f"the target has {target.size:,} bytes"
    return _quick(source, target) if compare == "quick" else ""


def _quick(source: ObjectInfo, target: ObjectInfo) -> str:
    algorithm = source.checksum.partition(":")[0]
    if algorithm and algorithm == target.checksum.partition(":")[0]:
        return "" if source.checksum == target.checksum else f"the {algorithm} differs"
    if _MD5.fullmatch(source.etag) and _MD5.fullmatch(target.etag):
        return "" if source.etag == target.etag else "the ETag differs"
    if source.modified is None or target.modified is None:
        return "a time is not known"
    return "" if target.modified >= source.modified else "the target is older"


def same(
    source_store: ObjectStore, source: ObjectInfo, target_store: ObjectStore, target: ObjectInfo
) -> bool:
    """Tell whether two objects of one size have the same content, by their checksums; files are read."""
    if source_store.scheme == "file" and target_store.scheme == "file":
        algorithm = source_store.algorithm
        return _checksum(source, algorithm) == _checksum(target, algorithm)
    if source_store.scheme == "file":
        return _has(target_store, target, source)
    if target_store.scheme == "file":
        return _has(source_store, source, target)
    return equal(_in_full(source_store, source), _in_full(target_store, target))


def _has(store: ObjectStore, info: ObjectInfo, file: ObjectInfo) -> bool:
    in_full = _in_full(store, info)
    content = FileSource.at(file)
    try:
        return Patience(store).call(lambda: same_content(store, in_full, content))
    finally:
        content.close()


def _checksum(file: ObjectInfo, algorithm: str) -> str:
    content = FileSource.at(file)
    try:
        return checksum_of(content, algorithm)
    finally:
        content.close()


def _in_full(store: ObjectStore, info: ObjectInfo) -> ObjectInfo:
    """Return what a look at the object tells, where the listing told no checksum."""
    if info.checksum:
        return info
    at = parse(info.url)
    return Patience(store).call(lambda: store.head(at))
