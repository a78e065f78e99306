"""Row T1 for copies that stream from one service to another: both ends may break."""

from __future__ import annotations

import pytest
from download_faults import MENDED as READS
from download_faults import OTHER, RANGES, WRONG_RANGES
from object_faults import cut_upload, flipped, meanwhile
from object_proxy import FOR_EVER
from transfer_rigs import KIB, OLD, Rig, content

from longshore_storage.errors import StorageError
from longshore_storage.objects import ObjectInfo
from longshore_storage.protocol import ObjectStore
from longshore_storage.transfers import Settings, copy

ONE_REQUEST = content(60 * KIB)


class CopyFaults:
    """Inherit it, and have a fixture `rig`."""

    @pytest.fixture(params=["one request", "parts"])
    def data(self, request: pytest.FixtureRequest, rig: Rig) -> bytes:
        size = 2 * rig.smallest_part + 1
        chosen = (
            ONE_REQUEST if request.param == "one request" else (RANGES * (size // len(RANGES) + 1))[:size]
        )
        rig.write("from", chosen)
        rig.write("cargo", OLD)
        return chosen

    @pytest.fixture
    def stores(self, rig: Rig) -> tuple[ObjectStore, ObjectStore]:
        """Two, so that nothing is copied on the service's side."""
        return rig.store(), rig.store()

    def stream(self, rig: Rig, stores: tuple[ObjectStore, ObjectStore], *versions: bytes) -> object:
        """Copy, and look at the rule."""
        source, target = stores
        outcome: object
        try:
            info = source.head(rig.at("from"))
            settings = Settings(part_size=rig.smallest_part)
            outcome = copy(source, info, target, rig.at("cargo"), settings=settings)
        except StorageError as error:
            outcome = error
        there = rig.read("cargo")
        assert there in (versions if isinstance(outcome, ObjectInfo) else (OLD, *versions))
        assert rig.open_uploads() == []
        return outcome

    @pytest.mark.parametrize(
        "fault", ["truncated", "truncated, in chunks", "reset", "closed before headers", "503"]
    )
    def test_a_source_that_breaks_off_is_read_on(
        self, rig: Rig, stores: tuple[ObjectStore, ObjectStore], data: bytes, fault: str
    ) -> None:
        rig.proxy.on(rig.reads, READS[fault])
        outcome = self.stream(rig, stores, data)
        assert isinstance(outcome, ObjectInfo), outcome

    def test_a_target_that_breaks_off_is_written_again(
        self, rig: Rig, stores: tuple[ObjectStore, ObjectStore], data: bytes
    ) -> None:
        rig.proxy.on(lambda each: rig.puts(each) or rig.parts(each), cut_upload(1000))
        outcome = self.stream(rig, stores, data)
        assert isinstance(outcome, ObjectInfo), outcome

    def test_a_bit_that_flips_in_what_is_read_does_not_come_through(
        self, rig: Rig, stores: tuple[ObjectStore, ObjectStore], data: bytes
    ) -> None:
        rig.proxy.on(rig.reads, flipped(1000), times=FOR_EVER)
        assert isinstance(self.stream(rig, stores, data), StorageError)
        assert rig.read("cargo") == OLD

    def test_a_flipped_bit_is_found_where_there_is_only_an_md5_of_a_small_object(
        self, rig: Rig, stores: tuple[ObjectStore, ObjectStore]
    ) -> None:
        rig.write("from", ONE_REQUEST)
        rig.write("cargo", OLD)
        rig.proxy.edit(rig.heads, rig.without_checksums)
        rig.proxy.edit(rig.reads, rig.without_checksums)
        rig.proxy.on(rig.reads, flipped(1000), times=FOR_EVER)
        assert isinstance(self.stream(rig, stores, ONE_REQUEST), StorageError)
        assert rig.read("cargo") == OLD

    @pytest.mark.parametrize("fault", WRONG_RANGES)
    def test_a_wrong_range_does_not_come_through(
        self, rig: Rig, stores: tuple[ObjectStore, ObjectStore], data: bytes, fault: str
    ) -> None:
        rig.proxy.on(lambda each: rig.reads(each) and bool(each.header("Range")), WRONG_RANGES[fault])
        self.stream(rig, stores, data)

    def test_an_object_that_is_replaced_midway_is_never_mixed(
        self, rig: Rig, stores: tuple[ObjectStore, ObjectStore], data: bytes
    ) -> None:
        after = 0 if data is ONE_REQUEST else 1
        rig.proxy.on(rig.reads, meanwhile(lambda: rig.write("from", OTHER)), after=after)
        self.stream(rig, stores, data, OTHER)

    def test_an_expired_token_of_the_source_is_renewed_once(self, rig: Rig, data: bytes) -> None:
        stores = rig.store(refreshable=True), rig.store(refreshable=True)
        stores[0].head(rig.at("from"))
        before = rig.renewals()
        rig.proxy.on(rig.reads, rig.expired)
        outcome = self.stream(rig, stores, data)
        assert isinstance(outcome, ObjectInfo), outcome
        assert rig.renewals() - before <= 2  # the target's store fetches its first one
