"""The last request of an upload: under a condition, and understood also when its answer was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from longshore_storage.errors import (
    ConditionFailedError,
    ObjectExistsError,
    ObjectNotFoundError,
    StorageError,
    UploadNotFoundError,
)  # fmt: skip
from longshore_storage.objects import ANY, Condition, ObjectInfo
from longshore_storage.transfers.comparing import same_content

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_storage.locations import Location
    from longshore_storage.objects import Overwrite, WriteOptions
    from longshore_storage.protocol import ObjectStore, Part, Upload
    from longshore_storage.sources import Source
    from longshore_storage.transfers.patience import Patience

T = TypeVar("T")


def decide(
    overwrite: Overwrite | ObjectInfo, store: ObjectStore, at: Location, patience: Patience,
    source: Source | None = None,
) -> tuple[Condition, ObjectInfo | None]:  # fmt: skip
    """Return the condition to write under, and the object that makes writing needless.

    Args:
        overwrite: What may become of an object that is there.
        store: Where.
        at: The object.
        patience: Repeats the look.
        source: The new content, for `if-different`; None if it is not compared.
    """
    if overwrite == "always":
        return ANY, None
    if overwrite == "never":
        return Condition(absent=True), None
    if isinstance(overwrite, ObjectInfo):
        return Condition(token=overwrite.token), None
    try:
        there = patience.call(lambda: store.head(at))
    except ObjectNotFoundError:
        return Condition(absent=True), None
    if overwrite == "if-different" and source is not None and same_content(store, there, source):
        return ANY, there
    return Condition(token=there.token), None


class Write:
    """One write to one place.

    Args:
        store: Where.
        at: The object.
        options: What it is given.
        condition: What must be true of the place.
        patience: Repeats requests.
        overwrite: What the caller said, for messages.
    """

    def __init__(
        self, store: ObjectStore, at: Location, options: WriteOptions, condition: Condition,
        patience: Patience, *, overwrite: Overwrite | ObjectInfo = "always",
    ) -> None:  # fmt: skip
        self.store, self.at, self.options = store, at, options
        self.condition, self.patience = condition, patience
        self._overwrite = overwrite
        self._unanswered = False

    def put(self, data: memoryview, checksum: str, source: Source) -> ObjectInfo:
        """Write the object with one request."""
        return self._settled(
            lambda: self.store.put(
                self.at, data, checksum=checksum, options=self.options, condition=self.condition
            ),
            checksum,
            source,
        )

    def finish(self, upload: Upload, parts: list[Part], checksum: str, source: Source) -> ObjectInfo:
        """Make the parts the object."""
        return self._settled(
            lambda: self.store.finish(
                upload, parts, checksum=checksum, options=self.options, condition=self.condition
            ),
            checksum,
            source,
        )

    def _settled(self, request: Callable[[], ObjectInfo], checksum: str, source: Source) -> ObjectInfo:
        try:
            return self.patience.call(lambda: self._noting(request))
        except (ConditionFailedError, UploadNotFoundError) as error:
            # Refused, after a request whose answer never came: perhaps because that one was carried out.
            ours = self._ours(checksum, source) if self._unanswered else None
            if ours is not None:
                return ours
            if self._overwrite == "never" and not isinstance(error, UploadNotFoundError):
                raise ObjectExistsError(
                    f"cannot write {self.at.url!r}: it is there, and overwrite='never'"
                ) from error
            raise

    def _noting(self, request: Callable[[], ObjectInfo]) -> ObjectInfo:
        try:
            return request()
        except StorageError as error:
            self._unanswered = self._unanswered or error.retryable
            raise

    def _ours(self, checksum: str, source: Source) -> ObjectInfo | None:
        """Return the object at the place if it has our content."""
        try:
            there = self.patience.call(lambda: self.store.head(self.at))
        except ObjectNotFoundError:
            return None
        if there.checksum == checksum:
            return there
        return there if same_content(self.store, there, source) else None
