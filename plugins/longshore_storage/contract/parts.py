"""The part of `StorageContract` that is about uploads in parts."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest

from longshore_storage import checksums
from longshore_storage.contract.trials import (
    NEW,
    OLD,
    StorageTrial,
    content,
    pieces,
    put,
    send,
    send_all,
    whole,
)
from longshore_storage.errors import ChecksumError, StorageError, UploadNotFoundError
from longshore_storage.objects import WriteOptions
from longshore_storage.protocol import Upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_storage.locations import Location
    from longshore_storage.protocol import ObjectStore, Part

    Place = Callable[[str], Location]


class Parts(StorageTrial):
    """What every store does with uploads in parts."""

    def _data(self, store: ObjectStore, seed: int = 0) -> bytes:
        """Return two parts and a bit."""
        return content(2 * self.part_size(store) + 123, seed)

    def _begin(self, store: ObjectStore, at: Location, data: bytes, **options: str) -> Upload:
        given = WriteOptions(**options)  # type: ignore[arg-type]
        return store.begin(at, part_size=self.part_size(store), size=len(data), options=given)

    def _finish(self, store: ObjectStore, upload: Upload, parts: list[Part], data: bytes) -> str:
        info = store.finish(upload, parts, checksum=checksums.of(store.algorithm, data))
        assert (info.url, info.size) == (upload.url, len(data))
        assert info.checksum in ("", checksums.of(store.algorithm, data))
        assert info.verified
        return info.token

    def test_parts_become_one_object(self, store: ObjectStore, at: Place, root: Location) -> None:
        """Whole, checked, with its options; before the end there is none, afterwards no open upload."""
        data = self._data(store)
        upload = self._begin(store, at("x"), data, content_type="text/csv")
        parts = send_all(store, upload, data, but=[3])
        assert whole(store, at("x")) is None
        assert list(store.list(root)) == []
        last = pieces(data, upload.part_size)[2]
        parts.append(send(store, upload, 3, last, last=True))
        assert [(part.number, part.size) for part in parts] == [
            (1, upload.part_size), (2, upload.part_size), (3, 123),
        ]  # fmt: skip
        token = self._finish(store, upload, parts, data)
        assert whole(store, at("x")) == data
        assert store.head(at("x")).token == token
        assert self.open_uploads(root) == []
        if "content_type" in self.kept_options:
            assert store.head(at("x")).content_type == "text/csv"

    def test_the_parts_that_are_there_are_told(self, store: ObjectStore, at: Place) -> None:
        """Number, size, and a checksum if any is known; an upload without parts has none."""
        data = self._data(store)
        upload = self._begin(store, at("x"), data)
        assert list(store.parts(upload)) == []
        sent = send_all(store, upload, data, but=[3])
        told = list(store.parts(upload))
        assert [(part.number, part.size, part.etag) for part in told] == [
            (part.number, part.size, part.etag) for part in sent
        ]
        for part, piece in zip(told, pieces(data, upload.part_size), strict=False):
            algorithm = part.checksum.partition(":")[0]
            assert part.checksum in ("", algorithm and checksums.of(algorithm, piece))
        store.abort(upload)

    def test_parts_come_in_any_order(self, store: ObjectStore, at: Place) -> None:
        """Unless the service wants them one after the other."""
        data = self._data(store)
        upload = self._begin(store, at("x"), data)
        numbered = list(enumerate(pieces(data, upload.part_size), 1))
        if not store.limits.in_order:
            numbered = [numbered[2], numbered[0], numbered[1]]
        sent = [send(store, upload, number, piece, last=number == 3) for number, piece in numbered]
        self._finish(store, upload, sorted(sent, key=lambda part: part.number), data)
        assert whole(store, at("x")) == data

    def test_a_part_that_is_sent_again_replaces_itself(self, store: ObjectStore, at: Place) -> None:
        """The one that came last counts; where parts go in order, it is the same one."""
        data = self._data(store)
        upload = self._begin(store, at("x"), data)
        first, second, last = pieces(data, upload.part_size)
        if not store.limits.in_order:
            send(store, upload, 1, second)
            send(store, upload, 3, b"another last", last=True)
        parts: list[Part] = []
        for number, piece in ((1, first), (2, second), (3, last)):
            send(store, upload, number, piece, last=number == 3)
            parts.append(send(store, upload, number, piece, last=number == 3))
        assert [part.number for part in store.parts(upload)] == [1, 2, 3]
        self._finish(store, upload, parts, data)
        assert whole(store, at("x")) == data

    def test_a_part_with_a_wrong_checksum_never_becomes_a_part_of_the_object(
        self, store: ObjectStore, at: Place, root: Location
    ) -> None:
        """It is refused at once, or with the last one."""
        if not self.compares_checksums:
            pytest.skip("the server of these tests compares no checksums")
        data = self._data(store)
        upload = self._begin(store, at("x"), data)
        first, second, last = pieces(data, upload.part_size)
        wrong = checksums.of(store.algorithm, last)

        def go_on() -> None:
            store.put_part(upload, 1, memoryview(first), checksum=wrong, last=False)
            parts = [send(store, upload, 2, second), send(store, upload, 3, last, last=True)]
            store.finish(upload, parts, checksum=checksums.of(store.algorithm, data))

        with pytest.raises(ChecksumError):
            go_on()
        store.abort(upload)
        assert whole(store, at("x")) is None
        assert self.open_uploads(root) == []

    def test_parts_whose_whole_has_another_checksum_are_no_object(
        self, store: ObjectStore, at: Place, root: Location
    ) -> None:
        """The one that was there is not taken for it."""
        if not self.compares_checksums:
            pytest.skip("the server of these tests compares no checksums")
        data = self._data(store)
        upload = self._begin(store, at("x"), data)
        parts = send_all(store, upload, data)
        with pytest.raises(ChecksumError):
            store.finish(upload, parts, checksum=checksums.of(store.algorithm, OLD))
        store.abort(upload)
        assert whole(store, at("x")) is None
        assert self.open_uploads(root) == []

    def test_an_upload_that_was_given_up_leaves_nothing(
        self, store: ObjectStore, at: Place, root: Location
    ) -> None:
        """Giving it up twice is no error; the old object stays as it was; it can not go on."""
        seen = put(store, at("x"), OLD)
        data = self._data(store)
        upload = self._begin(store, at("x"), data)
        parts = send_all(store, upload, data, but=[3])
        store.abort(upload)
        store.abort(upload)
        assert self.open_uploads(root) == []
        for request in (
            lambda: list(store.parts(upload)),
            lambda: send(store, upload, 3, data[-123:], last=True),
            lambda: self._finish(store, upload, parts, data),
        ):
            with pytest.raises(UploadNotFoundError) as caught:
                request()
            assert not caught.value.retryable
            assert upload.id not in str(caught.value) or not upload.id.startswith("http"), (
                "it is a credential"
            )
        assert store.head(at("x")).token == seen.token
        assert [entry.url for entry in store.list(root)] == [at("x").url]

    def test_giving_up_what_is_finished_is_no_error_and_leaves_the_object(
        self, store: ObjectStore, at: Place
    ) -> None:
        """It may be that only the answer was lost."""
        data = self._data(store)
        upload = self._begin(store, at("x"), data)
        self._finish(store, upload, send_all(store, upload, data), data)
        store.abort(upload)
        assert whole(store, at("x")) == data
        if not store.limits.in_order:
            with pytest.raises(UploadNotFoundError):
                list(store.parts(upload))

    def test_an_upload_of_parts_that_the_service_does_not_have_is_no_object(
        self, store: ObjectStore, at: Place
    ) -> None:
        """Said by an error of ours."""
        data = self._data(store)
        upload = self._begin(store, at("x"), data)
        first = send(store, upload, 1, pieces(data, upload.part_size)[0])
        with pytest.raises(StorageError):
            self._finish(store, upload, [first, replace(first, number=2)], data)
        store.abort(upload)
        assert whole(store, at("x")) is None

    def test_uploads_to_one_place_do_not_mix(self, store: ObjectStore, at: Place, root: Location) -> None:
        """Each has its own parts; the one that is finished last is the object."""
        one, other = self._data(store, 1), self._data(store, 2)
        first, second = self._begin(store, at("x"), one), self._begin(store, at("x"), other)
        parts = send_all(store, first, one, but=[3])
        others = send_all(store, second, other)
        parts.append(send(store, first, 3, pieces(one, first.part_size)[2], last=True))
        self._finish(store, first, parts, one)
        assert whole(store, at("x")) in (one, other)
        if store.limits.in_order:
            store.finish(second, others, checksum=checksums.of(store.algorithm, other))
            assert whole(store, at("x")) in (one, other)
        else:
            self._finish(store, second, others, other)
            assert whole(store, at("x")) == other
        assert self.open_uploads(root) == []

    def test_what_is_known_of_an_upload_can_be_written_down(self, store: ObjectStore, at: Place) -> None:
        """As JSON: the record goes on in another process."""
        data = self._data(store)
        upload = self._begin(store, at("x"), data)
        assert Upload(**json.loads(json.dumps(asdict(upload)))) == upload
        assert (upload.url, upload.part_size, upload.size) == (at("x").url, self.part_size(store), len(data))
        store.abort(upload)

    def test_an_upload_does_not_touch_the_object_until_its_end(
        self, store: ObjectStore, at: Place, root: Location
    ) -> None:
        """Nor does it show in listings."""
        put(store, at("x"), NEW)
        data = self._data(store)
        upload = self._begin(store, at("x"), data)
        send_all(store, upload, data, but=[3])
        assert whole(store, at("x")) == NEW
        assert [entry.url for entry in store.list(root)] == [at("x").url]
        store.abort(upload)
