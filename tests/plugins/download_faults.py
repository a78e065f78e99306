"""Row T1 for downloads of any service: after each, the file is the old one or one version of the object."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from http_server import HttpServer, respond
from object_faults import (
    dripping,
    edited,
    error,
    flipped,
    hung_up,
    labelled,
    meanwhile,
    range_ignored,
    range_shifted,
    redirected,
    reset,
    reset_after,
    stalled,
    together,
    truncated,
    without,
)
from object_proxy import FOR_EVER, Fault, Passing, everything
from transfer_rigs import KIB, MIB, OLD, Receiving, Rig, content

from longshore import Exponential
from longshore_storage.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    ChecksumError,
    CredentialsError,
    ObjectNotFoundError,
    ServiceError,
    StorageError,
    TargetError,
    ThrottledError,
)
from longshore_storage.objects import ObjectInfo
from longshore_storage.transfers import patience

PART = 64 * KIB
ONE_REQUEST = content(PART - 100)
RANGES = content(5 * PART + 100)
OTHER = content(5 * PART + 100, seed=2)

MENDED: dict[str, Fault] = {
    "truncated": truncated(100),
    "truncated, in chunks": truncated(100, "chunked"),
    "truncated, unannounced": truncated(100, "close"),
    "reset": reset_after(5000),
    "reset before headers": reset,
    "closed before headers": hung_up,
    "500": error(500),
    "502": error(502),
    "504": error(504),
    "408": error(408),
    "429": error(429),
    "503": error(503),
}
"""What another request may answer better."""
WRONG_RANGES: dict[str, Fault] = {
    "shifted": range_shifted(labelled=True),
    "shifted, not said": range_shifted(labelled=False),
    "ignored": range_ignored,
    "not said": edited(without("Content-Range")),
}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "target" / "data.bin"
    path.parent.mkdir()
    path.write_bytes(OLD)
    return path


@pytest.fixture
def receiving(rig: Rig, target: Path) -> Receiving:
    return Receiving(rig, target, PART)


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less between requests; how long is the matter of row T5."""
    for name in ("_DELAY", "_SLOWER"):
        monkeypatch.setattr(patience, name, Exponential(base=0.01, cap=0.05))


@pytest.fixture(params=["first request", "one request", "ranges"])
def data(request: pytest.FixtureRequest, rig: Rig, receiving: Receiving) -> bytes:
    """An object that is fetched with one request, which may be the first one of the store, or in ranges."""
    chosen = RANGES if request.param == "ranges" else ONE_REQUEST
    rig.write("cargo", chosen)
    if request.param == "one request":
        rig.warm(receiving.store)
    return chosen


