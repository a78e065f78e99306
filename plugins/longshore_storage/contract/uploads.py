"""The part of `StorageContract` that is about the engine's uploads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from longshore_storage import checksums
from longshore_storage.contract.doubles import Changed, Unreadable
from longshore_storage.contract.trials import OLD, StorageTrial, content, put, whole
from longshore_storage.errors import ChecksumError, SourceError
from longshore_storage.objects import WriteOptions
from longshore_storage.sources import BytesSource, FileSource
from longshore_storage.transfers import upload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from longshore_storage.locations import Location
    from longshore_storage.protocol import ObjectStore
    from longshore_storage.sources import Source

    Place = Callable[[str], Location]

SIZES = {
    "nothing": (0, 0),
    "one byte": (0, 1),
    "almost a part": (1, -1),
    "a part": (1, 0),
    "a part and a byte": (1, 1),
    "several parts": (3, 17),
}
"""In parts, and bytes more."""
each_size = pytest.mark.parametrize("size", SIZES)


class Uploads(StorageTrial):
    """What the engine does with every store when it uploads."""

    def _bytes(self, store: ObjectStore, size: str) -> bytes:
        parts, more = SIZES[size]
        return content(parts * self.part_size(store) + more, seed=len(size))

    @each_size
    def test_an_upload_arrives_checked(
        self, store: ObjectStore, at: Place, root: Location, tmp_path: Path, size: str
    ) -> None:
        """From bytes and from a file; the digest is in the result, and what it was compared with."""
        data = self._bytes(store, size)
        path = tmp_path / "source"
        path.write_bytes(data)
        file = FileSource(path)
        for name, source in (("bytes", BytesSource(data)), ("file", file)):
            info = upload(source, store, at(name), settings=self.settings(store))
            assert (info.url, info.size) == (at(name).url, len(data))
            assert info.checksum == checksums.of(store.algorithm, data)
            assert info.verified not in ("", "size")
            assert info.token == store.head(at(name)).token
            assert whole(store, at(name)) == data
        file.close()
        assert self.open_uploads(root) == []

    @each_size
    def test_an_upload_has_its_options(self, store: ObjectStore, at: Place, size: str) -> None:
        """Whatever its size."""
        given = WriteOptions(content_type="text/x-log", content_encoding="gzip", metadata={"owner": "Ada"})
        source = BytesSource(self._bytes(store, size))
        upload(source, store, at("x"), options=given, settings=self.settings(store))
        info = store.head(at("x"))
        for field in self.kept_options:
            assert getattr(info, field) == getattr(given, field), field

    @pytest.mark.parametrize("old", [True, False])
    def test_an_upload_whose_source_breaks_leaves_the_place_as_it_was(
        self, store: ObjectStore, at: Place, root: Location, old: bool
    ) -> None:
        """No object, no half of one, and no open upload."""
        self._fails(store, at("x"), root, old, lambda data: Unreadable(data, len(data) - 1), SourceError)

    @pytest.mark.parametrize("old", [True, False])
    def test_an_upload_whose_source_changes_leaves_the_place_as_it_was(
        self, store: ObjectStore, at: Place, root: Location, old: bool
    ) -> None:
        """What was read belongs to no content that ever was."""
        self._fails(store, at("x"), root, old, Changed, SourceError)

    @pytest.mark.parametrize("old", [True, False])
    def test_an_upload_of_other_bytes_than_were_expected_leaves_the_place_as_it_was(
        self, store: ObjectStore, at: Place, root: Location, old: bool
    ) -> None:
        """It is a checksum error."""
        wrong = checksums.of(store.algorithm, OLD)
        self._fails(store, at("x"), root, old, BytesSource, ChecksumError, wrong)

    def _fails(
        self, store: ObjectStore, place: Location, root: Location, old: bool,
        source: Callable[[bytes], Source], error: type[Exception], expected: str = "",
    ) -> None:  # fmt: skip
        token = put(store, place, OLD).token if old else ""
        for size in ("almost a part", "several parts"):
            with pytest.raises(error):
                upload(
                    source(self._bytes(store, size)), store, place,
                    settings=self.settings(store), expected=expected,
                )  # fmt: skip
            assert whole(store, place) == (OLD if old else None)
            if old:
                assert store.head(place).token == token
            assert len(list(store.list(root))) == old
            assert self.open_uploads(root) == []
