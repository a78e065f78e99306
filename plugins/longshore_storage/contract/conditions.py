"""The part of `StorageContract` that is about conditions: who writes when somebody else does too."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from longshore.testing import assert_portable
from longshore_storage import checksums
from longshore_storage.contract.trials import NEW, OLD, StorageTrial, content, put, send_all, whole
from longshore_storage.errors import ConditionFailedError, StorageError
from longshore_storage.objects import Condition, ObjectInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_storage.locations import Location
    from longshore_storage.protocol import ObjectStore

    Place = Callable[[str], Location]
    Writing = Callable[[ObjectStore, Location, bytes, Condition], ObjectInfo]

_WRITERS = 8
ABSENT = Condition(absent=True)


def _by_put(store: ObjectStore, at: Location, data: bytes, condition: Condition) -> ObjectInfo:
    return put(store, at, data, condition=condition)


def _by_parts(store: ObjectStore, at: Location, data: bytes, condition: Condition) -> ObjectInfo:
    part = (
        -(-max(1 << 16, store.limits.smallest_part) // store.limits.part_multiple)
        * store.limits.part_multiple
    )
    upload = store.begin(at, part_size=part, size=len(data), condition=condition)
    try:
        parts = send_all(store, upload, data)
        checksum = checksums.of(store.algorithm, data)
        return store.finish(upload, parts, checksum=checksum, condition=condition)
    except StorageError:
        store.abort(upload)
        raise


def _by_copy(store: ObjectStore, at: Location, data: bytes, condition: Condition) -> ObjectInfo:
    name = f"source {checksums.of(store.algorithm, data)}".replace("/", "-")
    source = put(store, at.with_key(f"{at.key} {name}"), data)
    return store.copy(source, at, condition=condition)


_WRITINGS: dict[str, Writing] = {"put": _by_put, "finish": _by_parts, "copy": _by_copy}
by_each_way = pytest.mark.parametrize("way", _WRITINGS)


class Conditions(StorageTrial):
    """What every store does with conditions, by each of the ways to write."""

    @by_each_way
    def test_a_place_that_must_be_empty_is(
        self, store: ObjectStore, at: Place, root: Location, way: str
    ) -> None:
        """Else the write is refused, and what is there stays."""
        assert _WRITINGS[way](store, at("x"), NEW, ABSENT).size == len(NEW)
        assert whole(store, at("x")) == NEW
        with pytest.raises(ConditionFailedError) as caught:
            _WRITINGS[way](store, at("x"), OLD, ABSENT)
        assert at("x").url in str(caught.value)
        assert not caught.value.retryable
        assert_portable(caught.value)
        assert whole(store, at("x")) == NEW
        assert self.open_uploads(root) == []

    @by_each_way
    def test_only_the_object_that_is_named_is_replaced(
        self, store: ObjectStore, at: Place, root: Location, way: str
    ) -> None:
        """Not one that came after it, nor one of the same content; nor is a missing one made."""
        seen = put(store, at("x"), OLD)
        [listed] = store.list(at("x"))
        assert isinstance(listed, ObjectInfo)
        assert seen.token == listed.token
        assert _WRITINGS[way](store, at("x"), NEW, Condition(token=seen.token)).token != seen.token
        with pytest.raises(ConditionFailedError, match="x"):
            _WRITINGS[way](store, at("x"), b"too late", Condition(token=seen.token))
        assert whole(store, at("x")) == NEW
        with pytest.raises(ConditionFailedError, match="y"):
            _WRITINGS[way](store, at("y"), b"nothing is here", Condition(token=seen.token))
        assert whole(store, at("y")) is None
        assert self.open_uploads(root) == []

    @by_each_way
    @pytest.mark.parametrize("kind", ["absent", "token"])
    def test_of_writers_at_the_same_moment_one_wins(
        self, store: ObjectStore, at: Place, root: Location, way: str, kind: str
    ) -> None:
        """Exactly one, and the object is its own; the others are told."""
        if way not in self.conditions:
            pytest.skip(f"the service does not keep conditions of {way} by itself")
        condition = ABSENT if kind == "absent" else Condition(token=put(store, at("x"), OLD).token)
        contents = [content(2000 + number, seed=number) for number in range(_WRITERS)]
        start = threading.Barrier(_WRITERS)

        def write(data: bytes) -> bool:
            start.wait(20)
            try:
                _WRITINGS[way](store, at("x"), data, condition)
            except ConditionFailedError:
                return False
            return True

        with ThreadPoolExecutor(_WRITERS) as pool:
            won = list(pool.map(write, contents))
        assert won.count(True) == 1, f"{won.count(True)} of {_WRITERS} writers won"
        assert whole(store, at("x")) == contents[won.index(True)]
        assert self.open_uploads(root) == []

    def test_only_the_object_that_is_named_is_deleted(self, store: ObjectStore, at: Place) -> None:
        """Another one stays; a missing one is an error, as it is not that one."""
        old = put(store, at("x"), OLD)
        new = put(store, at("x"), NEW)
        with pytest.raises(ConditionFailedError, match="x"):
            store.delete(at("x"), condition=Condition(token=old.token))
        assert whole(store, at("x")) == NEW
        store.delete(at("x"), condition=Condition(token=new.token))
        assert whole(store, at("x")) is None
        with pytest.raises(ConditionFailedError, match="x"):
            store.delete(at("x"), condition=Condition(token=new.token))

    def test_no_condition_is_none(self) -> None:
        """It is false, and so is the one that names nothing."""
        assert not Condition()
        assert all((ABSENT, Condition(token="1")))  # noqa: S106 - no password
