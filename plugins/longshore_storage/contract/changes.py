"""The part of `StorageContract` that is about copying on the server's side, and deleting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from longshore_storage import checksums
from longshore_storage.contract.trials import NEW, OLD, StorageTrial, content, put, send_all, tried, whole
from longshore_storage.errors import ObjectChangedError, ObjectNotFoundError
from longshore_storage.objects import WriteOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_storage.locations import Location
    from longshore_storage.protocol import ObjectStore

    Place = Callable[[str], Location]

_GIVEN = WriteOptions(content_type="text/x-log", content_encoding="gzip", metadata={"owner": "Ada"})
_OTHER = WriteOptions(content_type="text/csv", metadata={"day": "2013-01-01"})


class Changes(StorageTrial):
    """What every store does when it copies and deletes."""

    def test_a_copy_is_equal_and_has_what_the_object_has(self, store: ObjectStore, at: Place) -> None:
        """Its content, and its options; the object stays."""
        data = content(100_000)
        put(store, at("x"), data, options=_GIVEN)
        made = store.copy(store.head(at("x")), at("copies/y"))
        assert (made.url, made.size) == (at("copies/y").url, len(data))
        assert whole(store, at("x")) == whole(store, at("copies/y")) == data
        seen = store.head(at("copies/y"))
        assert made.token == seen.token
        for field in self.kept_options:
            assert getattr(seen, field) == getattr(_GIVEN, field), field

    def test_a_copy_is_given_other_options_instead(self, store: ObjectStore, at: Place) -> None:
        """Nothing of the old ones is left."""
        put(store, at("x"), OLD, options=_GIVEN)
        store.copy(store.head(at("x")), at("y"), options=_OTHER)
        assert whole(store, at("y")) == OLD
        seen = store.head(at("y"))
        for field in self.kept_options:
            assert getattr(seen, field) == getattr(_OTHER, field), field

    def test_an_object_is_copied_to_itself_to_be_given_other_options(
        self, store: ObjectStore, at: Place
    ) -> None:
        """Its content stays."""
        put(store, at("x"), OLD, options=_GIVEN)
        store.copy(store.head(at("x")), at("x"), options=_OTHER)
        assert whole(store, at("x")) == OLD
        seen = store.head(at("x"))
        for field in self.kept_options:
            assert getattr(seen, field) == getattr(_OTHER, field), field

    def test_a_copy_replaces_what_is_there(self, store: ObjectStore, at: Place) -> None:
        """Also with nothing: an empty object is copied too."""
        put(store, at("y"), NEW, options=_GIVEN)
        store.copy(put(store, at("x"), b""), at("y"))
        assert whole(store, at("y")) == b""

    def test_an_object_of_parts_is_copied(self, store: ObjectStore, at: Place) -> None:
        """It has the same content."""
        part = self.part_size(store)
        data = content(part + 1000)
        upload = store.begin(at("x"), part_size=part, size=len(data), options=_GIVEN)
        checksum = checksums.of(store.algorithm, data)
        made = store.finish(upload, send_all(store, upload, data), checksum=checksum, options=_GIVEN)
        copied = store.copy(made, at("y"))
        assert copied.size == len(data)
        assert whole(store, at("y")) == data

    def test_exactly_the_version_that_was_looked_at_is_copied(self, store: ObjectStore, at: Place) -> None:
        """Another one is an error, and nothing is written."""
        info = put(store, at("x"), b"0123456789")
        put(store, at("x"), b"abcdefghij")
        _, error = tried(lambda: store.copy(info, at("y")), ObjectChangedError, ObjectNotFoundError)
        if error is None:
            assert whole(store, at("y")) == b"0123456789"
        else:
            assert at("x").url in str(error)
            assert whole(store, at("y")) is None

    def test_what_was_deleted_is_not_copied(self, store: ObjectStore, at: Place) -> None:
        """It is an error, and the target stays as it was."""
        info = put(store, at("x"), OLD)
        put(store, at("y"), NEW)
        store.delete(at("x"))
        with pytest.raises((ObjectChangedError, ObjectNotFoundError)) as caught:
            store.copy(info, at("y"))
        assert at("x").url in str(caught.value)
        assert whole(store, at("y")) == NEW

    def test_what_is_deleted_is_gone_and_deleting_it_again_is_no_error(
        self, store: ObjectStore, at: Place
    ) -> None:
        """Nor is deleting what never was; others stay."""
        put(store, at("x"))
        put(store, at("x y"))
        store.delete(at("x"))
        store.delete(at("x"))
        store.delete(at("never/was"))
        assert whole(store, at("x")) is None
        assert [entry.url for entry in store.list(at(""))] == [at("x y").url]

    def test_deleting_many_tells_of_each(self, store: ObjectStore, at: Place) -> None:
        """In their order; one that is not there is no error; nothing is done before it is asked for."""
        names = [f"n{number}" for number in range(12)]
        for name in names[::2]:
            put(store, at(name))
        outcomes = store.delete_many(at(name) for name in names)
        assert whole(store, at("n0")) == OLD
        assert list(outcomes) == [(at(name), None) for name in names]
        assert list(store.list(at(""))) == []
        assert list(store.delete_many([])) == []
