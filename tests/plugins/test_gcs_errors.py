"""What goes wrong is said: what could not be done, to which object, what was seen, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

pytest.importorskip("google.cloud.storage", reason="needs longshore[gcs]")

from longshore_gcs import GCSConnection, GCSRead
from longshore_gcs.testing import GCSServer
from longshore_storage import checksums
from longshore_storage.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    CredentialsError,
    ObjectNotFoundError,
    ServiceError,
    StorageError,
    ThrottledError,
    UnreachableError,
)  # fmt: skip
from longshore_storage.locations import parse
from longshore_storage.protocol import ObjectStore
from longshore_storage.stores import store_for

AT = parse("gs://lake/k")


@pytest.fixture
def gcs() -> Iterator[GCSServer]:
    with GCSServer() as running:
        running.create_bucket("lake")
        yield running


@pytest.fixture
def store(gcs: GCSServer) -> ObjectStore:
    return store_for(gcs.connection)


@pytest.mark.parametrize(
    ("status", "reason", "kind", "retryable"),
    [
        (400, "invalid", ServiceError, False),
        (401, "authError", CredentialsError, False),
        (403, "forbidden", AccessDeniedError, False),
        (403, "rateLimitExceeded", ThrottledError, True),
        (404, "notFound", ObjectNotFoundError, False),
        (408, "backendError", ServiceError, True),
        (409, "conflict", ServiceError, False),
        (429, "rateLimitExceeded", ThrottledError, True),
        (500, "backendError", ServiceError, True),
        (502, "backendError", ServiceError, True),
        (503, "backendError", ThrottledError, True),
        (504, "backendError", ServiceError, True),
        (302, "found", ServiceError, False),
    ],
)
def test_a_status_becomes_the_error_that_it_means(
    gcs: GCSServer, store: ObjectStore, status: int, reason: str, kind: type[StorageError], retryable: bool
) -> None:
    gcs.refuse(status, reason=reason, headers={"Location": "http://127.0.0.1:9/"} if status == 302 else None)
    with pytest.raises(StorageError, match=r"^cannot look at 'gs://lake/k': ") as caught:
        store.head(AT)
    assert type(caught.value) is kind
    assert caught.value.retryable is retryable


@pytest.mark.parametrize("form", ["seconds", "date", "nonsense"])
def test_how_long_to_wait_is_read_in_both_forms(gcs: GCSServer, store: ObjectStore, form: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    value = {"seconds": "2.5", "date": date, "nonsense": "soon"}[form]
    gcs.refuse(429, headers={"Retry-After": value})
    with pytest.raises(ThrottledError) as caught:
        store.head(AT)
    waits = caught.value.retry_after
    if form == "nonsense":
        assert waits is None
    else:
        assert waits == 2.5 or (form == "date" and waits is not None and 25 < waits < 31)


def test_a_missing_bucket_and_a_missing_object_are_two_errors(store: ObjectStore) -> None:
    with pytest.raises(ObjectNotFoundError, match="there is no such object"):
        store.get(AT, 100)
    for attempt in (
        lambda: store.get(parse("gs://none/k"), 100),
        lambda: store.head(parse("gs://none/k")),
        lambda: list(store.list(parse("gs://none/"))),
        lambda: store.put(parse("gs://none/k"), memoryview(b""), checksum=checksums.of("crc32c", b"")),
        lambda: store.begin(parse("gs://none/k"), part_size=1 << 20, size=10),
        lambda: store.delete(parse("gs://none/k")),
    ):
        with pytest.raises(
            BucketNotFoundError, match="there is no bucket 'none'; check its name, or run: gcloud"
        ):
            attempt()


def test_a_server_that_is_not_there_is_unreachable(gcs: GCSServer) -> None:
    store = GCSConnection(endpoint="http://127.0.0.1:9", anonymous=True).open()
    with pytest.raises(
        UnreachableError, match=r"cannot look at 'gs://lake/k': 127\.0\.0\.1:9: there is no conn"
    ):
        store.head(AT)


def test_a_connection_that_was_closed_meanwhile_is_made_again(gcs: GCSServer) -> None:
    store = store_for(gcs.connection)
    store.put(AT, memoryview(b"x"), checksum=checksums.of("crc32c", b"x"))
    port = int(gcs.url.rpartition(":")[2])
    gcs.stop()
    gcs.start(port)
    assert GCSRead(connection=gcs.connection)("gs://lake/k") == b"x"


def test_an_answer_that_is_no_json_is_asked_for_again(gcs: GCSServer, store: ObjectStore) -> None:
    gcs.refuse(200, message="")
    gcs._refusals[0].answer.body = b"<html>"
    with pytest.raises(ServiceError, match="is no JSON") as caught:
        store.head(AT)
    assert caught.value.retryable
