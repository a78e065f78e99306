"""The part of `StorageContract` that is about the engine's copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from longshore_storage import checksums
from longshore_storage.contract.trials import NEW, OLD, StorageTrial, content, put, whole
from longshore_storage.contract.uploads import SIZES, each_size
from longshore_storage.errors import ObjectChangedError, ObjectNotFoundError
from longshore_storage.local import LocalConnection
from longshore_storage.locations import parse
from longshore_storage.objects import WriteOptions
from longshore_storage.stores import store_for
from longshore_storage.transfers import copy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from longshore_storage.locations import Location
    from longshore_storage.protocol import Connection, ObjectStore

    Place = Callable[[str], Location]

_GIVEN = WriteOptions(content_type="text/x-log", content_encoding="gzip", metadata={"owner": "Ada"})


class Copies(StorageTrial):
    """What the engine does with every store when it copies."""

    def _bytes(self, store: ObjectStore, size: str) -> bytes:
        parts, more = SIZES[size]
        return content(parts * self.part_size(store) + more, seed=len(size))

    @each_size
    def test_a_copy_on_the_servers_side_is_equal(self, store: ObjectStore, at: Place, size: str) -> None:
        """It has what the object has."""
        data = self._bytes(store, size)
        put(store, at("x"), data, options=_GIVEN)
        made = copy(store, store.head(at("x")), store, at("y"), settings=self.settings(store))
        assert (made.url, made.size) == (at("y").url, len(data))
        assert whole(store, at("y")) == data
        info = store.head(at("y"))
        assert made.token == info.token
        for field in self.kept_options:
            assert getattr(info, field) == getattr(_GIVEN, field), field

    @each_size
    def test_a_copy_streams_between_two_stores(
        self, connection: Connection, store: ObjectStore, at: Place, root: Location, size: str
    ) -> None:
        """Checked at both ends; it has what the object has."""
        data = self._bytes(store, size)
        put(store, at("x"), data, options=_GIVEN)
        other = connection.open()
        made = copy(store, store.head(at("x")), other, at("y"), settings=self.settings(store))
        assert (made.url, made.size) == (at("y").url, len(data))
        assert whole(store, at("y")) == data
        assert self.open_uploads(root) == []
        info = store.head(at("y"))
        for field in self.kept_options:
            assert getattr(info, field) == getattr(_GIVEN, field), field

    @each_size
    def test_a_copy_goes_to_a_file_and_back(
        self, store: ObjectStore, at: Place, tmp_path: Path, size: str
    ) -> None:
        """By the same call."""
        data = self._bytes(store, size)
        info = put(store, at("x"), data)
        files = store_for(LocalConnection())
        place = parse(tmp_path / "copy")
        made = copy(store, info, files, place, settings=self.settings(store))
        assert (made.size, place.path.read_bytes()) == (len(data), data)
        back = copy(files, files.head(place), store, at("y"), settings=self.settings(store))
        assert (back.url, back.size) == (at("y").url, len(data))
        assert back.checksum in ("", checksums.of(store.algorithm, data))
        assert whole(store, at("y")) == data
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []

    @pytest.mark.parametrize("parts", [0, 2], ids=["at once", "in parts"])
    def test_a_version_that_was_replaced_is_not_copied(
        self, connection: Connection, store: ObjectStore, at: Place, root: Location, parts: int
    ) -> None:
        """Neither on the server's side nor through here."""
        data = content(parts * self.part_size(store) + 1000)
        info = put(store, at("x"), data)
        put(store, at("y"), OLD)
        put(store, at("x"), data[::-1])
        for target in (store, connection.open()):
            try:
                copy(store, info, target, at("y"), settings=self.settings(store))
            except (ObjectChangedError, ObjectNotFoundError):
                assert whole(store, at("y")) == OLD
            else:
                assert whole(store, at("y")) == data
        assert self.open_uploads(root) == []

    def test_a_copy_goes_with_other_options(
        self, connection: Connection, store: ObjectStore, at: Place
    ) -> None:
        """On the server's side and through here."""
        info = put(store, at("x"), NEW, options=_GIVEN)
        other = WriteOptions(content_type="text/csv", metadata={"day": "2013-01-01"})
        for name, target in (("y", store), ("z", connection.open())):
            copy(store, info, target, at(name), options=other)
            seen = store.head(at(name))
            for field in self.kept_options:
                assert getattr(seen, field) == getattr(other, field), field
