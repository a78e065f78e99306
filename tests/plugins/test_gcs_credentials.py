"""Who we are: credentials as Google's library finds them, renewed in the middle, named in errors."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

pytest.importorskip("google.cloud.storage", reason="needs longshore[gcs]")

import urllib3
from gcs_accounts import EMAIL, no_way_out, private_key, public_key

from longshore import ConfigurationError, Secret, redact
from longshore_gcs import GCSConnection, GCSPresign, GCSRead, GCSWrite
from longshore_gcs.plugin import longshore_doctor
from longshore_gcs.testing import GCSServer
from longshore_storage import checksums
from longshore_storage.errors import AccessDeniedError, CredentialsError, UnreachableError
from longshore_storage.locations import parse
from longshore_storage.protocol import ObjectStore
from longshore_storage.transfers import Patience

AT = parse("gs://lake/k")


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[GCSServer]:
    no_way_out(monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # Google's library would look for a metadata server
    with GCSServer(accounts={EMAIL: public_key()}) as running:
        running.create_bucket("lake")
        yield running


@pytest.fixture
def key(guarded: GCSServer, tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_text(guarded.key_file(EMAIL, private_key()))
    return path


def put(store: ObjectStore, data: bytes = b"hello") -> None:
    store.put(AT, memoryview(data), checksum=checksums.of("crc32c", data))


def test_the_default_credentials_are_those_of_the_environment(
    guarded: GCSServer, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    put(GCSConnection(endpoint=guarded.url).open())
    assert guarded.read("lake", "k") == b"hello"


def test_a_key_may_be_a_file_or_a_secret(guarded: GCSServer, key: Path) -> None:
    for given in (str(key), Secret(f"file:{key}")):
        put(GCSConnection(endpoint=guarded.url, credentials=given).open())
    assert guarded.read("lake", "k") == b"hello"


def test_without_credentials_it_says_what_to_do(guarded: GCSServer) -> None:
    with pytest.raises(CredentialsError, match="run: gcloud auth application-default login") as caught:
        GCSConnection(endpoint=guarded.url).open()
    assert "were not found" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["{}", "no json", "[]", '{"type": "service_account", "private_key": "PRIVATE"}']
)
def test_a_file_that_is_no_key_is_named_and_not_shown(guarded: GCSServer, tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(CredentialsError, match=r"bad\.json.*no key file of a service account") as caught:
        GCSConnection(endpoint=guarded.url, credentials=str(path)).open()
    assert "PRIVATE" not in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(CredentialsError, match="No such file"):
        GCSConnection(endpoint=guarded.url, credentials=str(tmp_path / "none.json")).open()


def test_a_token_that_is_refused_is_renewed_once(guarded: GCSServer, key: Path) -> None:
    store = GCSConnection(endpoint=guarded.url, credentials=str(key)).open()
    put(store)
    guarded.tokens.revoke()
    with pytest.raises(CredentialsError, match=f"Invalid Credentials; the caller is {EMAIL}"):
        store.head(AT)
    assert Patience(store).call(lambda: store.head(AT)).size == 5
    assert [seen.status for seen in guarded.seen if "/o/k" in seen.target] == [401, 401, 200]


def test_a_token_that_expires_is_renewed_before_it_is_used(key: Path, guarded: GCSServer) -> None:
    guarded.tokens.lifetime = 1.0  # Google's library renews what expires within minutes
    store = GCSConnection(endpoint=guarded.url, credentials=str(key)).open()
    put(store)
    given = guarded.tokens.given
    put(store)
    assert guarded.tokens.given > given
    assert all(seen.status == 200 for seen in guarded.seen)


def test_anonymous_callers_have_nothing_to_renew(guarded: GCSServer) -> None:
    store = GCSConnection(endpoint=guarded.url, anonymous=True).open()
    with pytest.raises(CredentialsError, match="the caller is anonymous"):
        Patience(store).call(lambda: store.head(AT))
    assert len(guarded.seen) == 1


def test_a_refusal_says_who_asked(guarded: GCSServer, key: Path) -> None:
    guarded.denied.add("lake")
    store = GCSConnection(endpoint=guarded.url, credentials=str(key)).open()
    with pytest.raises(AccessDeniedError, match=f"403 forbidden.*the caller is {EMAIL}"):
        store.head(AT)
    with pytest.raises(PermissionError):
        put(store)


def test_a_key_that_the_token_server_refuses_is_no_network_fault(key: Path, guarded: GCSServer) -> None:
    text = json.loads(key.read_text())
    key.write_text(json.dumps({**text, "client_email": "other@longshore.iam.gserviceaccount.com"}))
    store = GCSConnection(endpoint=guarded.url, credentials=str(key)).open()
    with pytest.raises(CredentialsError, match=r"cannot fetch a token for other@.*invalid_grant"):
        store.head(AT)


def test_a_token_server_that_is_not_there_is_asked_again(key: Path, guarded: GCSServer) -> None:
    text = json.loads(key.read_text())
    key.write_text(json.dumps({**text, "token_uri": "http://127.0.0.1:9/token"}))
    store = GCSConnection(endpoint=guarded.url, credentials=str(key)).open()
    with pytest.raises(UnreachableError, match="cannot fetch a token") as caught:
        store.head(AT)
    assert caught.value.retryable


def test_a_signed_url_works_without_credentials_and_is_masked(guarded: GCSServer, key: Path) -> None:
    connection = GCSConnection(endpoint=guarded.url, credentials=str(key))
    GCSWrite(connection=connection)("rows", "gs://lake/a b/é.csv")
    url = GCSPresign(connection=connection)("gs://lake/a b/é.csv", expires=60)
    assert urllib3.request("GET", url).data == b"rows"
    put_url = GCSPresign(connection=connection, signed_headers={"Content-Type": "text/csv"})(
        "gs://lake/new", method="PUT"
    )
    assert urllib3.request("PUT", put_url, body=b"1", headers={"Content-Type": "text/html"}).status == 403
    assert urllib3.request("PUT", put_url, body=b"1", headers={"Content-Type": "text/csv"}).status == 200
    assert guarded.read("lake", "new") == b"1"
    assert url.rpartition("X-Goog-Signature=")[2] not in redact(f"see {url}")


def test_credentials_that_cannot_sign_say_what_can(guarded: GCSServer) -> None:
    store = GCSConnection(endpoint=guarded.url, anonymous=True).open()
    with pytest.raises(CredentialsError, match="these credentials cannot sign; give GCSConnection"):
        store.presign(AT, method="GET", expires=timedelta(minutes=1))


def test_a_url_for_longer_than_a_week_is_refused(guarded: GCSServer, key: Path) -> None:
    store = GCSConnection(endpoint=guarded.url, credentials=str(key)).open()
    with pytest.raises(ConfigurationError, match="cannot presign 'gs://lake/k'"):
        store.presign(AT, method="GET", expires=timedelta(days=8))


def test_the_payer_is_named_with_every_request(guarded: GCSServer, key: Path) -> None:
    guarded.create_bucket("pays", billing={"requesterPays": True})
    connection = GCSConnection(endpoint=guarded.url, credentials=str(key))
    with pytest.raises(AccessDeniedError, match=r"GCSConnection\(user_project='PROJECT'\)"):
        GCSWrite(connection=connection).run(b"x", "gs://pays/k")
    paying = GCSConnection(endpoint=guarded.url, credentials=str(key), user_project="acme")
    GCSWrite(connection=paying)(b"x", "gs://pays/k")
    assert GCSRead(connection=paying)("gs://pays/k") == b"x"
    assert guarded.seen[-1].headers["x-goog-user-project"] == "acme"


def test_the_account_to_act_as_is_asked_for_by_the_credentials(guarded: GCSServer, key: Path) -> None:
    """Google's library asks iamcredentials.googleapis.com, which cannot be reached from here."""
    store = GCSConnection(endpoint=guarded.url, credentials=str(key), impersonate="lake@acme.example").open()
    with pytest.raises(UnreachableError, match=r"cannot fetch a token for lake@acme\.example"):
        store.head(AT)


def test_doctor_says_which_credentials_there_are(
    guarded: GCSServer, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [library, found] = longshore_doctor()
    assert library == ("google-cloud-storage", True, "installed")
    assert not found[1]
    assert "run: gcloud auth application-default login" in found[2]
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    assert list(longshore_doctor())[1] == ("credentials", True, f"the caller is {EMAIL}")
    assert len(guarded.seen) == 0


def test_an_error_that_says_who_asked_travels(guarded: GCSServer, key: Path) -> None:
    guarded.denied.add("lake")
    with pytest.raises(AccessDeniedError) as caught:
        GCSConnection(endpoint=guarded.url, credentials=str(key)).open().head(AT)
    back = pickle.loads(pickle.dumps(caught.value))
    assert (type(back), str(back), back.retryable) == (AccessDeniedError, str(caught.value), False)
