"""From one place to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore import ConfigurationError
from longshore_storage.errors import (
    ChecksumError,
    ConditionFailedError,
    ObjectChangedError,
    ObjectNotFoundError,
)  # fmt: skip
from longshore_storage.objects import Condition, ObjectInfo, Overwrite
from longshore_storage.tasks.places import Place, WritingTask, place_of, said_read, said_written, target_of
from longshore_storage.transfers import Patience, copy

if TYPE_CHECKING:
    from longshore_storage.locations import Location
    from longshore_storage.protocol import ObjectStore


class _Copying(WritingTask[ObjectInfo]):
    """Copy an object as it is."""

    def _takes_files(self) -> bool:
        return True

    def _copied(
        self, source: Place, at: Location, overwrite: Overwrite | ObjectInfo
    ) -> tuple[ObjectStore, ObjectInfo, ObjectInfo]:
        """Copy; return the source's store, the version that was copied, and the copy."""
        place = place_of(source)
        store, target = self._store(place), self._store(at)
        options = self._options()
        if place == at and store is target and options.say_nothing:
            raise ConfigurationError(f"cannot copy {at.url!r} to itself: nothing about it would be new")
        info = Patience(store).call(lambda: store.head(place))
        if isinstance(source, ObjectInfo) and source.token not in ("", info.token):
            raise ObjectChangedError(
                f"cannot copy {place.url!r}: it was replaced since its version was looked at"
            )
        copied = copy(
            store, info, target, at, settings=self._settings(overwrite),
            options=None if options.say_nothing else options.completed(info),
        )  # fmt: skip
        if copied.size != info.size:
            raise ChecksumError(
                f"cannot rely on {at.url!r}: it has {copied.size:,} bytes, and its source {info.size:,}"
            )
        return store, said_read(info), said_written(copied)


class CopyTask(_Copying):
    """Copy one object, on the service's side where both ends are one service, else streaming between them.

    The copy is checked, and is the old one or the new one as a whole. It gets the source's content type,
    encoding and metadata, but for what the fields say.
    """

    def run(
        self, source: Place, target: Place, *, overwrite: Overwrite | ObjectInfo = "always"
    ) -> ObjectInfo:
        """Copy it.

        Args:
            source: The object; one that another task returned is that very version.
            target: Where to; in a folder, or with `/` at its end, the copy gets the source's name.
            overwrite: What may become of an object that is there: `"always"`, `"never"`, `"if-unchanged"`,
                `"if-different"`, or the ObjectInfo of the version that may be replaced.

        Returns:
            The copy.

        Raises:
            ObjectNotFoundError: There is no source.
            ObjectChangedError: The source was replaced meanwhile.
            ConditionFailedError: `overwrite` does not allow it.
            StorageError: It could not be copied.
        """
        return self._copied(source, target_of(source, target), overwrite)[2]


class MoveTask(_Copying):
    """Copy one object, checked, then delete the source, if it is still the version that was copied.

    At no moment is the content in neither place.
    """

    def run(
        self, source: Place, target: Place, *, overwrite: Overwrite | ObjectInfo = "always"
    ) -> ObjectInfo:
        """Move it.

        Args:
            source: The object; one that another task returned is that very version.
            target: Where to; in a folder, or with `/` at its end, the copy gets the source's name.
            overwrite: What may become of an object that is there: `"always"`, `"never"`, `"if-unchanged"`,
                `"if-different"`, or the ObjectInfo of the version that may be replaced.

        Returns:
            The object in its new place.

        Raises:
            ObjectNotFoundError: There is no source.
            ObjectChangedError: The source was replaced meanwhile; both are there now.
            ConditionFailedError: `overwrite` does not allow it.
            StorageError: It could not be moved.
        """
        at = target_of(source, target)
        if place_of(source) == at:
            raise ConfigurationError(f"cannot move {at.url!r} to itself")
        store, info, copied = self._copied(source, at, overwrite)
        _delete_version(store, place_of(source), info)
        return copied


def _delete_version(store: ObjectStore, at: Location, info: ObjectInfo) -> None:
    patience = Patience(store)
    try:
        patience.call(lambda: store.delete(at, condition=Condition(token=info.token)))
    except (ConditionFailedError, ObjectNotFoundError) as error:
        try:
            patience.call(lambda: store.head(at))
        except ObjectNotFoundError:
            return  # by an earlier request, whose answer was lost
        raise ObjectChangedError(
            f"cannot delete {at.url!r} after it was copied: it was replaced meanwhile, so it stays; "
            "move it again"
        ) from error
