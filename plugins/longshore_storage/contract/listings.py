"""The part of `StorageContract` that is about listings, and about keys."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest

from longshore import LongshoreError
from longshore_storage.contract.trials import OLD, StorageTrial, keys, put, whole
from longshore_storage.errors import StorageError
from longshore_storage.locations import parse
from longshore_storage.objects import ObjectInfo, Prefix

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_storage.locations import Location
    from longshore_storage.protocol import ObjectStore

    Place = Callable[[str], Location]

_LONGEST_KEY = 1024
"""Bytes of a key, of S3 and Google alike."""


def _fill(store: ObjectStore, at: Place, names: list[str]) -> None:
    for name in names:
        put(store, at(name), name.encode())


class Listings(StorageTrial):
    """What every store does when it lists, and with keys of any kind."""

    def test_a_listing_tells_what_head_tells(self, store: ObjectStore, at: Place) -> None:
        """Place, size, time and token; the token is good for a condition."""
        put(store, at("x"), OLD)
        [found] = store.list(at(""))
        seen = store.head(at("x"))
        assert isinstance(found, ObjectInfo)
        assert (found.url, found.size, found.token) == (seen.url, seen.size, seen.token)
        assert found.modified is not None
        assert found.modified.tzinfo is not None

    def test_a_listing_is_in_the_order_of_bytes(self, store: ObjectStore, at: Place, root: Location) -> None:
        """Not of letters, not of folders, not of UTF-16."""
        names = [
            "b",
            "B",
            "a-b",
            "a/c",
            "a.b",
            "a/b/d",
            "a0",
            "é",
            "z",
            "\uff5e",
            "\U0001f600",
            "10",
            "9",
            "Z/a",
        ]
        _fill(store, at, names)
        assert keys(store.list(root), root) == sorted(names, key=str.encode)

    def test_a_prefix_matches_as_text(self, store: ObjectStore, at: Place, root: Location) -> None:
        """`data` is also the beginning of `database`; with a slash it is a folder."""
        _fill(store, at, ["data/x", "data/y/z", "database", "dat", "Data", "other/data/x"])
        assert keys(store.list(at("data")), root) == ["data/x", "data/y/z", "database"]
        assert keys(store.list(at("data/")), root) == ["data/x", "data/y/z"]
        assert keys(store.list(at("data/x")), root) == ["data/x"]
        assert keys(store.list(at("data/x/")), root) == keys(store.list(at("nothing")), root) == []
        assert keys(store.list(at("other/da")), root) == ["other/data/x"]

    def test_a_listing_that_does_not_descend_shows_prefixes(
        self, store: ObjectStore, at: Place, root: Location
    ) -> None:
        """One for all that is below the next slash, in order with the objects."""
        _fill(store, at, ["a/1", "a/2", "a/b/3", "a-0", "b", "c/d/e/4", "c.txt"])
        found = list(store.list(root, recursive=False))
        assert keys(found, root) == ["a-0", "a/", "b", "c.txt", "c/"]
        assert [isinstance(entry, Prefix) for entry in found] == [False, True, False, False, True]
        assert keys(store.list(at("a/"), recursive=False), root) == ["a/1", "a/2", "a/b/"]
        assert keys(store.list(at("c"), recursive=False), root) == ["c.txt", "c/"]

    def test_a_listing_begins_behind_a_key(self, store: ObjectStore, at: Place, root: Location) -> None:
        """Which need not be there; it is a whole key, not only its end."""
        names = sorted(["a", "b/1", "b/2", "b0", "c", "~x"], key=str.encode)
        _fill(store, at, names)
        for after in (*names, "", "aa", "b", "b/", "b/1x", "~", "~x/"):
            expected = [name for name in names if name.encode() > after.encode()]
            found = keys(store.list(root, after=at(after).key), root)
            assert found == expected, (after, found)
        assert keys(store.list(at("b"), after=at("b/1").key), root) == ["b/2", "b0"]
        assert keys(store.list(at("b"), after=at("a").key), root) == ["b/1", "b/2", "b0"]
        assert keys(store.list(at("b"), after=at("c").key), root) == []

    def test_a_listing_begins_behind_a_key_of_any_script(
        self, store: ObjectStore, at: Place, root: Location
    ) -> None:
        """By the bytes of UTF-8, not by what they become in a URL."""
        names = ["a", "z", "é", "日本", "\uff5e", "\U0001f600"]
        _fill(store, at, names)
        for number, after in enumerate(names, 1):
            found = keys(store.list(root, after=at(after).key), root)
            assert found == names[number:], (after, found)

    def test_a_listing_that_does_not_descend_begins_behind_a_key_or_a_prefix(
        self, store: ObjectStore, at: Place, root: Location
    ) -> None:
        """So that it can go on behind the last thing it showed."""
        _fill(store, at, ["a", "b/1", "b/2", "c", "d/1"])
        shown = ["a", "b/", "c", "d/"]
        for number, name in enumerate(shown, 1):
            rest = keys(store.list(root, recursive=False, after=at(name).key), root)
            assert rest == shown[number:], f"behind {name!r}"

    def test_a_listing_of_many_comes_page_by_page(
        self, store: ObjectStore, at: Place, root: Location
    ) -> None:
        """None is missing or doubled at the borders of pages; what is not consumed costs nothing. Many are
        deleted at once."""
        names = [f"many/{number:05}" for number in range(self.many_keys)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(partial(put, store, data=b"x"), map(at, names)))
        assert keys(store.list(at("many/")), root) == names
        assert keys(itertools.islice(store.list(root), 3), root) == names[:3]
        middle = len(names) // 2
        assert keys(store.list(at("many/"), after=at(names[middle]).key), root) == names[middle + 1 :]
        assert keys(store.list(root, recursive=False), root) == ["many/"]
        outcomes = list(store.delete_many(at(name) for name in names))
        assert [place for place, _ in outcomes] == [at(name) for name in names]
        assert [error for _, error in outcomes if error] == []
        assert list(store.list(root)) == []

    def test_listings_can_be_read_side_by_side_and_left(
        self, store: ObjectStore, at: Place, root: Location
    ) -> None:
        """Each has its own place."""
        _fill(store, at, ["a", "b", "c"])
        one, other = iter(store.list(root)), iter(store.list(root))
        seen = [next(one), next(other), next(one), next(one)]
        assert keys(seen, root) == ["a", "a", "b", "c"]

    def test_keys_of_any_kind_come_back_as_they_were(
        self, store: ObjectStore, at: Place, root: Location
    ) -> None:
        """They are written, looked at, fetched, listed, copied and deleted, each for itself."""
        names = sorted(self.odd_keys, key=str.encode)
        _fill(store, at, names)
        assert keys(store.list(root), root) == names
        for name in names:
            info = store.head(at(name))
            assert (parse(info.url), whole(store, at(name))) == (at(name), name.encode()), name
            assert store.get(at(name), 1000)[1] == name.encode(), name
            assert keys(store.list(at(name)), root)[0] == name
            copied = at(f"copies/{name}x")
            assert parse(store.copy(info, copied).url) == copied
            assert store.get(copied, 1000)[1] == name.encode(), name
        gone, kept = names[::2], names[1::2]
        for name in gone[::2]:
            store.delete(at(name))
        outcomes = list(store.delete_many(at(name) for name in gone[1::2]))
        assert [error for _, error in outcomes if error] == []
        assert [name for name in kept if whole(store, at(name)) is None] == []
        assert [name for name in gone if whole(store, at(name)) is not None] == []

    def test_a_key_may_be_the_beginning_of_another_one(
        self, store: ObjectStore, at: Place, root: Location
    ) -> None:
        """Where keys are paths the second one is refused, and the first one stays."""
        put(store, at("a"), b"first")
        if self.keys_are_paths:
            with pytest.raises(StorageError, match="a/b"):
                put(store, at("a/b"), b"second")
            put(store, at("c/d"), b"third")
            with pytest.raises(StorageError):
                put(store, at("c"), b"fourth")
            assert keys(store.list(root), root) == ["a", "c/d"]
        else:
            put(store, at("a/b"), b"second")
            put(store, at("a/"), b"third")
            assert [whole(store, at(name)) for name in ("a", "a/", "a/b")] == [b"first", b"third", b"second"]
            assert keys(store.list(root), root) == ["a", "a/", "a/b"]
            assert keys(store.list(root, recursive=False), root) == ["a", "a/"]
        assert whole(store, at("a")) == b"first"

    def test_a_key_of_the_greatest_length_is_taken(
        self, store: ObjectStore, at: Place, root: Location
    ) -> None:
        """1,024 bytes of UTF-8."""
        longest = "é/" * (_LONGEST_KEY // 3)
        name = longest[: (_LONGEST_KEY - len(root.key.encode()) - 1) * 2 // 3]  # one is left: no / ends it
        name = name + "x" * (_LONGEST_KEY - len(at(name).key.encode()))
        assert len(at(name).key.encode()) == _LONGEST_KEY
        put(store, at(name), b"long")
        assert whole(store, at(name)) == b"long"
        assert keys(store.list(root), root) == [name]
        store.delete(at(name))

    def test_bad_keys_are_refused(self, store: ObjectStore, at: Place, root: Location) -> None:
        """By an error of Longshore that travels, whatever is asked; nothing is written."""
        for key in self.bad_keys:
            place = root.with_key(key)
            for request in (
                lambda: put(store, place, b"bad"),  # noqa: B023
                lambda: store.head(place),  # noqa: B023
                lambda: store.get(place, 10),  # noqa: B023
            ):
                with pytest.raises(LongshoreError) as caught:
                    request()
                assert not getattr(caught.value, "retryable", False), ascii(key)
        assert list(store.list(root)) == []
