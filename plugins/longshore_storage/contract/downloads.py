"""The part of `StorageContract` that is about the engine's downloads."""

from __future__ import annotations

import stat
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from longshore_storage import checksums
from longshore_storage.contract.doubles import watched
from longshore_storage.contract.trials import NEW, OLD, StorageTrial, content, put, tried
from longshore_storage.contract.uploads import SIZES, each_size
from longshore_storage.errors import (
    AccessDeniedError,
    ChecksumError,
    ConditionFailedError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    TargetError,
)
from longshore_storage.transfers import download

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from longshore_storage.locations import Location
    from longshore_storage.objects import ObjectInfo
    from longshore_storage.protocol import ObjectStore

    Place = Callable[[str], Location]

_MODE = 0o640


class Downloads(StorageTrial):
    """What the engine does with every store when it downloads."""

    @pytest.fixture
    def target(self, tmp_path: Path) -> Iterator[Path]:
        """A file with something in it, whose folder has nothing else, before and afterwards."""
        folder = tmp_path / "target"
        folder.mkdir()
        path = folder / "file"
        path.write_bytes(OLD)
        path.chmod(_MODE)
        yield path
        left = [found.name for found in folder.iterdir()]
        assert left == ["file"], "something was left behind"
        assert stat.S_IMODE(path.stat().st_mode) == _MODE

    @each_size
    def test_a_download_arrives_checked(self, store: ObjectStore, at: Place, target: Path, size: str) -> None:
        """Of what is there, and of a version that was looked at; the digest is in the result."""
        parts, more = SIZES[size]
        data = content(parts * self.part_size(store) + more, seed=len(size))
        made = put(store, at("x"), data)
        for place in (at("x"), made, store.head(at("x"))):
            target.write_bytes(OLD)
            info = download(store, place, target, settings=self.settings(store))
            assert target.read_bytes() == data
            assert (info.url, info.size, info.path) == (at("x").url, len(data), target)
            assert info.checksum.partition(":")[0]
            assert info.checksum == checksums.of(info.checksum.partition(":")[0], data)
            assert info.verified
            assert info.token == made.token

    def test_a_download_makes_the_folders_that_are_missing(
        self, store: ObjectStore, at: Place, tmp_path: Path
    ) -> None:
        """A new file has the permissions that new files have."""
        put(store, at("x"), NEW)
        path = tmp_path / "a" / "b" / "file"
        download(store, at("x"), path)
        (path.parent / "other").touch()
        assert path.read_bytes() == NEW
        assert path.stat().st_mode == (path.parent / "other").stat().st_mode

    @pytest.mark.parametrize("parts", [1, 3])
    def test_a_file_grows_under_a_hidden_name(
        self, store: ObjectStore, at: Place, target: Path, parts: int
    ) -> None:
        """The target is the old one until it is the new one."""
        info = put(store, at("x"), content(parts * self.part_size(store)))
        seen: set[str] = set()

        def look(count: int) -> None:
            assert target.read_bytes() == OLD
            seen.update(path.name for path in target.parent.iterdir() if path != target)

        download(watched(store, look), info, target, settings=self.settings(store))
        assert seen
        assert all(name.startswith(".") for name in seen), seen
        assert target.stat().st_size == info.size

    def test_a_failed_download_leaves_the_old_file(self, store: ObjectStore, at: Place, target: Path) -> None:
        """With its permissions, and nothing beside it: not there, replaced, deleted, other bytes."""
        settings = self.settings(store)
        data = content(2 * self.part_size(store) + 1)
        info = put(store, at("x"), data)
        other = checksums.of("crc32" if not checksums.available(store.algorithm) else store.algorithm, OLD)
        put(store, at("y"), data)
        gone = put(store, at("gone"), data)
        store.delete(at("gone"))
        cases: list[tuple[Location | ObjectInfo, type[Exception]]] = [
            (at("nothing"), ObjectNotFoundError),
            (gone, ObjectChangedError),
            (replace(store.head(at("y")), checksum=other), ChecksumError),
        ]
        for place, error in cases:
            with pytest.raises(error):
                download(store, place, target, settings=settings)
            assert target.read_bytes() == OLD
            assert [path.name for path in target.parent.iterdir()] == ["file"]
        put(store, at("x"), data[::-1])
        _, changed = tried(lambda: download(store, info, target, settings=settings), ObjectChangedError)
        assert target.read_bytes() == (OLD if changed else data)

    def test_a_download_that_is_refused_in_the_middle_leaves_the_old_file(
        self, store: ObjectStore, at: Place, target: Path
    ) -> None:
        """However much of it had come."""
        part = self.part_size(store)
        info = put(store, at("x"), content(3 * part))

        def refuse(count: int) -> None:
            if count > part:
                raise AccessDeniedError("cannot read 'x': not any more")

        with pytest.raises(AccessDeniedError, match="not any more"):
            download(watched(store, refuse), info, target, settings=self.settings(store))
        assert target.read_bytes() == OLD

    def test_an_object_that_is_replaced_in_the_middle_is_never_mixed(
        self, store: ObjectStore, at: Place, target: Path
    ) -> None:
        """The file is the old one, or one version as a whole."""
        part = self.part_size(store)
        data, other = content(3 * part, seed=1), content(3 * part, seed=2)
        info = put(store, at("x"), data)
        once = threading.Lock()

        def meddle(count: int) -> None:
            if once.acquire(blocking=False):
                put(store, at("x"), other)

        settings = self.settings(store, concurrency=1)
        _, error = tried(
            lambda: download(watched(store, meddle), info, target, settings=settings), ObjectChangedError
        )
        assert target.read_bytes() == (OLD if error else data)

    def test_a_target_that_is_no_file_is_refused(
        self, store: ObjectStore, at: Place, tmp_path: Path, target: Path
    ) -> None:
        """A folder stays a folder; a file is no folder."""
        put(store, at("x"), NEW)
        folder = tmp_path / "folder"
        folder.mkdir()
        for place in (folder, target / "below"):
            with pytest.raises(TargetError) as caught:
                download(store, at("x"), place)
            assert str(place) in str(caught.value)
        assert list(folder.iterdir()) == []
        assert target.read_bytes() == OLD

    def test_a_link_is_followed(self, store: ObjectStore, at: Place, target: Path, tmp_path: Path) -> None:
        """It stays a link; the file behind it is new."""
        put(store, at("x"), NEW)
        link = tmp_path / "link"
        link.symlink_to(target)
        download(store, at("x"), link)
        assert link.is_symlink()
        assert target.read_bytes() == NEW

    def test_overwrite_speaks_of_the_file(self, store: ObjectStore, at: Place, target: Path) -> None:
        """`never` keeps it, also one that came meanwhile; `if-unchanged` replaces no other."""
        part = self.part_size(store)
        info = put(store, at("x"), content(2 * part))
        with pytest.raises(ObjectExistsError, match="file"):
            download(store, at("x"), target, settings=self.settings(store, overwrite="never"))
        assert target.read_bytes() == OLD

        def meddle(count: int) -> None:
            if target.stat().st_size != len(NEW):
                target.write_bytes(NEW)

        careful = self.settings(store, overwrite="if-unchanged")
        with pytest.raises(ConditionFailedError, match="file"):
            download(watched(store, meddle), info, target, settings=careful)
        assert target.read_bytes() == NEW
        target.unlink()
        with pytest.raises(ObjectExistsError):
            download(
                watched(store, lambda _: target.write_bytes(OLD)), info, target,
                settings=self.settings(store, overwrite="never"),
            )  # fmt: skip
        assert target.read_bytes() == OLD
        target.chmod(_MODE)
        download(store, info, target, settings=careful)
        assert target.stat().st_size == info.size

    def test_if_different_leaves_a_file_that_is_equal(
        self, store: ObjectStore, at: Place, target: Path
    ) -> None:
        """Nothing is read of the object, and nothing written."""
        put(store, at("x"), OLD)
        before = target.stat()
        settings = self.settings(store, overwrite="if-different")
        if store.head(at("x")).checksum or store.scheme != "file":
            assert download(store, at("x"), target, settings=settings).path == target
            assert (target.stat().st_ino, target.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        put(store, at("x"), OLD[::-1])
        download(store, at("x"), target, settings=settings)
        assert target.read_bytes() == OLD[::-1]
