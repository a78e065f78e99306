"""`ObjectStore`: what the transfer engine asks of a service. An integration writes one, and its connection.

Every method is one request, or as few as the service allows, and does not repeat itself: the engine waits
and asks again (`Patience`), by the `retryable` and `retry_after` of the error. All methods may be called from
several threads at once. Errors are those of `longshore_storage.errors`; what the service's SDK raises is
translated.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from longshore_storage.connections import Connection as Connection  # noqa: TC001 - its name here, for all who know it so
from longshore_storage.objects import ANY, Condition, ObjectInfo, Prefix, WriteOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import timedelta

    from longshore_storage.locations import Location
    from longshore_storage.sources import Source

MIB: Final = 1 << 20
GIB: Final = 1 << 30
TIB: Final = 1 << 40

PLAIN: Final = WriteOptions()


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a service allows, in bytes and numbers of parts.

    Args:
        smallest_part: Of a multipart upload; the last part may be smaller.
        largest_part: Of a multipart upload.
        most_parts: Of a multipart upload.
        part_multiple: Parts but the last are multiples of this.
        largest_put: One request's object.
        largest_object: Any object.
        largest_copy: What one request copies on the server's side.
        in_order: Parts must be sent one after the other.
    """

    smallest_part: int = 5 * MIB
    largest_part: int = 5 * GIB
    most_parts: int = 10_000
    part_multiple: int = 1
    largest_put: int = 5 * GIB
    largest_object: int = 5 * TIB
    largest_copy: int = 5 * GIB
    in_order: bool = False


