"""Results as objects of a store that a plugin offers: below a URL, which several run stores may share."""

from __future__ import annotations

import hashlib
import re
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from longshore.errors import ConfigurationError, LongshoreError, error_text
from longshore.redaction import redact
from longshore.stores.errors import ResultError, StoreError
from longshore.stores.folders import is_place

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from io import BufferedIOBase


_UNIQUE: Final = re.compile(r"-[0-9a-f]{12}\.[^.]+$")
"""How every name that `Results` makes ends: nothing else is read, or removed, because a record says so."""
_UP: Final = re.compile(r"^file:|/\.\.?/")


class Objects(Protocol):
    """What the connection of a storage plugin makes of a URL, `connection.folder(url)`: its objects by name.

    A name is what stands behind the URL and its slash. Any thread may call, and a forked process too. What
    goes wrong is a LongshoreError; what passes by itself was waited for.
    """

    def write(self, name: str, pieces: Sequence[bytes | memoryview]) -> None:
        """Write an object, whole or not at all, which is checked by the service before it is there."""
        ...

    def open(self, name: str) -> AbstractContextManager[BufferedIOBase]:
        """Fetch an object, checked, to be read from anywhere in it.

        Raises:
            FileNotFoundError: There is none.
        """
        ...

    def names(self, beginning: str = "") -> Iterator[tuple[str, int, float]]:
        """Yield the names that begin so, their bytes, and when they were written, in seconds since 1970."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; one that is not there is no error."""
        ...


class ObjectFolder:
    """Results below one URL; the place of each is its whole URL.

    Args:
        url: Such as `s3://lake/results`.
        connection: A connection of the plugin that offers the scheme; None for the one that it makes.
    """

    shared = True

    def __init__(self, url: str, connection: Any = None) -> None:
        self.url = url.rstrip("/")
        self._connection = connection
        self._made: Objects | None = None

    def check(self) -> None:
        """Raise ConfigurationError, or what the plugin says, when results cannot be kept there."""
        self._objects()

    def at(self, place: str) -> ObjectFolder:
        """Return the folder of a place: this one, or another with the same connection if that fits."""
        url = place.rsplit("/", 2)[0]
        if url == self.url:
            return self
        return ObjectFolder(url, self._connection if _scheme(url) == _scheme(self.url) else None)

    def put(
        self, group: str, name_of: Callable[[str], str], chunks: Iterable[bytes | memoryview]
    ) -> tuple[str, int, str]:
        """Write an object; see `Folder.put`."""
        pieces = list(chunks)
        whole = hashlib.sha256()
        for piece in pieces:
            whole.update(piece)
        digest = whole.hexdigest()
        name = f"{group}/{name_of(digest)}"
        try:
            self._objects().write(name, pieces)
        except (LongshoreError, OSError) as error:
            raise StoreError(f"cannot store a result below {self.url!r}: {_said(error)}") from error
        return f"{self.url}/{name}", sum(map(len, pieces)), digest

    @contextmanager
    def open(self, place: str) -> Generator[BufferedIOBase]:
        """Open an object for reading.

        Raises:
            ResultError: There is none.
            StoreError: It cannot be had now.
        """
        name = self._name_of(place)
        with ExitStack() as held:
            try:
                file = held.enter_context(self._objects().open(name))
            except FileNotFoundError as error:
                raise ResultError(f"cannot open {place!r}: it is not there; run the step again") from error
            except (LongshoreError, OSError) as error:
                raise StoreError(
                    f"cannot open the result {place!r}: {_said(error)}; resume the run when that is mended, "
                    "or run the step again with --rerun"
                ) from error
            yield file

    def remove_group(self, group: str) -> tuple[int, int]:
        """Remove the objects of a group; return how many, and their bytes."""
        return self._remove(found for found in self._names(f"{group}/") if is_place(found[0]))

    def remove(self, places: Iterable[str]) -> int:
        """Remove objects by their places; return how many."""
        return self._remove((self._name_of(place), 0, 0.0) for place in places)[0]

    def sweep(
        self, keep: Callable[[str], bool], older_than: float, groups: Collection[str]
    ) -> tuple[int, int]:
        """Remove objects that are not to be kept; see `Folder.sweep`.

        Only those of the named groups: other run stores may keep theirs below the same URL.
        """
        before = time.time() - older_than
        return self._remove(
            found
            for found in self._names("")
            if is_place(found[0])
            and found[0].partition("/")[0] in groups
            and found[2] <= before
            and not keep(f"{self.url}/{found[0]}")
        )

    def _remove(self, found: Iterable[tuple[str, int, float]]) -> tuple[int, int]:
        going = list(found)
        try:
            if going:
                self._objects().remove(name for name, _, _ in going)
        except (LongshoreError, OSError) as error:
            raise StoreError(f"cannot remove results below {self.url!r}: {_said(error)}") from error
        return len(going), sum(size for _, size, _ in going)

    def _names(self, beginning: str) -> Iterator[tuple[str, int, float]]:
        try:
            yield from self._objects().names(beginning)
        except (LongshoreError, OSError) as error:
            raise StoreError(f"cannot list the results below {self.url!r}: {_said(error)}") from error

    def _name_of(self, place: str) -> str:
        name = place.removeprefix(f"{self.url}/")
        if name == place or not is_place(name) or not _UNIQUE.search(name) or _UP.search(place):
            raise ResultError(
                f"cannot use {place!r} as the place of a result: it is none that Longshore makes"
            )
        return name

    def _objects(self) -> Objects:
        if self._made is None:
            self._made = _objects_at(self.url, self._connection)
        return self._made


def _objects_at(url: str, connection: Any) -> Objects:
    if connection is None:
        from longshore.plugins import host

        offered = host().storage()
        if _scheme(url) not in offered:
            known = ", ".join(f"{scheme}://" for scheme in sorted(offered)) or "none"
            raise ConfigurationError(
                f"cannot keep results in {url!r}: no plugin offers {_scheme(url)}://; there are: {known}"
            )
        connection = offered[_scheme(url)]()
    folder = getattr(connection, "folder", None)
    if not callable(folder):
        raise ConfigurationError(
            f"cannot keep results in {url!r}: {connection!r} is no storage connection; it has no folder(url)"
        )
    made: Any = folder(url)
    return made  # type: ignore[no-any-return]


def _scheme(url: str) -> str:
    return url.partition("://")[0].lower()


def _said(error: Exception) -> str:
    return redact(error_text(error)) or type(error).__name__
