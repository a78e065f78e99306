"""How much may come out of an archive."""

from __future__ import annotations

from typing import Final

from longshore_storage.errors import TooLargeError

FREE: Final = 16 << 20
"""Bytes that may come out of any archive, however small: short texts compress a thousand times."""


class Allowance:
    """Counts what comes out, as it comes, whatever the archive says beforehand.

    Args:
        archive: For messages.
        size: Bytes of the archive as it is.
        max_size: Bytes that may come out.
        max_count: Files, folders and links that may come out.
        max_ratio: Bytes that may come out for each byte of the archive, beyond the first 16 MiB.
    """

    def __init__(self, archive: str, size: int, *, max_size: int, max_count: int, max_ratio: float) -> None:
        self._archive, self._archive_size = archive, size
        self._max_size, self._max_count, self._max_ratio = max_size, max_count, max_ratio
        self.size = 0
        self.count = 0

    @property
    def most_entries(self) -> int:
        """The number of things that may come out."""
        return self._max_count

    def add(self, size: int) -> None:
        """Count bytes of a file.

        Raises:
            TooLargeError: There are too many, or too many for so small an archive.
        """
        self.size += size
        if self.size > self._max_size:
            raise self._too_large(f"more than {self._max_size:,} bytes come out", "max_size")
        self.check_ratio(self.size)

    def add_thing(self) -> None:
        """Count a file, a folder or a link.

        Raises:
            TooLargeError: There are too many.
        """
        self.count += 1
        if self.count > self._max_count:
            raise self._too_large(f"more than {self._max_count:,} files and folders come out", "max_count")

    def check_ratio(self, size: int) -> None:
        """Raise TooLargeError if so many bytes are too many for so small an archive."""
        if size > max(FREE, self._max_ratio * self._archive_size):
            raise self._too_large(
                f"more than {self._max_ratio:g} times its {self._archive_size:,} bytes come out", "max_ratio"
            )

    def check_stream(self, size: int) -> None:
        """Look at how much a compressed archive has become, with the headers between the files.

        Raises:
            TooLargeError: It is too much.
        """
        if size > self._max_size + 4096 * (self._max_count + 256):
            raise self._too_large(f"more than {self._max_size:,} bytes come out", "max_size")
        self.check_ratio(size)

    def _too_large(self, seen: str, field: str) -> TooLargeError:
        return TooLargeError(
            f"cannot unpack {self._archive!r}: {seen}; if you trust it, give a larger {field}"
        )
