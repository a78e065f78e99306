"""Who we are on S3, how it is reached, and what is told when that does not work."""

from __future__ import annotations

import base64
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3", reason="needs longshore[s3]")

from http_server import Exchange, HttpServer
from object_faults import s3_error
from object_proxy import FaultProxy, everything
from s3_servers import ACCESS_KEY, REGION, SECRET_KEY, S3Server

from longshore import ConfigurationError, Secret
from longshore_s3 import S3Connection, S3WriteOptions
from longshore_s3.store import S3Store
from longshore_storage import checksums
from longshore_storage.errors import (
    AccessDeniedError,
    ClockError,
    CredentialsError,
    StorageError,
    ThrottledError,
    WrongRegionError,
)
from longshore_storage.locations import Location
from longshore_storage.objects import ObjectInfo
from longshore_storage.stores import store_for
from longshore_storage.transfers import Patience

SMALL = b"EWR,12\n"
SECRET = "c2VjcmV0LW9mLXRoZS10ZXN0cw"
OWN = {"access_key_id": Secret("env:LAKE_KEY"), "secret_access_key": Secret("env:LAKE_SECRET")}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials are found anywhere."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("LAKE_KEY", ACCESS_KEY)
    monkeypatch.setenv("LAKE_SECRET", SECRET_KEY)


@pytest.fixture
def at(moto: S3Server) -> Location:
    return Location("s3", moto.new_bucket(), "k")


@pytest.fixture
def proxy(moto: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(moto.port) as running:
        yield running


def put(store: S3Store, at: Location, options: S3WriteOptions = S3WriteOptions()) -> ObjectInfo:  # noqa: B008
    return store.put(at, memoryview(SMALL), checksum=checksums.of("crc64nvme", SMALL), options=options)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"access_key_id": "AKIA"}, "takes a Secret"),
        ({"access_key_id": Secret("env:A")}, "access_key_id and secret_access_key together"),
        ({"session_token": Secret("env:A")}, "needs access_key_id"),
        ({"anonymous": True, "profile": "p"}, "anonymous=True"),
        ({"profile": "p", **OWN}, "give one of them"),
        ({"endpoint": "minio:9000"}, "is no URL"),
        ({"addressing_style": "host"}, "'auto', 'path' or 'virtual'"),
        ({"read_timeout": 0}, "more than 0"),
        ({"proxy": "http://ann:pw@proxy:3128"}, "has a password"),
    ],
)
def test_a_connection_that_cannot_work_is_an_error_at_once(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as raised:
        S3Connection(**fields)
    assert "pw" not in str(raised.value)


def test_a_connection_is_plain_data() -> None:
    connection = S3Connection(region="eu-central-1", **OWN)
    assert pickle.loads(pickle.dumps(connection)) == connection
    assert hash(connection) == hash(S3Connection(region="eu-central-1", **OWN))
    assert ACCESS_KEY not in repr(connection)
    assert store_for(connection) is store_for(connection)


def test_importing_the_tasks_imports_no_sdk() -> None:
    code = "import longshore_s3, sys; print({'boto3', 'botocore', 'obstore'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_keys_of_ones_own_are_used(moto: S3Server, at: Location, proxy: FaultProxy) -> None:
    store = S3Connection(endpoint=proxy.endpoint, region=REGION, **OWN).open()
    put(store, at)
    assert ACCESS_KEY in proxy.seen(everything)[-1].header("authorization")


def test_a_profile_is_read_as_boto3_reads_it(moto: S3Server, at: Location, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"[profile lake]\nregion = {REGION}\nendpoint_url = {moto.endpoint}\n")
    keys = f"aws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    (tmp_path / "credentials").write_text(f"[lake]\n{keys}")
    store = S3Connection(profile="lake").open()
    put(store, at)
    assert store.get(at, 100)[1] == SMALL
    with pytest.raises(ConfigurationError, match="nosuch"):
        put(S3Connection(profile="nosuch").open(), at)


def test_without_credentials_it_is_told_where_they_were_looked_for(moto: S3Server, at: Location) -> None:
    store = S3Connection(endpoint=moto.endpoint, region=REGION).open()
    with pytest.raises(CredentialsError, match=r"no credentials were found.*~/\.aws/cred.*aws configure"):
        put(store, at)
    assert not store.refresh()


def test_anonymous_requests_are_not_signed(moto: S3Server, at: Location, proxy: FaultProxy) -> None:
    store = S3Connection(endpoint=proxy.endpoint, region=REGION, anonymous=True).open()
    put(store, at, options=S3WriteOptions(acl="public-read"))
    assert store.get(at, 100)[1] == SMALL
    assert [asked.header("authorization") for asked in proxy.seen(everything)] == ["", ""]


def roles(issuer: HttpServer, seconds: float) -> list[str]:
    """Have STS answered: each role lasts so many seconds."""
    asked: list[str] = []

    def assume(exchange: Exchange) -> None:
        asked.append(exchange.body.decode())
        until = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = (
            "<AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><AssumeRoleResult>"
            f"<Credentials><AccessKeyId>ASIAROLE{len(asked)}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
            f"<SessionToken>token-{len(asked)}</SessionToken><Expiration>{until}</Expiration></Credentials>"
            "</AssumeRoleResult></AssumeRoleResponse>"
        )
        exchange.send(200, {"Content-Type": "text/xml"}, body.encode())

    issuer.on("/", assume)
    return asked


@pytest.mark.parametrize(("seconds", "times"), [(3600, 1), (30, 3)], ids=["long", "short"])
def test_a_role_is_assumed_again_before_it_ends(
    at: Location, proxy: FaultProxy, server: HttpServer, monkeypatch: pytest.MonkeyPatch,
    seconds: int, times: int,
) -> None:  # fmt: skip
    asked = roles(server, seconds)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url(""))
    store = S3Connection(
        endpoint=proxy.endpoint, region=REGION, role_arn="arn:aws:iam::123456789012:role/lake",
        role_session_name="nightly", external_id="partner-7", requester_pays=True, **OWN,
    ).open()  # fmt: skip
    for _ in range(3):
        put(store, at)
    assert len(asked) == times
    assert "RoleSessionName=nightly" in asked[0]
    assert "ExternalId=partner-7" in asked[0]
    last = proxy.seen(everything)[-1]
    assert f"ASIAROLE{times}/" in last.header("authorization")
    assert last.header("x-amz-security-token") == f"token-{times}"


