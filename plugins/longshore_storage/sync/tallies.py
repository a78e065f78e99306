"""How far a sync is, counted by many threads."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from longshore import current
from longshore_storage.errors import (
    BucketNotFoundError,
    CredentialsError,
    ObjectsFailedError,
    TransferCancelled,
)  # fmt: skip
from longshore_storage.sync.rules import Planned, Synced
from longshore_storage.transfers.meters import counted_by

if TYPE_CHECKING:
    from collections.abc import Generator

_EVERY: Final = 0.5
_MOST_PLANNED: Final = 1000
_MOST_FAILURES: Final = 1000
_HOPELESS: Final = (BucketNotFoundError, CredentialsError, TransferCancelled)


class Tally:
    """Counts objects and bytes, and tells `current.progress`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told = time.monotonic()
        self._done = self._bytes_done = 0
        self._found = self._bytes_found = 0
        self._equal = self._deleted = 0
        self._plan: list[Planned] = []
        self._failures: list[tuple[str, Exception]] = []
        self.all_found = False

    def found(self, size: int) -> None:
        """Count an object that is to be copied."""
        with self._lock:
            self._found += 1
            self._bytes_found += size

    @contextmanager
    def copying(self, size: int) -> Generator[None]:
        """Count the bytes of an object while it is copied, and in the end the object."""
        seen = 0

        def count(moved: int) -> None:
            nonlocal seen
            with self._lock:
                seen += moved
                self._bytes_done += moved
                due = self._due()
            if due:
                self._tell()

        done = False
        try:
            with counted_by(count):
                yield
            done = True
        finally:
            with self._lock:  # parts may have been sent twice, or in vain
                self._bytes_done += (size if done else 0) - seen
                self._done += done
                due = self._due()
            if due:
                self._tell()

    def equal(self) -> None:
        """Count one that was there already."""
        with self._lock:
            self._equal += 1
            due = self._due()
        if due:
            self._tell()

    def no_longer_found(self, size: int) -> None:
        """Take back that one is to be copied: its content turned out to be equal."""
        with self._lock:
            self._found -= 1
            self._bytes_found -= size
            self._equal += 1

    def deleted(self) -> None:
        """Count one that was deleted."""
        self._deleted += 1

    def planned(self, planned: Planned) -> None:
        """Note what would be done."""
        with self._lock:
            if len(self._plan) == _MOST_PLANNED:
                return
            self._plan.append(planned)
        current.log.info("would %s", planned)

    def failed(self, url: str, error: Exception) -> None:
        """Note that an object failed.

        Raises:
            Exception: The same, if there is no hope for the others either.
            ObjectsFailedError: It is the thousandth.
        """
        if isinstance(error, _HOPELESS):
            raise error
        with self._lock:
            self._failures.append((url, error))
            many = len(self._failures) >= _MOST_FAILURES
        current.log.warning("cannot sync %r: %s", url, error)
        if many:
            self.check()

    @property
    def clean(self) -> bool:
        """Whether no object failed."""
        return not self._failures

    def check(self) -> None:
        """Raise ObjectsFailedError if an object failed."""
        if self._failures:
            raise ObjectsFailedError.of("sync", sorted(self._failures, key=lambda pair: pair[0]))

    def told(self, *, dry_run: bool) -> Synced:
        """Return what was done, or would be."""
        return Synced(
            copied=self._done, bytes_copied=self._bytes_done, equal=self._equal, deleted=self._deleted,
            plan=tuple(sorted(self._plan, key=lambda planned: planned.url)), dry_run=dry_run,
        )  # fmt: skip

    def _due(self) -> bool:
        now = time.monotonic()
        due = now - self._told >= _EVERY
        if due:
            self._told = now
        return due

    def _tell(self) -> None:
        more = "" if self.all_found else "+"
        current.progress(
            done=self._bytes_done, total=self._bytes_found if self.all_found else None, unit="B",
            message=f"{self._done:,} of {self._found:,}{more} objects, {self._equal:,} equal",
        )  # fmt: skip
