"""The part of `StorageContract` that is about what the engine may replace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from longshore_storage.contract.doubles import Interrupted
from longshore_storage.contract.trials import NEW, OLD, StorageTrial, content, put, whole
from longshore_storage.errors import ConditionFailedError, ObjectExistsError
from longshore_storage.sources import BytesSource
from longshore_storage.transfers import copy, upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_storage.locations import Location
    from longshore_storage.protocol import ObjectStore

    Place = Callable[[str], Location]

each_way = pytest.mark.parametrize("parts", [0, 2], ids=["at once", "in parts"])


class Overwrites(StorageTrial):
    """What the engine does with every store where there is an object already."""

    def _new(self, store: ObjectStore, parts: int, seed: int = 3) -> bytes:
        return content(parts * self.part_size(store) + 1000, seed)

    @each_way
    def test_never_writes_where_nothing_is_and_nowhere_else(
        self, store: ObjectStore, at: Place, root: Location, parts: int
    ) -> None:
        """Also when somebody was faster by a moment."""
        never = self.settings(store, overwrite="never")
        data = self._new(store, parts)
        upload(BytesSource(data), store, at("x"), settings=never)
        assert whole(store, at("x")) == data
        with pytest.raises(ObjectExistsError, match="x") as caught:
            upload(BytesSource(OLD * 1000), store, at("x"), settings=never)
        assert isinstance(caught.value, FileExistsError)
        assert whole(store, at("x")) == data
        late = Interrupted(data, lambda: put(store, at("y"), OLD))
        with pytest.raises(ObjectExistsError):
            upload(late, store, at("y"), settings=never)
        assert whole(store, at("y")) == OLD
        assert self.open_uploads(root) == []

    @each_way
    def test_if_unchanged_replaces_what_was_there_when_it_began(
        self, store: ObjectStore, at: Place, root: Location, parts: int
    ) -> None:
        """And nothing that came meanwhile: an object, another one, or its end."""
        careful = self.settings(store, overwrite="if-unchanged")
        data = self._new(store, parts)
        for before in (None, OLD):
            if before is not None:
                put(store, at("x"), before)
            upload(BytesSource(data), store, at("x"), settings=careful)
            assert whole(store, at("x")) == data
        meddled = Interrupted(data, lambda: put(store, at("x"), NEW))
        with pytest.raises(ConditionFailedError, match="x"):
            upload(meddled, store, at("x"), settings=careful)
        assert whole(store, at("x")) == NEW
        with pytest.raises(ConditionFailedError):
            upload(Interrupted(data, lambda: put(store, at("y"), NEW)), store, at("y"), settings=careful)
        assert whole(store, at("y")) == NEW
        with pytest.raises(ConditionFailedError):
            upload(Interrupted(data, lambda: store.delete(at("y"))), store, at("y"), settings=careful)
        assert whole(store, at("y")) is None
        assert self.open_uploads(root) == []

    @each_way
    def test_only_the_version_that_is_given_is_replaced(
        self, store: ObjectStore, at: Place, root: Location, parts: int
    ) -> None:
        """As `head` or a listing told it."""
        seen = put(store, at("x"), OLD)
        data = self._new(store, parts)
        made = upload(BytesSource(data), store, at("x"), settings=self.settings(store, overwrite=seen))
        assert whole(store, at("x")) == data
        with pytest.raises(ConditionFailedError):
            upload(BytesSource(NEW), store, at("x"), settings=self.settings(store, overwrite=seen))
        assert whole(store, at("x")) == data
        upload(BytesSource(NEW), store, at("x"), settings=self.settings(store, overwrite=made))
        assert whole(store, at("x")) == NEW
        assert self.open_uploads(root) == []

    @each_way
    def test_if_different_writes_nothing_where_the_content_is_equal(
        self, store: ObjectStore, at: Place, root: Location, parts: int
    ) -> None:
        """Else it replaces what was there when it began."""
        differs = self.settings(store, overwrite="if-different")
        data = self._new(store, parts)
        made = upload(BytesSource(data), store, at("x"), settings=differs)
        again = upload(BytesSource(data), store, at("x"), settings=differs)
        assert (again.url, again.size, again.token) == (made.url, made.size, made.token)
        assert store.head(at("x")).token == made.token, "it was written again"
        other = data[:-1] + bytes([data[-1] ^ 1])
        upload(BytesSource(other), store, at("x"), settings=differs)
        assert whole(store, at("x")) == other
        with pytest.raises(ConditionFailedError):
            upload(
                Interrupted(data, lambda: put(store, at("x"), NEW)),
                store,
                at("x"),
                settings=differs,
            )
        assert whole(store, at("x")) == NEW
        assert self.open_uploads(root) == []

    @pytest.mark.parametrize("mode", ["never", "if-unchanged", "if-different"])
    def test_copies_keep_the_same_rules(self, store: ObjectStore, at: Place, mode: str) -> None:
        """On the server's side too."""
        settings = self.settings(store, overwrite=mode)
        info = put(store, at("x"), NEW)
        assert copy(store, info, store, at("y"), settings=settings).size == len(NEW)
        if mode == "never":
            with pytest.raises(ObjectExistsError):
                copy(store, info, store, at("y"), settings=settings)
            return
        seen = store.head(at("y"))
        copy(store, store.head(at("x")), store, at("y"), settings=settings)
        if mode == "if-different" and info.checksum:
            assert store.head(at("y")).token == seen.token, "it was written again"
        put(store, at("y"), OLD)
        copy(store, info, store, at("y"), settings=settings)
        assert whole(store, at("y")) == NEW
        replaced = self.settings(store, overwrite=put(store, at("y"), OLD))
        put(store, at("y"), b"another one")
        with pytest.raises(ConditionFailedError):
            copy(store, info, store, at("y"), settings=replaced)
        assert whole(store, at("y")) == b"another one"
