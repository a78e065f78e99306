"""Waiting for objects."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING, Final, Literal

from longshore import ConfigurationError, Delay, Exponential, current
from longshore_storage.errors import (
    CredentialsError,
    ObjectNotFoundError,
    StorageError,
    TransferCancelled,
    WaitTimeoutError,
)  # fmt: skip
from longshore_storage.objects import ObjectInfo, Prefix
from longshore_storage.tasks.places import Place, StorageTask, folder_of, is_marker, place_of

if TYPE_CHECKING:
    from longshore_storage.locations import Location
    from longshore_storage.protocol import ObjectStore

_SHORTEST: Final = 0.05


class WaitTask(StorageTask[ObjectInfo | None]):
    """Wait for an object, or, where the URL ends in `/`, for anything below it. Holds a worker meanwhile.

    A service that cannot be reached, or asks to slow down, means "not yet"; a missing bucket or a refusal is
    an error at once.

    Args:
        until: `"exists"`; `"stable"`: it is there, and has not changed for `stable_for`, as files that others
            still write to; `"gone"`.
        max_wait: Seconds in all.
        interval: Seconds between looks, an `Exponential`, or a callable from the number of looks so far.
        stable_for: Seconds.
    """

    until: Literal["exists", "stable", "gone"] = "exists"
    max_wait: float = 3600.0
    interval: Delay = Exponential(base=1.0, cap=30.0)
    stable_for: float = 10.0

    def check(self) -> None:
        if self.until not in ("exists", "stable", "gone"):
            raise ConfigurationError(f"{self.name}(until={self.until!r}): give 'exists', 'stable' or 'gone'")
        if self.max_wait <= 0 or self.stable_for < 0:
            raise ConfigurationError(
                f"{self.name}(max_wait={self.max_wait!r}, stable_for={self.stable_for!r}): "
                "give seconds above 0"
            )
        if not callable(self.interval) and self.interval <= 0:
            raise ConfigurationError(f"{self.name}(interval={self.interval!r}): give seconds above 0")

    def run(self, url: Place) -> ObjectInfo | None:
        """Wait.

        Args:
            url: The object, or a folder.

        Returns:
            The object; the first one of a folder; None when it is gone.

        Raises:
            WaitTimeoutError: It did not happen within `max_wait`.
            BucketNotFoundError: There is no such bucket.
            AccessDeniedError: We may not look.
        """
        of_folder = isinstance(url, str) and url.endswith("/")
        at = folder_of(url) if of_folder else place_of(url)
        return _Waiting(self, self._store(at), at, of_folder).wait()


class _Waiting:
    """One call's waiting."""

    def __init__(self, task: WaitTask, store: ObjectStore, at: Location, of_folder: bool) -> None:
        self._task, self._store, self._at, self._of_folder = task, store, at, of_folder
        self._ends = time.monotonic() + task.max_wait
        self._seen, self._last = "", ""
        self._since = 0.0

    def wait(self) -> ObjectInfo | None:
        stop = threading.Event()
        looks = 0
        with current.on_cancel(stop.set):
            while True:
                looks += 1
                holds, info, asked = self._look()
                left = self._ends - time.monotonic()
                if holds:
                    return info
                if left <= 0:
                    raise self._too_long(looks)
                current.progress(message=self._seen)
                if stop.wait(min(left, max(asked, self._interval(looks)))):
                    raise TransferCancelled(f"cannot wait for {self._at.url!r}: {current.cancel_reason}")

    def _look(self) -> tuple[bool, ObjectInfo | None, float]:
        """Look once; return whether it holds, for what, and the seconds that the service asks to wait."""
        try:
            info, state = self._folder() if self._of_folder else self._object()
        except CredentialsError:
            if not self._store.refresh():
                raise
            return False, None, 0.0
        except StorageError as error:
            if not error.retryable:
                raise
            self._seen = str(error)
            return False, None, error.retry_after or 0.0
        return self._holds(info, state), info, 0.0

    def _holds(self, info: ObjectInfo | None, state: str) -> bool:
        self._seen = "it is there" if info else "it is not there"
        if self._task.until == "gone":
            return info is None
        if info is None:
            self._last = ""
            return False
        if self._task.until == "exists":
            return True
        now = time.monotonic()
        if state != self._last:
            self._last, self._since = state, now
            self._seen = "it was still changing"
        return now - self._since >= self._task.stable_for

    def _object(self) -> tuple[ObjectInfo | None, str]:
        try:
            info = self._store.head(self._at)
        except ObjectNotFoundError:
            return None, ""
        return info, _state(info)

    def _folder(self) -> tuple[ObjectInfo | None, str]:
        first: ObjectInfo | None = None
        whole = hashlib.sha256()
        for entry in self._store.list(self._at):
            if isinstance(entry, Prefix) or is_marker(entry):
                continue
            first = first or entry
            whole.update(f"{entry.url}\0{_state(entry)}\n".encode(errors="surrogateescape"))
            if self._task.until != "stable":
                break
        return first, whole.hexdigest()

    def _interval(self, looks: int) -> float:
        interval = self._task.interval
        wanted = interval(looks) if callable(interval) else interval
        if self._task.until == "stable" and self._last:  # look again when it may have been stable
            wanted = min(wanted, self._since + self._task.stable_for - time.monotonic())
        return max(_SHORTEST, wanted)

    def _too_long(self, looks: int) -> WaitTimeoutError:
        times = "once" if looks == 1 else f"{looks} times"
        return WaitTimeoutError(
            f"cannot see that {self._at.url!r} is {_WORDS[self._task.until]}: looked {times} in "
            f"{self._task.max_wait:g} s; {self._seen}; raise max_wait if it may take longer"
        )


_WORDS: Final = {"exists": "there", "stable": "there and does not change any more", "gone": "gone"}


def _state(info: ObjectInfo) -> str:
    return f"{info.size}:{info.token}:{info.modified}"