def test_credentials_that_expired_are_looked_for_anew_once(
    at: Location, proxy: FaultProxy, tmp_path: Path
) -> None:
    def write(key: str) -> None:
        text = f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {SECRET_KEY}\n"
        (tmp_path / "credentials").write_text(text)

    write("AKIAOLD")
    store = S3Connection(endpoint=proxy.endpoint, region=REGION).open()
    put(store, at)
    proxy.on(everything, s3_error(400, "ExpiredToken"))
    write("AKIANEW")
    assert Patience(store).call(lambda: store.get(at, 100))[1] == SMALL
    assert [("AKIANEW" in asked.header("authorization")) for asked in proxy.seen(everything)][-1:] == [True]
    proxy.on(everything, s3_error(400, "ExpiredToken"), times=2)
    with pytest.raises(CredentialsError, match="they have expired; log in again"):
        Patience(store).call(lambda: store.get(at, 100))
    assert not store.refresh()


def test_a_customers_key_goes_with_every_request(at: Location, proxy: FaultProxy, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(base64.b64encode(bytes(range(32))).decode())
    key = Secret(f"file:{tmp_path / 'key'}")
    store = S3Connection(endpoint=proxy.endpoint, region=REGION, customer_key=key, **OWN).open()
    put(store, at)
    store.get(at, 100)
    name = "x-amz-server-side-encryption-customer-algorithm"
    assert [asked.header(name) for asked in proxy.seen(everything)] == ["AES256", "AES256"]
    (tmp_path / "key").write_text("c2hvcnQ=")
    with pytest.raises(ConfigurationError, match="base64 of 32 bytes") as raised:
        put(store, at)
    assert "c2hvcnQ=" not in str(raised.value)


def test_an_expected_owner_and_who_pays_go_with_every_request(at: Location, proxy: FaultProxy) -> None:
    fields: dict[str, Any] = {"requester_pays": True, "expected_bucket_owner": "123456789012"}
    store = S3Connection(endpoint=proxy.endpoint, region=REGION, **fields, **OWN).open()
    put(store, at)
    store.get(at, 100)
    list(store.list(at))
    for asked in proxy.seen(everything):
        assert asked.header("x-amz-request-payer") == "requester"
        assert asked.header("x-amz-expected-bucket-owner") == "123456789012"


def refused(
    connection: S3Connection, at: Location, request: Callable[[S3Store], object] | None = None
) -> StorageError:
    store = connection.open()
    with pytest.raises(StorageError) as raised:
        (request or (lambda opened: opened.get(at, 100)))(store)
    assert SECRET_KEY not in str(raised.value)
    assert pickle.loads(pickle.dumps(raised.value)).args == raised.value.args
    return raised.value


def test_denied_access_says_who_the_caller_is(at: Location, proxy: FaultProxy) -> None:
    """moto answers as STS too, so its name is the caller's."""
    connection = S3Connection(endpoint=proxy.endpoint, region=REGION, **OWN)
    proxy.on(lambda asked: asked.method == "GET", s3_error(403, "AccessDenied"))
    error = refused(connection, at)
    assert isinstance(error, AccessDeniedError)
    assert "the caller is arn:aws:sts::123456789012:user/moto" in str(error)
    assert error.retryable is False


def test_a_caller_that_nobody_knows_does_not_change_the_error(at: Location, proxy: FaultProxy) -> None:
    proxy.on(everything, s3_error(403, "AccessDenied"), times=3)
    error = refused(S3Connection(endpoint=proxy.endpoint, region=REGION, **OWN), at)
    assert isinstance(error, AccessDeniedError)
    assert "the caller is whoever has the access key" in str(error)


@pytest.mark.parametrize("head", [False, True])
def test_answers_are_told_apart(at: Location, proxy: FaultProxy, head: bool) -> None:
    """Also of HEAD, whose answers have no body: a second request asks why."""
    connection = S3Connection(endpoint=proxy.endpoint, region=REGION, **OWN)
    request = (lambda store: store.head(at)) if head else None
    codes: dict[tuple[int, str], type[StorageError]] = {
        (403, "RequestTimeTooSkewed"): ClockError,
        (403, "InvalidAccessKeyId"): CredentialsError,
        (403, "SignatureDoesNotMatch"): CredentialsError,
        (400, "ExpiredToken"): CredentialsError,
        (503, "SlowDown"): ThrottledError,
    }
    for (status, code), kind in codes.items():
        asked = 1 + head * {400: 2, 403: 1, 503: 0}[status]  # the SDK looks whether the bucket moved, too
        proxy.on(everything, s3_error(status, code), times=asked)
        error = refused(connection, at, request)
        assert type(error) is kind, code
        assert at.url in str(error)


def test_a_service_that_asks_to_wait_is_heard(at: Location, proxy: FaultProxy) -> None:
    proxy.on(everything, s3_error(503, "SlowDown", {"Retry-After": "7"}))
    error = refused(S3Connection(endpoint=proxy.endpoint, region=REGION, **OWN), at)
    assert (error.retryable, error.retry_after) == (True, 7.0)


def test_a_bucket_elsewhere_is_named_with_its_region(server: HttpServer) -> None:
    """A service that keeps saying so, as where the endpoint is of one region."""
    body = (
        b"<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'us-east-1' is wrong</Message>"
        b"<Region>eu-west-1</Region></Error>"
    )
    server.on("/lake/k", lambda exchange: exchange.send(400, {"x-amz-request-id": "R7"}, body))
    error = refused(S3Connection(endpoint=server.url(""), region=REGION, **OWN), Location("s3", "lake", "k"))
    assert isinstance(error, WrongRegionError)
    assert "write S3Connection(region='eu-west-1')" in str(error)
    assert "request id R7" in str(error)


def test_doctor_tells_where_credentials_are(monkeypatch: pytest.MonkeyPatch) -> None:
    from longshore_s3.plugin import longshore_doctor

    told = {subject: (well, text) for subject, well, text in longshore_doctor()}
    assert told["boto3"] == (True, "installed")
    assert told["credentials"][0] is False
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    told = {subject: (well, text) for subject, well, text in longshore_doctor()}
    assert told["credentials"] == (True, "found by env")
    assert SECRET not in json.dumps(told)
