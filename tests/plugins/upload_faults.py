"""Row T1 for uploads to any service: after each, the key is old or new as a whole, and no upload is open."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from download_faults import short_waits  # noqa: F401 - a fixture
from http_server import HttpServer, respond
from object_faults import (
    answer_lost,
    cut_upload,
    error,
    flipped_upload,
    hung_up,
    redirected,
    reset,
    silent,
    stuck_upload,
    together,
)
from object_proxy import FOR_EVER, Fault, everything
from transfer_rigs import MIB, OLD, Rig, Sending, content

from longshore_storage.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    ChecksumError,
    CredentialsError,
    ObjectExistsError,
    SourceError,
    StorageError,
    ThrottledError,
)
from longshore_storage.objects import ObjectInfo
from longshore_storage.sources import FileSource

SMALL = content(100_000)

MENDED: dict[str, Fault] = {
    "reset while it is sent": cut_upload(1000),
    "reset before headers": reset,
    "closed before headers": hung_up,
    "answer lost": answer_lost,
    "500": error(500),
    "502": error(502),
    "503": error(503),
    "504": error(504),
    "408": error(408),
    "429": error(429),
}
"""What another request may answer better."""
KINDS = ("first puts", "puts", "begins", "parts", "finishes")


@pytest.fixture
def sending(rig: Rig, request: pytest.FixtureRequest) -> Sending:
    """An upload, whose store knows the bucket unless its first put is the matter."""
    made = Sending(rig)
    call = getattr(request.node, "callspec", None)
    if call and call.params.get("kind") == "puts":
        rig.warm(made.store)
    return made


@pytest.fixture
def in_parts(rig: Rig) -> bytes:
    return content(2 * rig.smallest_part + 1)


@pytest.mark.usefixtures("short_waits")
class UploadFaults:
    """Inherit it, and have a fixture `rig`."""

    @pytest.mark.parametrize("size", [0, 1, 5 * MIB - 1, 5 * MIB, 8 * MIB + 1])
    @pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])
    def test_any_size_arrives_whole(self, rig: Rig, sending: Sending, size: int, cut: bool) -> None:
        if cut and size:
            rig.proxy.on(lambda each: rig.puts(each) or rig.parts(each), cut_upload(size // 3))
        outcome = sending.run(content(size))
        assert isinstance(outcome, ObjectInfo), outcome
        assert outcome.size == size
        assert outcome.checksum

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("fault", MENDED)
    def test_what_another_request_mends_is_mended(
        self, rig: Rig, sending: Sending, in_parts: bytes, kind: str, fault: str
    ) -> None:
        rig.proxy.on(rig.requests_of(kind), MENDED[fault])
        if (kind, fault) == ("begins", "answer lost"):
            sending.unknown = 1  # nobody was told the id of that upload
        outcome = sending.run(SMALL if "puts" in kind else in_parts)
        assert isinstance(outcome, ObjectInfo), outcome
        answered = Counter(rig.part_of(each) for each in rig.proxy.seen(rig.parts) if 0 < each.status < 400)
        assert set(answered.values()) <= {1}, "a part went again that had succeeded"

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("fault", ["reset while it is sent", "closed before headers", "500", "503"])
    def test_what_stays_broken_is_an_error_and_leaves_no_upload_open(
        self, rig: Rig, sending: Sending, in_parts: bytes, kind: str, fault: str
    ) -> None:
        rig.proxy.on(rig.requests_of(kind), MENDED[fault], times=FOR_EVER)
        assert isinstance(sending.run(SMALL if "puts" in kind else in_parts), StorageError)
        assert rig.read("cargo") == OLD

    @pytest.mark.parametrize("kind", ["first puts", "puts", "parts"])
    @pytest.mark.parametrize("fault", [silent, stuck_upload(1000)], ids=["silent", "stuck"])
    def test_a_stall_ends_with_the_timeout_and_is_mended(
        self, rig: Rig, sending: Sending, in_parts: bytes, kind: str, fault: Fault
    ) -> None:
        sending.store = rig.store(timeout=0.5)
        if kind == "puts":
            rig.warm(sending.store)
        rig.proxy.on(rig.requests_of(kind), fault)
        outcome = sending.run(SMALL if "puts" in kind else in_parts)
        assert isinstance(outcome, ObjectInfo), outcome
        assert sending.seconds < 10

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_service_that_is_busy_three_times_is_waited_for(
        self, rig: Rig, sending: Sending, in_parts: bytes, kind: str
    ) -> None:
        rig.proxy.on(rig.requests_of(kind), rig.slow_down, times=3)
        outcome = sending.run(SMALL if "puts" in kind else in_parts)
        assert isinstance(outcome, ObjectInfo), outcome

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_service_that_is_busy_thirty_times_is_given_up(
        self, rig: Rig, sending: Sending, in_parts: bytes, kind: str
    ) -> None:
        rig.proxy.on(rig.requests_of(kind), rig.slow_down, times=30)
        assert isinstance(sending.run(SMALL if "puts" in kind else in_parts), ThrottledError)

    @pytest.mark.parametrize("kind", ["first puts", "puts", "finishes"])
    def test_an_answer_that_was_lost_is_no_object_of_another(
        self, rig: Rig, sending: Sending, in_parts: bytes, kind: str
    ) -> None:
        """`never` is refused at the second request, because the first one was carried out."""
        data = SMALL if "puts" in kind else in_parts
        rig.delete("cargo")
        rig.proxy.on(rig.requests_of(kind), answer_lost)
        assert isinstance(outcome := sending.run(data, overwrite="never"), ObjectInfo), outcome

    @pytest.mark.parametrize("kind", ["first puts", "puts", "finishes"])
    def test_an_object_of_another_that_came_meanwhile_is_not_replaced(
        self, rig: Rig, sending: Sending, in_parts: bytes, kind: str
    ) -> None:
        data = SMALL if "puts" in kind else in_parts
        rig.delete("cargo")
        rig.proxy.on(rig.requests_of(kind), lambda passing: (rig.write("cargo", OLD), error(503)(passing)))  # type: ignore[func-returns-value]
        assert isinstance(sending.run(data, overwrite="never"), ObjectExistsError)
        assert rig.read("cargo") == OLD

    @pytest.mark.parametrize("kind", ["first puts", "puts", "parts"])
    def test_a_bit_that_flips_on_the_way_does_not_come_through(
        self, rig: Rig, sending: Sending, in_parts: bytes, kind: str
    ) -> None:
        rig.proxy.on(rig.requests_of(kind), flipped_upload(-200))
        outcome = sending.run(SMALL if "puts" in kind else in_parts)
        assert isinstance(outcome, ObjectInfo | ChecksumError), outcome

    @pytest.mark.parametrize("kind", ["first puts", "puts", "parts"])
    def test_bits_that_flip_always_are_an_error(
        self, rig: Rig, sending: Sending, in_parts: bytes, kind: str
    ) -> None:
        """LocalStack loses an object when it refuses another one in its place, so there is none."""
        rig.delete("cargo")
        rig.proxy.on(rig.requests_of(kind), flipped_upload(-200), times=FOR_EVER)
        assert isinstance(sending.run(SMALL if "puts" in kind else in_parts), ChecksumError)
        assert rig.read("cargo") is None

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_expired_token_is_renewed_once(
        self, rig: Rig, sending: Sending, in_parts: bytes, kind: str
    ) -> None:
        sending.store = rig.store(refreshable=True)
        rig.warm(sending.store)
        before = rig.renewals()
        many = 3 if kind == "parts" and not sending.store.limits.in_order else 1
        rig.proxy.on(rig.requests_of(kind), together(many, rig.expired), times=many)
        outcome = sending.run(SMALL if "puts" in kind else in_parts)
        assert isinstance(outcome, ObjectInfo), outcome
        assert rig.renewals() - before == 1

    def test_a_source_that_changes_midway_leaves_the_old_object(
        self, rig: Rig, sending: Sending, in_parts: bytes, tmp_path: Path
    ) -> None:
        path = tmp_path / "source"
        path.write_bytes(in_parts)
        rig.proxy.on(rig.parts, lambda passing: (path.write_bytes(in_parts[::-1]), reset(passing)))  # type: ignore[func-returns-value]
        source = FileSource(path)
        outcome = sending.run(in_parts, source=source)
        source.close()
        assert isinstance(outcome, SourceError)
        assert rig.read("cargo") == OLD

    def test_faults_at_random_never_break_the_rule(self, rig: Rig, sending: Sending, in_parts: bytes) -> None:
        chance = random.Random(5)
        kinds = [rig.begins, rig.parts, rig.finishes]
        for _ in range(6):
            fault = MENDED[chance.choice([name for name in MENDED if name != "answer lost"])]
            rig.proxy.on(chance.choice(kinds), fault, after=chance.randrange(2))
        assert isinstance(outcome := sending.run(in_parts), ObjectInfo), outcome


class HopelessUploads:
    """What no second request mends: an error in under 2 s, with the waits as they are."""

    @pytest.mark.parametrize("size", ["one request", "parts"])
    @pytest.mark.parametrize("kind", ["denied", "bucket_missing", "expired"])
    def test_it_fails_at_once(
        self, rig: Rig, sending: Sending, in_parts: bytes, kind: str, size: str, at_once: float
    ) -> None:
        expected = {
            "denied": AccessDeniedError, "bucket_missing": BucketNotFoundError, "expired": CredentialsError,
        }  # fmt: skip
        rig.proxy.on(everything, getattr(rig, kind), times=FOR_EVER)
        assert isinstance(sending.run(SMALL if size == "one request" else in_parts), expected[kind])
        assert sending.seconds < at_once
        assert len(rig.proxy.seen()) <= 2

    @pytest.mark.parametrize("kind", ["parts", "finishes"])
    def test_a_refusal_midway_leaves_no_upload_open(
        self, rig: Rig, sending: Sending, in_parts: bytes, kind: str, at_once: float
    ) -> None:
        rig.proxy.on(rig.requests_of(kind), rig.denied, times=FOR_EVER)
        assert isinstance(sending.run(in_parts), AccessDeniedError)
        assert sending.seconds < at_once
        assert rig.read("cargo") == OLD

    @pytest.mark.parametrize("status", [301, 302, 307])
    def test_credentials_do_not_follow_a_redirect_to_another_host(
        self, rig: Rig, sending: Sending, server: HttpServer, status: int, at_once: float
    ) -> None:
        elsewhere = server.on("/elsewhere", respond(200)).replace("127.0.0.1", "localhost")
        rig.proxy.on(everything, redirected(elsewhere, status), times=FOR_EVER)
        assert isinstance(sending.run(SMALL), StorageError)
        names = {name.lower() for exchange in server.requests for name in exchange.headers}
        assert not names & {"authorization", "x-amz-security-token", "x-goog-api-key"}
        assert sending.seconds < at_once
