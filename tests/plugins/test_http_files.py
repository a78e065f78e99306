"""`HttpDownload` and the file: checksums, permissions, links, names."""

from __future__ import annotations

import hashlib
import os
import random
import stat
import threading
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from http_server import Exchange, HttpServer, Served, chunked, respond, stalled, truncated

from longshore import ConfigurationError, Exponential, Secret
from longshore.testing import datasets_told, isolated_process_state
from longshore_http import ChecksumMismatch, HttpConnection, HttpDownload, HttpError, TargetFailed, TooLarge

OLD = b"the old file"
NEW = random.Random(7).randbytes(300_000)
SHA256 = hashlib.sha256(NEW).hexdigest()
QUICK: dict[str, Any] = {"retries": 0, "retry_delay": Exponential(base=0.01, cap=0.02)}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "data.bin"
    path.write_bytes(OLD)
    return path


def leftovers(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path != target)


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha384", "sha512", "SHA-256"])
def test_a_right_checksum_passes_and_a_wrong_one_leaves_the_old_file(
    server: HttpServer, target: Path, algorithm: str
) -> None:
    url = server.on("/x", respond(200, NEW))
    right = hashlib.new(algorithm.replace("SHA-", "sha"), NEW).hexdigest()
    with pytest.raises(ChecksumMismatch, match=right):
        HttpDownload(**QUICK)(url, target, checksum=f"{algorithm}:{'0' * len(right)}")
    assert (target.read_bytes(), leftovers(target)) == (OLD, [])
    HttpDownload(**QUICK)(url, target, checksum=f"{algorithm}:{right.upper()}")
    assert target.read_bytes() == NEW


@pytest.mark.parametrize(
    "checksum", ["", "sha256", "sha256:", "sha256:xyz", "crc32:00000000", "sha256:" + "0" * 63]
)
def test_a_checksum_that_is_none_is_refused_before_anything_is_asked(
    server: HttpServer, target: Path, checksum: str
) -> None:
    with pytest.raises(ConfigurationError, match="sha256:9f86d0"):
        HttpDownload(**QUICK)(server.url("/x"), target, checksum=checksum)
    assert server.requests == []


def b64(name: str) -> str:
    return b64encode(hashlib.new(name, NEW).digest()).decode()


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Content-MD5", b64("md5")),
        ("Digest", f"SHA-256={b64('sha256')}"),
        ("Repr-Digest", f"sha-512=:{b64('sha512')}:, sha-256=:{b64('sha256')}:"),
        ("Content-Digest", f"sha-256=:{b64('sha256')}:"),
        ("X-Goog-Hash", f"crc32c=AAAAAA==, md5={b64('md5')}"),
        ("X-Amz-Checksum-Sha256", b64("sha256")),
    ],
)
def test_a_checksum_that_the_server_announces_finds_a_flipped_bit(
    server: HttpServer, target: Path, header: str, value: str
) -> None:
    flipped = bytes([NEW[0] ^ 1]) + NEW[1:]
    url = server.on("/x", respond(200, flipped, {header: value}), respond(200, NEW, {header: value}))
    HttpDownload(**{**QUICK, "retries": 1})(url, target)
    assert target.read_bytes() == NEW
    assert len(server.requests) == 2


def test_a_wrong_checksum_is_tried_twice_and_not_for_ever(server: HttpServer, target: Path) -> None:
    url = server.on("/x", respond(200, NEW))
    with pytest.raises(ChecksumMismatch):
        HttpDownload(**{**QUICK, "retries": 5})(url, target, checksum=f"sha256:{'0' * 64}")
    assert len(server.requests) == 2


def test_a_wrong_beginning_is_not_gone_on_with(server: HttpServer, target: Path) -> None:
    flipped = bytes([NEW[0] ^ 1]) + NEW[1:]
    url = server.on("/x", truncated(flipped, 1000, headers={"ETag": '"v1"'}), Served(NEW))
    HttpDownload(**{**QUICK, "retries": 2})(url, target, checksum=f"sha256:{SHA256}")
    assert target.read_bytes() == NEW


def test_another_url_to_the_same_file_begins_anew(server: HttpServer, target: Path) -> None:
    first = server.on("/a", truncated(OLD * 10_000, 1000, headers={"ETag": '"v1"'}))
    with pytest.raises(HttpError):
        HttpDownload(**QUICK)(first, target)
    HttpDownload(**QUICK)(server.on("/b", Served(NEW)), target)
    assert target.read_bytes() == NEW
    assert server.asked("/b")[0].headers.get("Range") is None


def test_a_record_that_was_torn_or_forged_means_a_new_start(server: HttpServer, target: Path) -> None:
    for record in (b'{"url": "', b"[]", b'{"url": 1}', b"\xff", b"[" * 100_000):
        (target.parent / ".data.bin.longshore-part").write_bytes(b"junk")
        (target.parent / ".data.bin.longshore-part.json").write_bytes(record)
        HttpDownload(**QUICK)(server.on("/x", Served(NEW)), target)
        assert target.read_bytes() == NEW


