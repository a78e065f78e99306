"""What every object store does, shown for S3 on two servers of different makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest

pytest.importorskip("boto3", reason="needs longshore[s3]")

from s3_servers import ACCESS_KEY, REGION, SECRET_KEY, S3Server

from longshore import Secret
from longshore_s3.connections import S3Connection
from longshore_storage.contract import StorageContract
from longshore_storage.locations import Location
from longshore_storage.protocol import ObjectStore


class S3Contract(StorageContract):
    """The contract with a server; a subclass names it.

    Both servers look before they write, but for puts, so of writers at the same moment several may win.
    """

    __test__ = False
    conditions = frozenset({"put"})

    @pytest.fixture
    def connection(self, served: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Connection:
        monkeypatch.setenv("LONGSHORE_TESTS_KEY", ACCESS_KEY)
        monkeypatch.setenv("LONGSHORE_TESTS_SECRET", SECRET_KEY)
        return S3Connection(
            endpoint=served.endpoint,
            region=REGION,
            access_key_id=Secret("env:LONGSHORE_TESTS_KEY"),
            secret_access_key=Secret("env:LONGSHORE_TESTS_SECRET"),
        )

    @pytest.fixture
    def root(self, served: S3Server) -> Location:
        type(self).server = served
        return Location("s3", served.new_bucket(), "")

    server: ClassVar[S3Server]

    def open_uploads(self, root: Location) -> list[str]:
        client = self.server.client()
        listed = client.list_multipart_uploads(Bucket=root.bucket)
        client.close()
        return [str(upload["Key"]) for upload in listed.get("Uploads", ())]


class TestS3OnMoto(S3Contract):
    """moto compares no checksums."""

    __test__ = True
    compares_checksums = False

    @pytest.fixture
    def served(self, moto: S3Server) -> S3Server:
        return moto

    @pytest.mark.skip("moto answers 500 to a part of an upload that is gone")
    def test_an_upload_that_was_given_up_leaves_nothing(
        self, store: ObjectStore, at: Callable[[str], Location], root: Location
    ) -> None:
        super().test_an_upload_that_was_given_up_leaves_nothing(store, at, root)


class TestS3OnLocalStack(S3Contract):
    """LocalStack compares checksums."""

    __test__ = True

    @pytest.fixture
    def served(self, localstack: S3Server) -> S3Server:
        return localstack

    @pytest.mark.skip("LocalStack compares the key to begin after with keys as they are in URLs")
    def test_a_listing_begins_behind_a_key_of_any_script(
        self, store: ObjectStore, at: Callable[[str], Location], root: Location
    ) -> None:
        super().test_a_listing_begins_behind_a_key_of_any_script(store, at, root)
