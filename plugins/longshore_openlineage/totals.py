"""What a step read and wrote in all, however many parts it has."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from longshore import Dataset

MOST: Final = 500
"""Datasets of one event. Backends keep a row and a version of each, and choke on tens of thousands."""

Key = tuple[str, str]


@dataclass(frozen=True)
class Total:
    """One dataset, or all below a folder.

    Args:
        direction: `"read"` or `"write"`.
        uri: The dataset's, or the folder's, which ends in `/`.
        files: How many datasets are in it.
        bytes: In all; None when nobody counted.
        rows: In all; None when nobody counted.
        columns: Names and types, where all have the same.
        version: Of a single dataset.
    """

    direction: Literal["read", "write"]
    uri: str
    files: int = 1
    bytes: int | None = None
    rows: int | None = None
    columns: tuple[tuple[str, str], ...] = ()
    version: str = ""

    def plus(self, other: Total, files: int) -> Total:
        """Return both together."""
        return replace(
            self,
            files=files,
            bytes=_sum(self.bytes, other.bytes),
            rows=_sum(self.rows, other.rows),
            columns=self._columns_with(other, files),
            version=other.version if files == 1 else "",
        )

    def _columns_with(self, other: Total, files: int) -> tuple[tuple[str, str], ...]:
        if files == 1:
            return other.columns or self.columns
        return self.columns if self.columns == other.columns else ()


class Totals:
    """Adds up datasets; where they are too many, those of one folder become that folder."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._found: dict[Key, Total] = {}
        self._folders: set[Key] = set()

    def add(self, dataset: Dataset) -> None:
        """Add a dataset; of one that was there already, bytes and rows are added."""
        self._add(
            Total(
                dataset.direction,
                dataset.uri,
                bytes=dataset.bytes,
                rows=dataset.rows,
                columns=dataset.columns,
                version=dataset.version,
            )
        )

    def merge(self, other: Totals) -> None:
        """Add what another has."""
        for total in other._found.values():
            self._add(total)

    def told(self) -> tuple[Total, ...]:
        """Return the sums, in the order in which they were first named."""
        return tuple(self._found.values())

    def _add(self, total: Total) -> None:
        self._put(total)
        if len(self._found) > self._most:
            self._fold()

    def _put(self, total: Total) -> None:
        uri = self._place(total.direction, total.uri)
        known = self._found.get((total.direction, uri))
        if known is not None:
            again = known.uri == total.uri and known.files == total.files == 1
            total = known.plus(total, 1 if again else known.files + total.files)
        self._found[total.direction, uri] = replace(total, uri=uri)

    def _place(self, direction: str, uri: str) -> str:
        """Return the folder that stands for a dataset by now, or the dataset."""
        if self._folders:
            above = uri
            while (folder := parent(above)) != above:
                if (direction, folder) in self._folders:
                    uri = folder
                above = folder
        return uri

    def _fold(self) -> None:
        """Make the fullest folders one dataset each, until half as many are left."""
        while len(self._found) > self._most // 2:
            groups: dict[Key, list[Key]] = defaultdict(list)
            for direction, uri in self._found:
                groups[direction, parent(uri)].append((direction, uri))
            fullest = sorted(groups, key=lambda key: -len(groups[key]))
            before = set(self._found)
            several = [key for key in fullest if len(groups[key]) > 1]
            for folder in several or fullest:
                if len(self._found) <= self._most // 2:
                    break
                self._folders.add(folder)
                for key in groups[folder]:
                    if key in self._found:
                        self._put(self._found.pop(key))
            if set(self._found) == before:  # they have nothing in common
                self._most *= 2
                return


def parent(uri: str) -> str:
    """Return the folder of a dataset, `s3://lake/2013/` of `s3://lake/2013/01.csv`; a root is its own."""
    scheme, slashes, path = uri.rpartition("://")
    inner = path.removesuffix("/")
    folder, slash, _ = inner.rpartition("/")
    return f"{scheme}{slashes}{folder}{slash}" if slash else uri


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other
