"""What is said of an object, and what is said to the service about a new one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

Overwrite = Literal["always", "never", "if-unchanged", "if-different"]
"""What may become of an object that is there already.

`always` replaces it. `never` is an error when there is one. `if-unchanged` replaces the one that is there
when the task begins, and is an error when another writer was faster. `if-different` does the same, and
writes nothing where the content is equal. All but `always` are kept by the service's own preconditions.
"""


@dataclass(frozen=True, kw_only=True)
class ObjectInfo:
    """One version of one object.

    Args:
        url: Where it is.
        size: Bytes, as stored.
        etag: The service's name for this content, without quotes; empty where there is none.
        generation: Google's number of this version; empty elsewhere.
        version: The version's id in a versioned bucket; empty elsewhere.
        checksum: Algorithm and base64 digest of the whole content, as `"crc64nvme:9fJK..."`; empty if not
            known.
        verified: What the bytes were compared with when they were transferred, as `"crc64nvme"` or `"md5"`;
            `"size"` where the service has no checksum of them; empty if they were not transferred.
        modified: When it was written, UTC.
        content_type: The media type.
        content_encoding: As `"gzip"`; the stored bytes are what it says.
        storage_class: The service's word; empty for its default.
        metadata: The user's own entries.
        path: The file that it was downloaded to.
    """

    url: str
    size: int
    etag: str = ""
    generation: str = ""
    version: str = ""
    checksum: str = ""
    verified: str = ""
    modified: datetime | None = None
    content_type: str = ""
    content_encoding: str = ""
    storage_class: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    path: Path | None = None

    @property
    def token(self) -> str:
        """What a precondition compares: the generation where there is one, else the etag."""
        return self.generation or self.etag


@dataclass(frozen=True)
class Prefix:
    """What a listing that does not descend shows for the objects below: `s3://lake/2013/`."""

    url: str


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """What a new object is given; a service's own class adds what it alone knows.

    Args:
        content_type: Empty to have it guessed from the key.
        content_encoding: Said of the bytes as they are; nothing is compressed.
        content_disposition: How a browser presents it.
        content_language: Such as `"en"`.
        cache_control: Such as `"no-store"`.
        metadata: The user's own entries.
    """

    content_type: str = ""
    content_encoding: str = ""
    content_disposition: str = ""
    content_language: str = ""
    cache_control: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def say_nothing(self) -> bool:
        """Whether a copy gets what its source has."""
        return self == type(self)()

    def completed(self, info: ObjectInfo) -> Self:
        """Return these options, with what an object has where they say nothing."""
        return replace(
            self,
            content_type=self.content_type or info.content_type,
            content_encoding=self.content_encoding or info.content_encoding,
            metadata=self.metadata or info.metadata,
        )


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What must be true of the place when the service writes to it, or else it must refuse.

    Args:
        absent: There is no object.
        token: `ObjectInfo.token` of the object that is there.
    """

    absent: bool = False
    token: str = ""

    def __bool__(self) -> bool:
        return self.absent or bool(self.token)


ANY: Final = Condition()
"""No condition."""
