"""Row T1: what only S3 does, such as an error after a status of 200; and sizes that take a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("boto3", reason="needs longshore[s3]")

from download_faults import short_waits  # noqa: F401 - a fixture
from object_faults import answer_lost, cut_upload, error, reset_after, s3_error, truncated
from object_proxy import FOR_EVER, Fault, Passing, everything
from s3_rig import S3Rig, s3_rig
from s3_servers import S3Server
from transfer_rigs import MIB, OLD, Receiving, Sending, content

from longshore_storage.errors import ClockError, CredentialsError, StorageError, WrongRegionError
from longshore_storage.objects import ObjectInfo
from longshore_storage.sources import FileSource
from longshore_storage.transfers import Settings, copy, download, upload

pytestmark = [pytest.mark.gate("T1"), pytest.mark.usefixtures("short_waits")]


@pytest.fixture
def rig(localstack: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3Rig]:
    yield from s3_rig(localstack, monkeypatch, tmp_path / "state")


def fine_then(code: str) -> Fault:
    """Say 200, and in the body that it went wrong, as S3 does when it had begun to answer."""
    body = (
        f"<?xml version='1.0' encoding='UTF-8'?>\n\n  <Error><Code>{code}</Code><Message>no</Message></Error>"
    )
    return error(200, body.encode(), {"Content-Type": "application/xml"})


def copies(passing: Passing) -> bool:
    return bool(passing.header("x-amz-copy-source"))


def old_file(folder: Path) -> Path:
    path = folder / "target" / "file"
    path.parent.mkdir()
    path.write_bytes(OLD)
    return path


IN_PARTS = content(2 * 5 * MIB + 1)


def test_an_error_after_a_status_of_200_is_no_finished_upload(rig: S3Rig) -> None:
    sending = Sending(rig)
    rig.proxy.on(rig.finishes, fine_then("InternalError"))
    assert isinstance(outcome := sending.run(IN_PARTS), ObjectInfo), outcome
    assert len(rig.proxy.seen(rig.finishes)) == 2


@pytest.mark.parametrize("code", ["InternalError", "SlowDown", "AccessDenied"])
def test_errors_after_a_status_of_200_that_do_not_end_leave_the_old_object(rig: S3Rig, code: str) -> None:
    sending = Sending(rig)
    rig.proxy.on(rig.finishes, fine_then(code), times=FOR_EVER)
    assert isinstance(sending.run(IN_PARTS), StorageError)
    assert rig.read("cargo") == OLD


def test_an_empty_answer_of_200_is_no_finished_upload(rig: S3Rig) -> None:
    sending = Sending(rig)
    rig.proxy.on(rig.finishes, error(200, b""), times=FOR_EVER)
    assert isinstance(sending.run(IN_PARTS), StorageError)
    assert rig.read("cargo") == OLD


@pytest.mark.parametrize("fault", [fine_then("InternalError"), answer_lost], ids=["error in 200", "lost"])
def test_a_copy_that_failed_after_a_status_of_200_is_made_again(rig: S3Rig, fault: Fault) -> None:
    rig.write("from", IN_PARTS)
    rig.write("cargo", OLD)
    store = rig.store()
    rig.proxy.on(copies, fault)
    copy(store, store.head(rig.at("from")), store, rig.at("cargo"))
    assert rig.read("cargo") == IN_PARTS


def test_a_copy_that_always_fails_after_a_status_of_200_leaves_the_old_object(rig: S3Rig) -> None:
    rig.write("from", IN_PARTS)
    rig.write("cargo", OLD)
    store = rig.store()
    rig.proxy.on(copies, fine_then("InternalError"), times=FOR_EVER)
    with pytest.raises(StorageError):
        copy(store, store.head(rig.at("from")), store, rig.at("cargo"))
    assert rig.read("cargo") == OLD
    assert rig.open_uploads() == []


HOPELESS = {
    "a clock that is wrong": (s3_error(403, "RequestTimeTooSkewed"), ClockError),
    "keys that nobody knows": (s3_error(403, "InvalidAccessKeyId"), CredentialsError),
    "a signature that is wrong": (s3_error(403, "SignatureDoesNotMatch"), CredentialsError),
    "another region": (
        s3_error(301, "PermanentRedirect", {"x-amz-bucket-region": "eu-west-1"}),
        WrongRegionError,
    ),
}


@pytest.mark.parametrize("size", [1000, len(IN_PARTS)])
@pytest.mark.parametrize("what", HOPELESS)
def test_hopeless_errors_fail_at_once(
    rig: S3Rig, tmp_path: Path, what: str, size: int, at_once: float
) -> None:
    fault, expected = HOPELESS[what]
    sending = Sending(rig)
    rig.proxy.on(everything, fault, times=FOR_EVER)
    assert isinstance(sending.run(content(size)), expected)
    assert sending.seconds < at_once
    target = old_file(tmp_path)
    receiving = Receiving(rig, target, 5 * MIB)
    assert isinstance(receiving.run(OLD), expected)
    assert receiving.seconds < at_once
    assert len(rig.proxy.seen()) <= 4


def test_a_large_object_goes_up_and_down_through_breaks(
    rig: S3Rig, tmp_path: Path, gate_count: Callable[[int, int], int]
) -> None:
    size = gate_count(24 * MIB, 100_000_000)
    data = content(size)
    for each in range(3):
        rig.proxy.on(rig.parts, cut_upload(2 * MIB), after=each)
        rig.proxy.on(rig.reads, reset_after(MIB), after=each)
        rig.proxy.on(rig.reads, truncated(5), after=each)
    assert isinstance(outcome := Sending(rig).run(data), ObjectInfo), outcome
    target = old_file(tmp_path)
    assert isinstance(outcome := Receiving(rig, target, 5 * MIB).run(data), ObjectInfo), outcome


def test_a_sparse_file_of_gigabytes_goes_up_and_down_through_breaks(
    rig: S3Rig, tmp_path: Path, gate_count: Callable[[int, int], int]
) -> None:
    size, part = gate_count(40 * MIB, 5 << 30), gate_count(8 * MIB, 64 * MIB)
    source, target = tmp_path / "sparse", tmp_path / "copy"
    marks = {0: b"first", size // 2 + 3: b"middle", size - 4: b"last"}
    with source.open("wb") as file:
        file.truncate(size)
        for at, mark in marks.items():
            file.seek(at)
            file.write(mark)
    settings = Settings(part_size=part, concurrency=2)
    rig.proxy.on(rig.parts, cut_upload(2 * MIB), after=2)
    rig.proxy.on(rig.reads, reset_after(MIB), after=2)
    opened = FileSource(source)
    sent = upload(opened, rig.store(), rig.at("cargo"), settings=settings)
    opened.close()
    came = download(rig.store(), rig.at("cargo"), target, settings=settings)
    assert (sent.size, came.size, target.stat().st_size) == (size, size, size)
    assert sent.checksum == came.checksum
    with target.open("rb") as file:
        for at, mark in marks.items():
            file.seek(at)
            assert file.read(len(mark)) == mark
    target.unlink()  # pytest keeps what is there
    assert rig.open_uploads() == []
