"""URLs for others, and buckets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from longshore import ConfigurationError
from longshore_storage.locations import parse
from longshore_storage.tasks.places import Place, StorageTask, place_of
from longshore_storage.transfers import Patience


class PresignTask(StorageTask[str]):
    """Make a URL that allows one kind of request to one object without credentials.

    Whoever has it may use it, so it is masked in logs and messages; make it where it is used, since a
    recorded result is masked too.
    """

    def run(self, url: Place, *, method: str = "GET", expires: float = 3600.0) -> str:
        """Make it.

        Args:
            url: The object.
            method: `"GET"`, `"PUT"`, `"HEAD"` or `"DELETE"`.
            expires: Seconds for which it works; services allow a week at most, and no longer than the
                credentials last that sign it.

        Raises:
            CredentialsError: There are none that can sign.
            StorageError: The service has no such thing.
        """
        if expires <= 0:
            raise ConfigurationError(f"{self.name}(expires={expires!r}): give seconds above 0")
        at = place_of(url)
        return self._store(at).presign(
            at, method=method, expires=timedelta(seconds=expires), **self._headers()
        )

    def _headers(self) -> dict[str, str]:
        """Return what else is signed, in the words of the service's store."""
        return {}


class CreateBucketTask(StorageTask[bool]):
    """Make a bucket; one that is there and ours is no error."""

    def run(self, url: str) -> bool:
        """Make it.

        Args:
            url: Such as `s3://lake`.

        Returns:
            Whether it is new.

        Raises:
            AccessDeniedError: We may not, or somebody else has it.
        """
        at = parse(url)
        if at.key:
            raise ConfigurationError(
                f"cannot make the bucket {url!r}: it names an object; write '{at.scheme}://{at.bucket}'"
            )
        store = self._store(at)
        return Patience(store).call(lambda: store.create_bucket(at, **self._bucket()))

    def _bucket(self) -> dict[str, Any]:
        """Return what the bucket is given, in the words of the service's store."""
        return {}