class Body(Protocol):
    """The bytes of a range as they come."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill some of the buffer; return how many bytes, 0 only at the end.

        Raises:
            UnreachableError: The connection broke, or ended before the range did.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A multipart upload under way; it goes into a record, so it holds plain values only.

    Args:
        url: Where the object will be.
        id: The service's name for the upload. It may be a credential (a session URL): never shown.
        part_size: Of all parts but the last.
        size: Of the whole; -1 if it is not known yet.
    """

    url: str
    id: str
    part_size: int
    size: int = -1


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part that the service has.

    Args:
        number: From 1.
        size: Bytes.
        etag: The service's name for it.
        checksum: As in `ObjectInfo`; empty if the service does not say it.
    """

    number: int
    size: int
    etag: str = ""
    checksum: str = ""


class ObjectStore(ABC):
    """One service, seen through one connection."""

    scheme: ClassVar[str]
    algorithm: str = "crc64nvme"
    """The checksum that `put` and `put_part` hand to the service: `crc64nvme`, `crc32c` or `crc32`."""
    limits: Limits = Limits()
    connection: Connection | None = None
    """What made it; set by `store_for`."""

    @abstractmethod
    def head(self, at: Location) -> ObjectInfo:
        """Look at an object.

        Raises:
            ObjectNotFoundError: There is none.
        """

    def head_version(self, at: Location, version: str) -> ObjectInfo:
        """Look at one version of an object.

        Args:
            at: The object.
            version: As `ObjectInfo.version` or `.generation` has it.

        Raises:
            ObjectNotFoundError: There is no such version.
        """
        info = self.head(at)
        if version not in (info.version, info.generation):
            raise self.cannot(f"find version {version!r} of", at)
        return info

    @abstractmethod
    def list(
        self, prefix: Location, *, recursive: bool = True, after: str = ""
    ) -> Iterator[ObjectInfo | Prefix]:
        """Yield the objects whose keys begin with the prefix's, in the order of their keys' UTF-8 bytes.

        It asks page by page, as the iterator is consumed.

        Args:
            prefix: Matches as text: `data` is also the beginning of `database`.
            recursive: Otherwise what is below the next `/` is one `Prefix`.
            after: Begin with the key that follows this one.
        """

    @abstractmethod
    def read(self, info: ObjectInfo, start: int = 0, stop: int | None = None) -> AbstractContextManager[Body]:
        """Open a range of exactly this version's stored bytes.

        Raises:
            ObjectChangedError: The version is not there any more.
            ServiceError: The service ignored the range, or answered with another one.
        """

    @abstractmethod
    def get(self, at: Location, limit: int) -> tuple[ObjectInfo, bytes | None]:
        """Fetch a small object whole, in one request where the service allows, and verify it.

        Returns:
            What it is, with `verified` said, and its bytes; None for the bytes if it is larger than `limit`.
        """

    @abstractmethod
    def put(
        self,
        at: Location,
        data: memoryview,
        *,
        checksum: str,
        options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> ObjectInfo:
        """Write an object with one request; the service compares the checksum before the object is there.

        Args:
            at: Where.
            data: All of it.
            checksum: Of the data, by `algorithm`, as in `ObjectInfo`.
            options: What the object is given.
            condition: What must be true of the place.

        Raises:
            ConditionFailedError: It is not true.
            ChecksumError: Other bytes arrived; there is no object of them.
        """

    @abstractmethod
    def begin(
        self, at: Location, *, part_size: int, size: int, options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> Upload:  # fmt: skip
        """Begin a multipart upload."""

    @abstractmethod
    def put_part(self, upload: Upload, number: int, data: memoryview, *, checksum: str, last: bool) -> Part:
        """Send a part; a part sent again replaces itself.

        Raises:
            ChecksumError: Other bytes arrived.
            UploadNotFoundError: The upload is gone.
        """

    @abstractmethod
    def parts(self, upload: Upload) -> Iterator[Part]:
        """Yield the parts that the service has, by number.

        Raises:
            UploadNotFoundError: The upload is gone: finished, aborted, or expired.
        """

    @abstractmethod
    def finish(
        self, upload: Upload, parts: Iterable[Part], *, checksum: str, options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> ObjectInfo:  # fmt: skip
        """Make the parts one object, and compare the whole's checksum with the service's.

        Raises:
            ConditionFailedError: The condition is not true; there is no new object.
            ChecksumError: The object was not what was sent, and is gone again.
        """

    @abstractmethod
    def abort(self, upload: Upload) -> None:
        """Give an upload up; one that is gone is no error."""

    @abstractmethod
    def copy(
        self, info: ObjectInfo, at: Location, *, options: WriteOptions | None = None,
        condition: Condition = ANY,
    ) -> ObjectInfo:  # fmt: skip
        """Copy exactly this version on the server's side, of any size, with what it was given.

        Args:
            info: The source, as `head` told it, in a bucket that this connection may read.
            at: Where to.
            options: What the copy is given instead; None for what the source has.
            condition: What must be true of the place.
        """

    @abstractmethod
    def delete(self, at: Location, *, condition: Condition = ANY) -> None:
        """Delete an object; one that is not there is no error, unless a condition names it."""

    def delete_many(self, places: Iterable[Location]) -> Iterator[tuple[Location, Exception | None]]:
        """Delete objects, in batches where the service has them; yield each place and what went wrong."""
        for at in places:
            try:
                self.delete(at)
            except Exception as error:  # noqa: BLE001 - told of this place; the others go on
                yield at, error
            else:
                yield at, None

    def presign(self, at: Location, *, method: str, expires: timedelta, **headers: str) -> str:
        """Return a URL that allows one kind of request without credentials; a secret while it is valid."""
        raise self.cannot("presign", at)

    def create_bucket(self, at: Location, **settings: Any) -> bool:
        """Make the bucket; return False if it was there and is ours."""
        raise self.cannot("create the bucket of", at)

    def confirm(self, info: ObjectInfo, source: Source) -> str:
        """Compare bytes that came with what the service knows of them besides `info.checksum`.

        Called when `info.checksum` is empty or cannot be computed here.

        Returns:
            What they were compared with, as `"md5"`; `"size"` if the service knows nothing that can be
            compared.

        Raises:
            ChecksumError: They are not the object's.
        """
        return "size"

    def refresh(self) -> bool:
        """Fetch new credentials after the service called the old ones expired; return False if it cannot."""
        return False

    def cannot(self, verb: str, at: Location) -> Exception:
        """Return the error that says what this service does not have."""
        from longshore_storage.errors import StorageError

        return StorageError(f"cannot {verb} {at.url!r}: {self.scheme}:// has no such thing")