@pytest.mark.usefixtures("short_waits")
class DownloadFaults:
    """Inherit it, and have a fixture `rig`."""

    @pytest.mark.parametrize("size", [0, 1, 5 * MIB - 1, 5 * MIB, 8 * MIB + 1])
    @pytest.mark.parametrize("fault", ["none", "truncated", "reset"])
    def test_any_size_comes_whole(self, rig: Rig, receiving: Receiving, size: int, fault: str) -> None:
        data = content(size)
        rig.write("cargo", data)
        receiving.part_size = 5 * MIB
        if size and fault != "none":
            rig.proxy.on(rig.reads, truncated(1) if fault == "truncated" else reset_after(size // 2))
        outcome = receiving.run(data)
        assert isinstance(outcome, ObjectInfo), outcome
        assert (outcome.size, outcome.path) == (size, receiving.target)
        assert outcome.verified

    @pytest.mark.parametrize("fault", MENDED)
    def test_what_another_request_mends_is_mended(
        self, rig: Rig, receiving: Receiving, data: bytes, fault: str
    ) -> None:
        rig.proxy.on(rig.reads, MENDED[fault])
        assert isinstance(outcome := receiving.run(data), ObjectInfo), outcome

    @pytest.mark.parametrize("fault", MENDED)
    def test_what_stays_broken_is_an_error_and_the_file_is_the_old_one(
        self, rig: Rig, receiving: Receiving, fault: str
    ) -> None:
        rig.write("cargo", RANGES)
        rig.proxy.on(rig.reads, MENDED[fault], times=FOR_EVER, after=2)
        assert isinstance(receiving.run(RANGES), StorageError)

    def test_a_service_that_is_busy_three_times_is_waited_for(
        self, rig: Rig, receiving: Receiving, data: bytes
    ) -> None:
        rig.proxy.on(rig.reads, rig.slow_down, times=3)
        assert isinstance(outcome := receiving.run(data), ObjectInfo), outcome

    def test_a_service_that_is_busy_thirty_times_is_given_up(self, rig: Rig, receiving: Receiving) -> None:
        rig.write("cargo", ONE_REQUEST)
        rig.proxy.on(everything, rig.slow_down, times=30)
        assert isinstance(receiving.run(ONE_REQUEST), ThrottledError)
        assert len(rig.proxy.seen()) < 30

    def test_a_service_that_names_a_time_is_not_asked_sooner(
        self, rig: Rig, receiving: Receiving, data: bytes
    ) -> None:
        """The second time: obstore, which fetches small objects, does not show Retry-After."""
        rig.proxy.on(rig.reads, error(429, b"", {"Retry-After": "1"}), times=2)
        assert isinstance(outcome := receiving.run(data, concurrency=1), ObjectInfo), outcome
        refused = [passing for passing in rig.proxy.seen() if passing.status == 429]
        following = next(each for each in rig.proxy.seen(rig.reads) if each.number > refused[-1].number)
        assert following.at - refused[-1].at >= 1.0

    def test_a_stall_ends_with_the_timeout_and_is_mended(
        self, rig: Rig, receiving: Receiving, data: bytes
    ) -> None:
        receiving.store = rig.store(timeout=0.4)
        rig.proxy.on(rig.reads, stalled(5000))
        outcome = receiving.run(data)
        assert isinstance(outcome, ObjectInfo), outcome
        assert receiving.seconds < 10

    def test_a_body_that_drips_comes_whole(self, rig: Rig, receiving: Receiving, data: bytes) -> None:
        receiving.store = rig.store(timeout=1.0)
        rig.proxy.on(rig.reads, dripping(8 * KIB, 0.02))
        outcome = receiving.run(data)
        assert isinstance(outcome, ObjectInfo), outcome

    def test_a_flipped_bit_is_found_by_the_checksum(
        self, rig: Rig, receiving: Receiving, data: bytes
    ) -> None:
        rig.proxy.on(rig.reads, flipped(1000), times=FOR_EVER)
        assert isinstance(receiving.run(data), ChecksumError)
        assert receiving.leftovers() == []

    def test_a_bit_that_flips_once_does_not_come_through(
        self, rig: Rig, receiving: Receiving, data: bytes
    ) -> None:
        rig.proxy.on(rig.reads, flipped(1000))
        outcome = receiving.run(data)
        assert isinstance(outcome, ObjectInfo | ChecksumError)

    def test_a_flipped_bit_is_found_where_there_is_only_an_md5(
        self, rig: Rig, receiving: Receiving, data: bytes
    ) -> None:
        rig.proxy.edit(rig.heads, rig.without_checksums)
        rig.proxy.edit(rig.reads, rig.without_checksums)
        assert isinstance(outcome := receiving.run(data), ObjectInfo), outcome
        assert outcome.verified in ("md5", receiving.store.algorithm)  # a service may be asked for it
        receiving.target.write_bytes(OLD)
        rig.proxy.on(rig.reads, flipped(1000), times=FOR_EVER)
        assert isinstance(receiving.run(data), ChecksumError)

    @pytest.mark.parametrize("fault", WRONG_RANGES)
    @pytest.mark.parametrize("times", [1, FOR_EVER], ids=["once", "always"])
    def test_a_wrong_range_never_comes_through(
        self, rig: Rig, receiving: Receiving, fault: str, times: int
    ) -> None:
        rig.write("cargo", RANGES)
        rig.proxy.on(_ranged(rig), WRONG_RANGES[fault], times=times)
        outcome = receiving.run(RANGES)
        if times == FOR_EVER and fault.startswith("shifted"):
            assert isinstance(outcome, ChecksumError | ServiceError)

    def test_a_service_that_ignores_ranges_does_not_send_the_object_for_each(
        self, rig: Rig, receiving: Receiving
    ) -> None:
        """The kernel's buffers take some megabytes of what nobody reads."""
        data = content(24 * MIB)
        rig.write("cargo", data)
        receiving.part_size = 4 * MIB
        rig.proxy.on(_ranged(rig), range_ignored, times=FOR_EVER)
        receiving.run(data, concurrency=2)
        assert sum(passing.answered for passing in rig.proxy.seen()) < 3 * len(data)

    @pytest.mark.parametrize("other", [OTHER, OTHER[: 2 * PART], OTHER + OTHER], ids=["same", "less", "more"])
    def test_an_object_that_is_replaced_midway_is_never_mixed(
        self, rig: Rig, receiving: Receiving, other: bytes
    ) -> None:
        rig.write("cargo", RANGES)
        rig.proxy.on(rig.reads, meanwhile(lambda: rig.write("cargo", other)), after=2)
        receiving.run(RANGES, other, concurrency=1)

    def test_an_object_that_is_deleted_midway_leaves_the_old_file(
        self, rig: Rig, receiving: Receiving
    ) -> None:
        rig.write("cargo", RANGES)
        rig.proxy.on(rig.reads, meanwhile(lambda: rig.delete("cargo")), after=2)
        assert isinstance(receiving.run(RANGES, concurrency=1), StorageError)

    def test_a_wrong_content_encoding_changes_no_byte(
        self, rig: Rig, receiving: Receiving, data: bytes
    ) -> None:
        rig.proxy.edit(rig.reads, labelled("Content-Encoding", "gzip"))
        assert isinstance(receiving.run(data), ObjectInfo | ServiceError)

    def test_an_expired_token_is_renewed_once(self, rig: Rig, receiving: Receiving) -> None:
        rig.write("cargo", RANGES)
        receiving.store = rig.store(refreshable=True)
        receiving.store.head(rig.at("cargo"))
        before = rig.renewals()
        rig.proxy.on(rig.reads, rig.expired, after=1)
        assert isinstance(outcome := receiving.run(RANGES), ObjectInfo), outcome
        assert rig.renewals() - before == 1

    def test_a_token_that_all_parts_find_expired_is_renewed_once(
        self, rig: Rig, receiving: Receiving
    ) -> None:
        rig.write("cargo", RANGES)
        receiving.store = rig.store(refreshable=True)
        receiving.store.head(rig.at("cargo"))
        before = rig.renewals()
        rig.proxy.on(_ranged(rig), together(3, rig.expired), times=3)
        assert isinstance(outcome := receiving.run(RANGES, concurrency=3), ObjectInfo), outcome
        assert rig.renewals() - before == 1


class HopelessDownloads:
    """What no second request mends: an error in under 2 s, with the waits as they are."""

    @pytest.mark.parametrize("kind", ["denied", "bucket_missing", "expired"])
    def test_it_fails_at_once(
        self, rig: Rig, receiving: Receiving, data: bytes, kind: str, at_once: float
    ) -> None:
        expected = {
            "denied": AccessDeniedError, "bucket_missing": BucketNotFoundError, "expired": CredentialsError,
        }  # fmt: skip
        rig.proxy.on(everything, getattr(rig, kind), times=FOR_EVER)
        assert isinstance(receiving.run(data), expected[kind])
        assert receiving.seconds < at_once
        assert len(rig.proxy.seen()) <= 2
        assert receiving.leftovers() == []

    def test_an_object_that_is_not_there_fails_at_once(
        self, rig: Rig, receiving: Receiving, at_once: float
    ) -> None:
        rig.delete("cargo")
        assert isinstance(receiving.run(), ObjectNotFoundError)
        assert receiving.seconds < at_once
        assert len(rig.proxy.seen()) <= 2

    @pytest.mark.parametrize("status", [301, 302, 307])
    def test_credentials_do_not_follow_a_redirect_to_another_host(
        self, rig: Rig, receiving: Receiving, data: bytes, server: HttpServer, status: int, at_once: float
    ) -> None:
        elsewhere = server.on("/elsewhere", respond(200, b"somebody else's"))
        rig.proxy.on(
            everything, redirected(elsewhere.replace("127.0.0.1", "localhost"), status), times=FOR_EVER
        )
        assert isinstance(receiving.run(data), StorageError)
        names = {name.lower() for exchange in server.requests for name in exchange.headers}
        assert not names & {"authorization", "x-amz-security-token", "x-goog-api-key"}
        assert receiving.seconds < at_once

    def test_a_full_disk_is_an_error_and_leaves_nothing(
        self, rig: Rig, small_disk: Path, at_once: float
    ) -> None:
        target = small_disk / "data.bin"
        target.write_bytes(OLD)
        data = content(2 * MIB)
        rig.write("cargo", data)
        receiving = Receiving(rig, target, PART)
        assert isinstance(receiving.run(data), TargetError)
        assert receiving.leftovers() == []
        assert receiving.seconds < at_once


def _ranged(rig: Rig) -> Callable[[Passing], bool]:
    return lambda passing: rig.reads(passing) and bool(passing.header("Range"))