@pytest.mark.gate("S12")
@pytest.mark.parametrize(("mask", "mode"), [(0o000, 0o666), (0o022, 0o644), (0o077, 0o600)])
def test_files_are_ours_alone_until_they_are_whole(
    server: HttpServer, tmp_path: Path, mask: int, mode: int
) -> None:
    seen: set[int] = set()

    def look(exchange: Exchange) -> None:
        exchange.head(200, {"Content-Length": len(NEW), "ETag": '"v1"'})
        exchange.raw(NEW[:200_000])
        time.sleep(0.1)
        seen.update(stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir())
        exchange.raw(NEW[200_000:])

    before = os.umask(mask)
    try:
        HttpDownload(**QUICK)(server.on("/x", look), tmp_path / "new")
    finally:
        os.umask(before)
    assert seen == {0o600}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == mode


def test_a_file_that_is_replaced_keeps_its_permissions(server: HttpServer, target: Path) -> None:
    target.chmod(0o640)
    HttpDownload(**QUICK)(server.on("/x", Served(NEW)), target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_link_is_followed_and_folders_are_made(server: HttpServer, target: Path) -> None:
    link = target.parent / "sub" / "link"
    link.parent.mkdir()
    link.symlink_to(target)
    url = server.on("/x", Served(NEW))
    HttpDownload(**QUICK)(url, link)
    assert link.is_symlink()
    assert target.read_bytes() == NEW
    HttpDownload(**QUICK)(url, target.parent / "a" / "b" / "c")
    assert (target.parent / "a" / "b" / "c").read_bytes() == NEW


def test_what_is_no_plain_file_is_never_replaced(server: HttpServer, tmp_path: Path) -> None:
    url = server.on("/x", Served(NEW))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(TargetFailed, match="no plain file"):
            HttpDownload(**QUICK)(url, tmp_path / name)
    for bad in ("", "a\0b"):
        with pytest.raises((ConfigurationError, TargetFailed)):
            HttpDownload(**QUICK)(url, bad)
    with pytest.raises(TargetFailed, match="File name too long"):
        HttpDownload(**QUICK)(url, tmp_path / ("x" * 300))
    assert server.requests == []


def test_the_server_does_not_choose_the_file(server: HttpServer, target: Path) -> None:
    headers = {"Content-Disposition": 'attachment; filename="../../evil"', "Content-Location": "/etc/evil"}
    url = server.on("/x", respond(302, b"", {"Location": "/..%2F..%2Fevil"}))
    server.on("/..%2F..%2Fevil", respond(200, NEW, headers))
    HttpDownload(**QUICK)(url, target)
    assert (target.read_bytes(), leftovers(target)) == (NEW, [])


def test_the_longest_name_works_and_a_planted_link_is_not_followed(
    server: HttpServer, tmp_path: Path
) -> None:
    name = "n" * 255
    HttpDownload(**QUICK)(server.on("/x", Served(NEW)), tmp_path / name)
    assert (tmp_path / name).read_bytes() == NEW
    victim = tmp_path / "victim"
    victim.write_bytes(OLD)
    (tmp_path / ".t.longshore-part").symlink_to(victim)
    with pytest.raises(TargetFailed):
        HttpDownload(**QUICK)(server.url("/x"), tmp_path / "t")
    assert victim.read_bytes() == OLD


def test_two_downloads_to_one_file_do_not_mix(server: HttpServer, target: Path) -> None:
    url = server.on("/slow", stalled(NEW, 1000))
    task = HttpDownload(**QUICK, connection=HttpConnection(read_timeout=1))

    def fail() -> None:
        with pytest.raises(HttpError):
            task(url, target)

    first = threading.Thread(target=fail)
    first.start()
    while not server.asked("/slow"):
        time.sleep(0.01)
    with pytest.raises(TargetFailed, match="another download"):
        HttpDownload(**QUICK)(server.on("/x", Served(NEW)), target)
    HttpDownload(**{**QUICK, "retries": 10, "retry_delay": 0.3})(server.url("/x"), target)
    first.join()
    assert target.read_bytes() == NEW


def test_an_object_over_max_size_is_refused_early_and_late(server: HttpServer, target: Path) -> None:
    for handler in (respond(200, NEW), chunked(NEW)):
        with pytest.raises(TooLarge, match="max_size"):
            HttpDownload(**QUICK, max_size=100_000)(server.on("/x", handler), target)
        assert (target.read_bytes(), leftovers(target)) == (OLD, [])


def test_a_download_says_what_it_read_and_wrote_without_what_opens_it(
    server: HttpServer, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.on("/x", respond(200, NEW))
    monkeypatch.setenv("LONGSHORE_PRESIGNED", f"{url}?X-Amz-Signature=abc")
    with datasets_told() as told:
        HttpDownload(**QUICK)(f"{url.replace('://', '://ann:s3cret@')}?year=2013&sig=abc", target)
        with isolated_process_state():
            HttpDownload(**QUICK)(Secret("env:LONGSHORE_PRESIGNED"), target)
    assert [(d.direction, d.uri, d.bytes) for d in told] == [
        ("read", f"{url}?year=2013", len(NEW)),
        ("write", f"file://{target}", len(NEW)),
        ("read", url, len(NEW)),
        ("write", f"file://{target}", len(NEW)),
    ]
