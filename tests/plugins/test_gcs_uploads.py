"""Resumable uploads: pieces in order, gone on with after anything, never shown."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("google.cloud.storage", reason="needs longshore[gcs]")

import urllib3

from longshore import redact
from longshore_gcs.connections import GCSConnection
from longshore_gcs.testing import GCSServer
from longshore_storage import checksums
from longshore_storage.errors import (
    ChecksumError,
    ConditionFailedError,
    ObjectExistsError,
    ServiceError,
    UploadNotFoundError,
)  # fmt: skip
from longshore_storage.locations import parse
from longshore_storage.objects import ANY, Condition, ObjectInfo
from longshore_storage.protocol import ObjectStore, Part, Upload
from longshore_storage.sources import BytesSource
from longshore_storage.stores import store_for
from longshore_storage.transfers import Settings, download, upload

KIB256 = 256 * 1024
DATA = os.urandom(5 * KIB256 + 100)
AT = parse("gs://lake/big")
ABSENT = Condition(absent=True)
SMALL_PARTS = Settings(part_size=KIB256)


@pytest.fixture
def gcs() -> Iterator[GCSServer]:
    with GCSServer() as running:
        running.create_bucket("lake")
        yield running


@pytest.fixture
def store(gcs: GCSServer) -> ObjectStore:
    return store_for(gcs.connection)


def begin(store: ObjectStore, condition: Condition = ANY) -> Upload:
    return store.begin(AT, part_size=2 * KIB256, size=len(DATA), condition=condition)


def send(store: ObjectStore, session: Upload, number: int, data: bytes = DATA) -> Part:
    piece = memoryview(data)[(number - 1) * session.part_size : number * session.part_size]
    last = number * session.part_size >= len(DATA)
    return store.put_part(session, number, piece, checksum=checksums.of("crc32c", piece), last=last)


def finish(store: ObjectStore, session: Upload, condition: Condition = ANY) -> ObjectInfo:
    return store.finish(session, [], checksum=checksums.of("crc32c", DATA), condition=condition)


def whole(store: ObjectStore, condition: Condition = ANY) -> ObjectInfo:
    session = begin(store, condition)
    for number in (1, 2, 3):
        send(store, session, number)
    return finish(store, session, condition)


def another_process(server: GCSServer) -> ObjectStore:
    """A store that knows nothing of what others did."""
    return server.connection.open()


def test_a_large_object_goes_in_pieces_and_comes_back(
    gcs: GCSServer, store: ObjectStore, tmp_path: Path
) -> None:
    info = upload(BytesSource(DATA), store, AT, settings=SMALL_PARTS)
    assert (info.size, info.verified, info.checksum) == (len(DATA), "crc32c", checksums.of("crc32c", DATA))
    assert [seen.status for seen in gcs.seen] == [200, 308, 308, 308, 308, 308, 200]
    assert download(store, AT, tmp_path / "big", settings=SMALL_PARTS).verified == "crc32c"
    assert (tmp_path / "big").read_bytes() == DATA


def test_the_last_piece_carries_the_checksum_of_the_whole(gcs: GCSServer, store: ObjectStore) -> None:
    whole(store)
    assert gcs.seen[-1].headers["x-goog-hash"] == f"crc32c={checksums.of('crc32c', DATA).partition(':')[2]}"


def test_a_service_that_keeps_less_than_it_was_sent_gets_the_rest() -> None:
    with GCSServer(chunk_limit=KIB256) as server:
        server.create_bucket("lake")
        store = store_for(server.connection)
        assert whole(store).checksum == checksums.of("crc32c", DATA)
        assert server.read("lake", "big") == DATA
        assert sum(seen.method == "PUT" for seen in server.seen) == 6


def test_a_lost_answer_is_asked_for(gcs: GCSServer, store: ObjectStore) -> None:
    session = begin(store)
    send(store, session, 1)
    gcs.refuse(503, method="PUT", headers={"Retry-After": "7"})
    with pytest.raises(ServiceError) as caught:
        send(store, session, 2)
    assert (caught.value.retryable, caught.value.retry_after) == (True, 7.0)
    send(store, session, 2)
    send(store, session, 3)
    finish(store, session)
    ranges = [seen.headers["content-range"].partition("/")[0] for seen in gcs.seen if seen.method == "PUT"]
    assert ranges[1] == ranges[3]
    assert ranges[2] == "bytes *"


def test_when_the_answer_to_the_last_piece_is_lost_the_session_tells_the_object(gcs: GCSServer) -> None:
    mine = another_process(gcs)
    session = begin(mine)
    for number in (1, 2, 3):
        send(mine, session, number)
    later = another_process(gcs)
    assert [part.number for part in later.parts(session)] == [1, 2, 3]
    assert sum(part.size for part in later.parts(session)) == len(DATA)
    assert finish(later, session).checksum == checksums.of("crc32c", DATA)
    assert gcs.read("lake", "big") == DATA


def test_another_process_goes_on_where_the_first_one_died(gcs: GCSServer) -> None:
    mine = another_process(gcs)
    session = begin(mine)
    send(mine, session, 1)
    later = another_process(gcs)
    assert [(part.number, part.size) for part in later.parts(session)] == [(1, 2 * KIB256)]
    sent = len(gcs.seen)
    send(later, session, 2)
    send(later, session, 3)
    assert finish(later, session).size == len(DATA)
    assert sum(seen.size for seen in list(gcs.seen)[sent:]) == len(DATA) - 2 * KIB256


def test_a_piece_of_which_the_service_has_half_is_sent_from_there(gcs: GCSServer) -> None:
    session = begin(another_process(gcs))
    half = {"Content-Range": f"bytes 0-{KIB256 - 1}/{len(DATA)}"}
    assert urllib3.request("PUT", session.id, body=DATA[:KIB256], headers=half, redirect=False).status == 308
    later = another_process(gcs)
    assert list(later.parts(session)) == []
    send(later, session, 1)
    assert gcs.seen[-1].headers["content-range"] == f"bytes {KIB256}-{2 * KIB256 - 1}/{len(DATA)}"
    send(later, session, 2)
    send(later, session, 3)
    assert finish(later, session).checksum == checksums.of("crc32c", DATA)


def test_a_session_that_is_gone_says_so(gcs: GCSServer, store: ObjectStore) -> None:
    session = begin(store)
    send(store, session, 1)
    gcs.expire_uploads()
    with pytest.raises(UploadNotFoundError, match="the unfinished upload is gone"):
        send(store, session, 2)
    with pytest.raises(UploadNotFoundError):
        list(store.parts(session))


def test_an_aborted_upload_leaves_nothing_and_may_be_aborted_again(
    gcs: GCSServer, store: ObjectStore
) -> None:
    session = begin(store)
    send(store, session, 1)
    store.abort(session)
    store.abort(session)
    with pytest.raises(UploadNotFoundError):
        list(store.parts(session))
    assert gcs.keys("lake") == []


def test_a_condition_counts_at_the_end(gcs: GCSServer, store: ObjectStore) -> None:
    session = begin(store, ABSENT)
    for number in (1, 2):
        send(store, session, number)
    store.put(AT, memoryview(b"faster"), checksum=checksums.of("crc32c", b"faster"))
    send(store, session, 3)
    with pytest.raises(ConditionFailedError):
        finish(store, session, ABSENT)
    assert gcs.read("lake", "big") == b"faster"


def test_the_engine_says_that_there_is_an_object_already(gcs: GCSServer, store: ObjectStore) -> None:
    never = Settings(part_size=KIB256, overwrite="never")
    upload(BytesSource(DATA), store, AT, settings=never)
    with pytest.raises(ObjectExistsError):
        upload(BytesSource(bytes(len(DATA))), store, AT, settings=never)
    assert gcs.read("lake", "big") == DATA


def test_other_bytes_than_were_summed_are_refused_by_the_service(gcs: GCSServer, store: ObjectStore) -> None:
    session = begin(store)
    send(store, session, 1)
    send(store, session, 2)
    piece = memoryview(bytes(len(DATA) - 2 * session.part_size))
    with pytest.raises(ChecksumError) as caught:
        store.put_part(session, 3, piece, checksum=checksums.of("crc32c", b"other"), last=True)
    assert not caught.value.retryable
    assert gcs.keys("lake") == []


def test_a_whole_that_is_not_the_source_is_taken_away_again(gcs: GCSServer) -> None:
    mine = another_process(gcs)
    session = begin(mine)
    send(mine, session, 1, bytes(len(DATA)))
    later = another_process(gcs)  # has not seen the first piece, so cannot sum the whole up
    assert len(list(later.parts(session))) == 1
    send(later, session, 2)
    send(later, session, 3)
    with pytest.raises(ChecksumError, match="it was deleted again"):
        finish(later, session)
    assert gcs.keys("lake") == []


def test_a_failed_upload_leaves_no_session_open(gcs: GCSServer, store: ObjectStore) -> None:
    gcs.refuse(403, method="PUT", reason="forbidden", times=1)
    with pytest.raises(PermissionError):
        upload(BytesSource(DATA), store, AT, settings=SMALL_PARTS)
    assert [session.gone for session in gcs.uploads.open.values()] == ["clientClosedRequest"]


def test_the_url_of_a_session_is_in_no_message_and_no_log(
    gcs: GCSServer, store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    session = begin(store)
    upload_id = session.id.rpartition("upload_id=")[2]
    assert len(upload_id) > 20
    gcs.refuse(500, method="PUT")
    with pytest.raises(ServiceError) as caught:
        send(store, session, 1)
    gcs.stop()
    with pytest.raises(ConnectionError) as broken:
        send(another_process_of(store), session, 1)
    told = [str(caught.value), str(broken.value), str(broken.value.__cause__), caplog.text]
    assert all(upload_id not in text for text in told)
    assert upload_id not in redact(session.id)
    gcs.start()


def another_process_of(store: ObjectStore) -> ObjectStore:
    assert isinstance(store.connection, GCSConnection)
    return store.connection.open()
