"""From anywhere to anywhere: on the server's side inside one service, streaming between two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longshore_storage.errors import ConditionFailedError, ObjectExistsError, ObjectNotFoundError
from longshore_storage.objects import ANY, Condition, ObjectInfo, WriteOptions
from longshore_storage.sources import FileSource
from longshore_storage.transfers.downloads import download
from longshore_storage.transfers.origins import ObjectSource
from longshore_storage.transfers.patience import Patience
from longshore_storage.transfers.settings import Settings
from longshore_storage.transfers.uploads import upload
from longshore_storage.transfers.writes import decide

if TYPE_CHECKING:
    from longshore_storage.locations import Location
    from longshore_storage.protocol import ObjectStore

_DEFAULTS: Final = Settings()


def copy(
    store: ObjectStore,
    info: ObjectInfo,
    target_store: ObjectStore,
    at: Location,
    *,
    options: WriteOptions | None = None,
    settings: Settings = _DEFAULTS,
) -> ObjectInfo:
    """Copy exactly one version of an object to another place, of the same or another service.

    Args:
        store: Where the object is.
        info: The object, as `store.head` told it.
        target_store: Where it goes; the same store copies on its own side, and no bytes pass here.
        at: Where to.
        options: What the copy is given; None for what the object has.
        settings: How.

    Returns:
        The copy.

    Raises:
        ConditionFailedError: `overwrite` does not allow it.
        ObjectChangedError: The object was replaced meanwhile.
        ChecksumError: The bytes are not the object's.
    """
    if target_store is store and at.scheme != "file":
        return _inside(store, info, at, options, settings)
    if at.scheme == "file":
        download(store, info, at.path, settings=settings)
        return target_store.head(at)
    source = FileSource.at(info) if store.scheme == "file" else ObjectSource(store, info, Patience(store))
    try:
        return upload(
            source, target_store, at, options=options or like(info), settings=settings, expected=info.checksum
        )
    finally:
        source.close()


def like(info: ObjectInfo) -> WriteOptions:
    """Return the options that give a new object what another one has."""
    return WriteOptions(
        content_type=info.content_type, content_encoding=info.content_encoding, metadata=info.metadata
    )


def _inside(
    store: ObjectStore, info: ObjectInfo, at: Location, options: WriteOptions | None, settings: Settings
) -> ObjectInfo:
    patience = Patience(store)
    condition, there = _condition(store, info, at, settings, patience)
    if there is not None:
        return there
    try:
        return patience.call(lambda: store.copy(info, at, options=options, condition=condition))
    except ConditionFailedError as error:
        if settings.overwrite == "never":
            raise ObjectExistsError(f"cannot write {at.url!r}: it is there, and overwrite='never'") from error
        raise


def _condition(
    store: ObjectStore, info: ObjectInfo, at: Location, settings: Settings, patience: Patience
) -> tuple[Condition, ObjectInfo | None]:
    if settings.overwrite != "if-different":
        return decide(settings.overwrite, store, at, patience)
    try:
        there = patience.call(lambda: store.head(at))
    except ObjectNotFoundError:
        return Condition(absent=True), None
    return (ANY, there) if equal(there, info) else (Condition(token=there.token), None)


def equal(one: ObjectInfo, other: ObjectInfo) -> bool:
    """Tell whether two objects have the same content, as far as their services tell: False if they do not."""
    if one.size != other.size:
        return False
    if one.checksum and one.checksum.partition(":")[0] == other.checksum.partition(":")[0]:
        return one.checksum == other.checksum
    return bool(one.etag) and one.etag == other.etag
