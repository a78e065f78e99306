"""What goes wrong with objects.

LongshoreError
└── StorageError
    ├── ObjectNotFoundError      also a FileNotFoundError
    ├── BucketNotFoundError      also a FileNotFoundError
    ├── AccessDeniedError        also a PermissionError; says who the caller is
    ├── CredentialsError         none, expired, or refused
    ├── WrongRegionError
    ├── ClockError               the clocks of service and client are too far apart
    ├── ConditionFailedError     somebody wrote first; `overwrite` forbade to replace
    │   └── ObjectExistsError    also a FileExistsError
    ├── ObjectChangedError       the object was replaced or deleted while it was read
    ├── ChecksumError            the bytes are not those that were sent
    ├── UploadNotFoundError      the unfinished upload is gone
    ├── UnsafeNameError          a key that is no safe name for a file
    ├── TargetError              the file cannot be written: full, read-only, a folder
    ├── SourceError              the source changed while it was read, or cannot be read
    ├── ContentError             also a ValueError; the bytes are not what they should be, such as text
    │   └── ArchiveError         it is damaged, or no archive that is known
    ├── UnsafeMemberError        also a ValueError; something in an archive that is never unpacked
    ├── TooLargeError            more bytes, or more objects, than were allowed
    ├── WaitTimeoutError         also a TimeoutError; what was waited for did not happen
    ├── ObjectsFailedError       some of many objects failed; the others are done
    └── ServiceError             everything else that the service, or the way to it, answered
        ├── ThrottledError       slow down
        └── UnreachableError     also a ConnectionError
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longshore import LongshoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMED: Final = 5
"""Failed objects that a message names."""


class StorageError(LongshoreError):
    """Something could not be done with an object.

    Attributes:
        retryable: Whether the same request may succeed later.
        retry_after: Seconds that the service asked to wait; None if it said nothing.
    """

    retryable: bool = False
    retry_after: float | None = None


class ObjectNotFoundError(StorageError, FileNotFoundError):
    """There is no such object."""


class BucketNotFoundError(StorageError, FileNotFoundError):
    """There is no such bucket."""


class AccessDeniedError(StorageError, PermissionError):
    """The caller may not."""


class CredentialsError(StorageError):
    """There are no credentials, or the service refuses them."""


class WrongRegionError(StorageError):
    """The bucket is in another region than the one that was asked."""


class ClockError(StorageError):
    """The clocks of the service and of this machine are too far apart."""


class ConditionFailedError(StorageError):
    """Somebody wrote to the place first, so `overwrite` forbade it."""


class ObjectExistsError(ConditionFailedError, FileExistsError):
    """There is an object already, and `overwrite="never"`."""


class ObjectChangedError(StorageError):
    """The object was replaced or deleted while it was read."""


class ChecksumError(StorageError):
    """The bytes are not those that were sent or stored."""

    retryable = True


class UploadNotFoundError(StorageError):
    """The unfinished upload is gone."""


class UnsafeNameError(StorageError, ValueError):
    """The key is no safe name for a file here."""


class TargetError(StorageError):
    """The file cannot be written."""


class SourceError(StorageError):
    """What is to be uploaded cannot be read, or changed meanwhile."""


class ContentError(StorageError, ValueError):
    """The content is not what it was read as."""


class ArchiveError(ContentError):
    """The archive is damaged, or none of a known kind."""


class UnsafeMemberError(StorageError, ValueError):
    """Something in an archive is never unpacked: a link that leads out, a device, a set-user-ID program."""


class TooLargeError(StorageError):
    """There are more bytes, or more objects, than the task was allowed to hold."""


class WaitTimeoutError(StorageError, TimeoutError):
    """What was waited for did not happen in time."""


class ObjectsFailedError(StorageError):
    """Some of many objects failed, and the others are done.

    Attributes:
        failures: URLs, each with its error; the first thousand.
    """

    failures: tuple[tuple[str, Exception], ...] = ()

    @classmethod
    def of(cls, verb: str, failures: Sequence[tuple[str, Exception]]) -> ObjectsFailedError:
        """Make one that names the first few.

        Args:
            verb: What could not be done to them.
            failures: URLs, each with its error.
        """
        first = "; ".join(f"{url!r}: {error}" for url, error in failures[:_NAMED])
        more = f"; and {len(failures) - _NAMED:,} more" if len(failures) > _NAMED else ""
        made = cls(f"cannot {verb} {_counted(len(failures))}: {first}{more}")
        made.failures = tuple(failures)
        made.retryable = any(getattr(error, "retryable", False) is True for _, error in failures)
        return made


def _counted(number: int) -> str:
    return "one object" if number == 1 else f"{number:,} objects"


class TransferCancelled(StorageError):  # noqa: N818 - as in longshore: TaskCancelled
    """The attempt timed out or was cancelled, so the transfer stopped."""


class ServiceError(StorageError):
    """The service, or the way to it, failed."""


class ThrottledError(ServiceError):
    """The service asks to slow down."""

    retryable = True


class UnreachableError(ServiceError, ConnectionError):
    """The service cannot be reached, or broke off."""

    retryable = True
