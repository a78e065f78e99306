"""The two places of a sync, and how one object gets from one to the other."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from longshore import ConfigurationError
from longshore_storage.collisions import Collisions, is_case_sensitive
from longshore_storage.errors import SourceError, TargetError
from longshore_storage.locations import parse
from longshore_storage.names import safe_path
from longshore_storage.protocol import PLAIN
from longshore_storage.sources import BytesSource, FileSource
from longshore_storage.transfers import Patience, copy, download, upload
from longshore_storage.transfers.copies import like

if TYPE_CHECKING:
    from longshore_storage.locations import Location
    from longshore_storage.objects import ObjectInfo, WriteOptions
    from longshore_storage.protocol import ObjectStore
    from longshore_storage.transfers import Settings


@dataclass(frozen=True)
class End:
    """A folder or prefix, and the store that has it."""

    store: ObjectStore
    folder: Location

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine."""
        return self.folder.scheme == "file"

    def place(self, name: str) -> Location:
        """Return where an object of this name is.

        Raises:
            UnsafeNameError: It is no name for a file below the folder.
        """
        if self.is_local:
            return parse(safe_path(self.folder.path, name))
        return self.folder.with_key(self.folder.key + name)


def check_ends(source: End, target: End) -> None:
    """Look at the two places before anything is done.

    Raises:
        SourceError: The source is a folder that is not there.
        TargetError: The target is a file.
        ConfigurationError: One is in the other.
    """
    if source.is_local and not source.folder.path.is_dir():
        raise SourceError(f"cannot sync {source.folder.url!r}: it is no folder, or not there")
    if target.is_local and target.folder.path.exists() and not target.folder.path.is_dir():
        raise TargetError(f"cannot sync to {target.folder.url!r}: it is a file")
    if source.store is not target.store or source.folder.bucket != target.folder.bucket:
        return
    one, other = _real(source), _real(target)
    if one.startswith(other) or other.startswith(one):
        raise ConfigurationError(
            f"cannot sync {source.folder.url!r} to {target.folder.url!r}: one is in the other"
        )


def _real(end: End) -> str:
    return f"{os.path.realpath(end.folder.key).rstrip('/')}/" if end.is_local else end.folder.key


def collisions_at(target: End, *, touch: bool) -> Collisions | None:
    """Return what finds names that cannot be files side by side; None where all names can be objects.

    Args:
        target: Where they would be.
        touch: Whether the folder may be asked, by a file, if it tells `a` from `A`.
    """
    if not target.is_local:
        return None
    if not touch:
        return Collisions()
    folder = target.folder.path
    while not folder.is_dir():
        folder = folder.parent
    writable = os.access(folder, os.W_OK)
    return Collisions(case_sensitive=is_case_sensitive(folder) if writable else True)


@dataclass(frozen=True)
class Ferry:
    """Takes objects from one end to the other.

    Args:
        source: Where from.
        target: Where to.
        settings: How.
        options: What new objects are given; None for what the sources have.
    """

    source: End
    target: End
    settings: Settings
    options: WriteOptions | None

    def needs(self, size: int) -> int:
        """Return the bytes of memory for an object."""
        most = self.settings.most_at_once
        return min(size, most) if size <= most else most * self.settings.concurrency

    def carry(self, info: ObjectInfo, at: Location) -> None:
        """Copy one object: one request at each end where it is small."""
        if self.target.is_local:
            download(self.source.store, parse(info.url), at.path, settings=self.settings)
        elif self.source.is_local:
            self._upload(FileSource(Path(info.url)), at, self.options)
        elif self.source.store is self.target.store:
            copy(
                self.source.store, info, self.target.store, at, options=self._completed(info),
                settings=self.settings,
            )  # fmt: skip
        else:
            self._stream(parse(info.url), at)

    def _stream(self, place: Location, at: Location) -> None:
        store = self.source.store
        info, data = Patience(store).call(lambda: store.get(place, self.settings.most_at_once))
        options = self._completed(info) or like(info)
        if data is None:
            copy(store, info, self.target.store, at, options=options, settings=self.settings)
        else:
            self._upload(BytesSource(data, info.url), at, options)

    def _upload(self, content: FileSource | BytesSource, at: Location, options: WriteOptions | None) -> None:
        try:
            upload(content, self.target.store, at, options=options or PLAIN, settings=self.settings)
        finally:
            content.close()

    def _completed(self, info: ObjectInfo) -> WriteOptions | None:
        return None if self.options is None else self.options.completed(info)
