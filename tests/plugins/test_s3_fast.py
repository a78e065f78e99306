"""The fast path for small objects is taken where it keeps the promises, and only there."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("boto3", reason="needs longshore[s3]")
pytest.importorskip("obstore", reason="needs longshore[s3]")

from object_faults import flipped, hung_up, s3_error, truncated, without
from object_proxy import FaultProxy, Passing, everything
from s3_servers import ACCESS_KEY, REGION, SECRET_KEY, S3Server

from longshore_s3 import S3Connection, S3WriteOptions
from longshore_s3.fast import LARGEST
from longshore_s3.store import S3Store
from longshore_storage import checksums
from longshore_storage.errors import ChecksumError, ThrottledError, UnreachableError
from longshore_storage.locations import Location
from longshore_storage.objects import Condition, ObjectInfo, WriteOptions

SMALL = b"EWR,12\n"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)


@pytest.fixture
def proxy(moto: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(moto.port) as running:
        yield running


@pytest.fixture
def at(moto: S3Server) -> Location:
    return Location("s3", moto.new_bucket(), "k")


def opened(proxy: FaultProxy, at: Location, **fields: Any) -> S3Store:
    store = S3Connection(endpoint=proxy.endpoint, region=REGION, **fields).open()
    put(store, at.with_key("first"))
    return store


def put(
    store: S3Store, at: Location, data: bytes = SMALL, options: WriteOptions | None = None,
    condition: Condition | None = None,
) -> ObjectInfo:  # fmt: skip
    return store.put(
        at, memoryview(data), checksum=checksums.of("crc64nvme", data), options=options or WriteOptions(),
        condition=condition or Condition(),
    )  # fmt: skip


def ways(proxy: FaultProxy) -> list[str]:
    """Return what asked, in order."""
    agents = [asked.header("user-agent") for asked in proxy.seen(everything)]
    return ["sdk" if "Boto" in agent else "fast" for agent in agents]


def test_the_first_request_goes_by_the_sdk_and_the_others_fast(proxy: FaultProxy, at: Location) -> None:
    store = opened(proxy, at)
    put(store, at, condition=Condition(absent=True))
    store.get(at, 100)
    assert ways(proxy) == ["sdk", "fast", "fast"]
    assert proxy.seen(everything)[1].header("if-none-match") == "*"


@pytest.mark.parametrize(
    ("fields", "options", "key"),
    [
        ({"requester_pays": True}, WriteOptions(), "k"),
        ({}, S3WriteOptions(object_tags={"a": "b"}), "k"),
        ({}, S3WriteOptions(encryption="AES256"), "k"),
        ({}, WriteOptions(metadata={"content-type": "mine"}), "k"),
        ({}, WriteOptions(), "a//b"),
    ],
)
def test_what_obstore_cannot_do_goes_by_the_sdk(
    proxy: FaultProxy, at: Location, fields: dict[str, Any], options: WriteOptions, key: str
) -> None:
    store = opened(proxy, at, **fields)
    put(store, at.with_key(key), options=options)
    assert ways(proxy) == ["sdk", "sdk"]


def test_large_objects_go_by_the_sdk_until_one_is_small_again(proxy: FaultProxy, at: Location) -> None:
    store = opened(proxy, at)
    large = at.with_key("large")
    put(store, large, bytes(LARGEST + 1))
    put(store, at)
    before = len(ways(proxy))
    for place in (large, large, at, at):
        assert store.get(place, 2 * LARGEST)[1] is not None
    assert ways(proxy)[before:] == ["fast", "sdk", "sdk", "sdk", "fast"]


def test_an_etag_that_is_no_md5_is_left_to_the_sdk(localstack: S3Server) -> None:
    """As under keys of KMS: the SDK tells, and is compared with the checksum."""

    def disguise(answer: Any) -> None:
        answer.put("ETag", '"00000000000000000000000000000000"')
        answer.put("x-amz-server-side-encryption", "aws:kms")

    at = Location("s3", localstack.new_bucket(), "k")
    with FaultProxy(localstack.port) as proxy:
        store = opened(proxy, at)
        put(store, at)
        proxy.edit(lambda asked: asked.method == "GET", disguise)
        info, data = store.get(at, 100)
        assert (data, info.verified) == (SMALL, "crc64nvme")
        before = len(ways(proxy))
        store.get(at, 100)
        assert ways(proxy)[before:] == ["sdk"]


@pytest.mark.parametrize("way", ["fast", "sdk"])
@pytest.mark.parametrize("fault", ["flipped", "truncated", "hung up", "slow down"])
def test_faults_are_told_alike_by_both_ways(proxy: FaultProxy, at: Location, way: str, fault: str) -> None:
    store = opened(proxy, at, **({"requester_pays": True} if way == "sdk" else {}))
    put(store, at)
    faults = {
        "flipped": (flipped(2), ChecksumError),
        "truncated": (truncated(3), UnreachableError),
        "hung up": (hung_up, UnreachableError),
        "slow down": (s3_error(503, "SlowDown"), ThrottledError),
    }
    breaks, kind = faults[fault]
    twice = (fault, way) == ("flipped", "fast")  # after the fast way the SDK looks whether it is so
    proxy.on(lambda asked: asked.method == "GET", breaks, times=1 + twice)
    with pytest.raises(kind) as raised:
        store.get(at, 100)
    assert at.url in str(raised.value)
    assert raised.value.retryable
    assert store.get(at, 100)[1] == SMALL


def test_after_slow_down_the_sdk_asks_which_hears_how_long_to_wait(proxy: FaultProxy, at: Location) -> None:
    store = opened(proxy, at)
    put(store, at)
    proxy.on(everything, s3_error(503, "SlowDown", {"Retry-After": "9"}), times=2)
    waits = []
    for _ in range(2):
        with pytest.raises(ThrottledError) as raised:
            store.get(at, 100)
        waits.append(raised.value.retry_after)
    assert waits == [None, 9.0]


def test_small_objects_are_refused_by_a_service_that_got_other_bytes(localstack: S3Server) -> None:
    store = S3Connection(endpoint=localstack.endpoint, region=REGION).open()
    at = Location("s3", localstack.new_bucket(), "k")
    put(store, at)
    put(store, at)
    with pytest.raises(ChecksumError):
        store.put(at.with_key("other"), memoryview(SMALL), checksum=checksums.of("crc64nvme", b"else"))
    assert [entry.url for entry in store.list(at)] == [at.url]


def test_new_credentials_are_used_by_the_fast_way_too(
    proxy: FaultProxy, at: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(proxy, at)
    put(store, at)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANEW")
    assert store.refresh()
    store.get(at, 100)
    assert ways(proxy)[-1] == "fast"
    assert "AKIANEW" in proxy.seen(everything)[-1].header("authorization")


def read_in_a_fork(store: S3Store, at: Location, queue: Any) -> None:
    put(store, at.with_key("forked"))
    queue.put(store.get(at, 100)[1])


@pytest.mark.filterwarnings("ignore:This process")  # that it is multi-threaded is what is tried
def test_a_forked_process_goes_on_by_the_sdk(proxy: FaultProxy, at: Location) -> None:
    store = opened(proxy, at)
    put(store, at)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=read_in_a_fork, args=(store, at, queue))
    child.start()
    assert queue.get(timeout=30) == SMALL
    child.join(30)
    assert child.exitcode == 0
    assert ways(proxy)[-2:] == ["sdk", "sdk"]
    store.get(at, 100)
    assert ways(proxy)[-1] == "fast"


def test_a_service_without_checksums_is_compared_by_md5_fast_too(proxy: FaultProxy, at: Location) -> None:
    proxy.edit(everything, without("x-amz-checksum-crc64nvme"))
    store = opened(proxy, at)
    assert put(store, at).verified == "md5"

    def spoil(answer: Any) -> None:
        answer.put("ETag", f'"{os.urandom(16).hex()}"')

    def puts(asked: Passing) -> bool:
        return asked.method == "PUT"

    assert ways(proxy) == ["sdk", "fast"]
    proxy.edit(puts, spoil)
    assert put(store, at).verified == "size"  # what is there is not what was told: somebody else's
