"""After `HttpDownload` the file is the old one, absent, or byte for byte the object: each fault by itself."""

from __future__ import annotations

import gzip
import hashlib
import random
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from http_server import (
    Exchange,
    HttpServer,
    Served,
    chunked,
    hang_up,
    reset,
    respond,
    stall,
    stalled,
    truncated,
)  # fmt: skip

from longshore import Exponential
from longshore_http import (
    HttpConnection,
    HttpDownload,
    HttpError,
    LengthUnknown,
    ReadTimedOut,
    StatusError,
)  # fmt: skip

OLD = b"the old file"
NEW = random.Random(7).randbytes(300_000)
OTHER = random.Random(8).randbytes(300_000)
SHA256 = hashlib.sha256(NEW).hexdigest()
pytestmark = pytest.mark.gate("T1")


def download(**fields: Any) -> HttpDownload:
    connection = HttpConnection(connect_timeout=5, read_timeout=fields.pop("read_timeout", 5))
    return HttpDownload(
        **{"retries": 0, "retry_delay": Exponential(base=0.01, cap=0.02), "connection": connection, **fields}
    )


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "data.bin"
    path.write_bytes(OLD)
    return path


def leftovers(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path != target)


def ranges(server: HttpServer) -> list[str | None]:
    return [exchange.headers.get("Range") for exchange in server.requests]


def test_a_download_replaces_the_file_and_tells_what_came(server: HttpServer, target: Path) -> None:
    url = server.on("/x", Served(NEW, etag='"abc"'))
    result = download()(url, target, checksum=f"sha256:{SHA256}")
    assert target.read_bytes() == NEW
    assert (result.path, result.size, result.sha256, result.etag, result.url) == (
        target,
        len(NEW),
        SHA256,
        '"abc"',
        url,
    )
    assert leftovers(target) == []


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537])
def test_every_size_arrives_whole(server: HttpServer, target: Path, size: int) -> None:
    assert download()(server.on("/x", Served(NEW[:size])), target).size == size
    assert target.read_bytes() == NEW[:size]


BREAKS = {
    "truncated": truncated(NEW, 1),
    "truncated in chunks": truncated(NEW, 1, how="chunked"),
    "truncated gzip without length": truncated(
        gzip.compress(NEW), 9, how="nothing", headers={"Content-Encoding": "gzip"}
    ),
    "reset": truncated(NEW, 1, how="reset"),
    "reset before headers": reset,
    "closed before headers": hang_up,
    "stalled": stalled(NEW, 100_000),
    "stalled before headers": stall,
    "404": respond(404, b"an error page"),
    "503": respond(503, b"an error page"),
    "206 unasked": respond(206, NEW[:10], {"Content-Range": f"bytes 0-9/{len(NEW)}"}),
    "204": respond(204),
    "no length": truncated(NEW, 1, how="nothing"),
    "not the gzip it says": respond(200, NEW, {"Content-Encoding": "gzip"}),
    "an encoding nobody asked for": respond(200, NEW, {"Content-Encoding": "br"}),
    "a flipped bit and Content-MD5": respond(
        200, NEW, {"Content-MD5": b64encode(hashlib.md5(OLD).digest()).decode()}
    ),
    "a redirect to nowhere": respond(302, b"", {"Location": "ftp://127.0.0.1/x"}),
}


@pytest.mark.parametrize("fault", BREAKS)
def test_a_failed_download_leaves_the_old_file(server: HttpServer, target: Path, fault: str) -> None:
    url = server.on("/x", BREAKS[fault])
    with pytest.raises(HttpError):
        download(read_timeout=0.3)(url, target)
    assert target.read_bytes() == OLD
    assert leftovers(target) == []


@pytest.mark.parametrize("fault", BREAKS)
def test_a_failed_download_leaves_no_file_where_there_was_none(
    server: HttpServer, tmp_path: Path, fault: str
) -> None:
    url = server.on("/x", BREAKS[fault])
    with pytest.raises(HttpError):
        download(read_timeout=0.3)(url, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", ["length", "chunked", "reset"])
def test_a_broken_download_goes_on_where_it_stopped(server: HttpServer, target: Path, how: str) -> None:
    broken = truncated(NEW, 100_000, how=how, headers={"ETag": '"v1"'})
    url = server.on("/x", broken, Served(NEW))
    assert download(retries=1)(url, target).sha256 == SHA256
    assert target.read_bytes() == NEW
    assert ranges(server) == [None, "bytes=200000-"]
    assert server.requests[1].headers["If-Range"] == '"v1"'
    assert leftovers(target) == []


def test_a_download_goes_on_after_a_stall_and_in_a_later_call(server: HttpServer, target: Path) -> None:
    url = server.on("/x", stalled(NEW, 150_000, {"ETag": '"v1"'}), Served(NEW))
    with pytest.raises(ReadTimedOut):
        download(read_timeout=0.3)(url, target)
    assert target.read_bytes() == OLD
    assert leftovers(target) == [".data.bin.longshore-part", ".data.bin.longshore-part.json"]
    download()(url, target)
    assert target.read_bytes() == NEW
    assert ranges(server)[1] == "bytes=150000-"
    assert leftovers(target) == []


def test_many_breaks_are_gone_through_one_by_one(server: HttpServer, target: Path) -> None:
    url = server.on("/x", Served(NEW, cut_after=70_000))
    download(retries=4)(url, target)
    assert target.read_bytes() == NEW
    assert ranges(server) == [None, *(f"bytes={n}-" for n in (70_000, 140_000, 210_000, 280_000))]


def test_last_modified_serves_as_a_validator_when_it_is_old_enough(server: HttpServer, target: Path) -> None:
    dates = {"Date": "Tue, 01 Jan 2013 00:02:00 GMT", "Last-Modified": "Tue, 01 Jan 2013 00:00:00 GMT"}
    served = Served(
        NEW, etag="", last_modified=dates["Last-Modified"], cut_after=200_000, headers={"Date": dates["Date"]}
    )
    download(retries=1)(server.on("/x", served), target)
    assert server.requests[1].headers["If-Range"] == dates["Last-Modified"]
    assert target.read_bytes() == NEW


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"ETag": 'W/"v1"'},
        {"Last-Modified": "Tue, 01 Jan 2013 00:00:00 GMT", "Date": "Tue, 01 Jan 2013 00:00:30 GMT"},
        {"ETag": '"v1"', "Accept-Ranges": "none"},
    ],
)
def test_versions_that_cannot_be_told_apart_are_fetched_from_the_beginning(
    server: HttpServer, target: Path, headers: dict[str, str]
) -> None:
    url = server.on("/x", truncated(NEW, 1000, headers=headers), respond(200, NEW))
    download(retries=1)(url, target)
    assert ranges(server) == [None, None]
    assert target.read_bytes() == NEW


REPLACED = {
    "honest": Served(OTHER, etag='"v2"'),
    "ignores If-Range": Served(OTHER, etag='"v2"', ignore_if_range=True),
    "ignores If-Range and names no version": Served(OTHER, etag="", ignore_if_range=True),
    "ignores Range": Served(OTHER, etag='"v2"', ranges="ignored"),
    "starts elsewhere": Served(OTHER, etag='"v1"', ranges="shifted"),
    "is shorter": Served(OTHER[:1000], etag='"v2"', ignore_if_range=True),
}


@pytest.mark.parametrize("kind", REPLACED)
def test_an_object_replaced_midway_arrives_as_one_version(
    server: HttpServer, target: Path, kind: str
) -> None:
    second = REPLACED[kind]
    url = server.on("/x", truncated(NEW, 100_000, headers={"ETag": '"v1"'}), second)
    download(retries=1)(url, target)
    assert target.read_bytes() == second.body


def test_an_object_deleted_midway_leaves_the_old_file_and_nothing_else(
    server: HttpServer, target: Path
) -> None:
    url = server.on("/x", truncated(NEW, 100_000, headers={"ETag": '"v1"'}), respond(404))
    with pytest.raises(StatusError, match="404"):
        download(retries=3)(url, target)
    assert (target.read_bytes(), leftovers(target)) == (OLD, [])


def test_a_range_that_ends_early_is_asked_for_again(server: HttpServer, target: Path) -> None:
    def short(exchange: Exchange) -> None:
        body = NEW[200_000:250_000]
        headers = {"Content-Range": f"bytes 200000-249999/{len(NEW)}", "ETag": '"v1"'}
        exchange.send(206, headers, body)

    url = server.on("/x", truncated(NEW, 100_000, headers={"ETag": '"v1"'}), short, Served(NEW))
    download(retries=1)(url, target)
    assert target.read_bytes() == NEW
    assert ranges(server)[2] == "bytes=250000-"


def test_a_server_without_ranges_restarts_after_a_break(server: HttpServer, target: Path) -> None:
    url = server.on("/x", truncated(NEW, 100_000, headers={"ETag": '"v1"'}), Served(NEW, ranges="ignored"))
    download(retries=1)(url, target)
    assert target.read_bytes() == NEW


def test_a_download_killed_before_its_last_step_asks_for_the_last_byte_only(
    server: HttpServer, target: Path
) -> None:
    def whole_then_reset(exchange: Exchange) -> None:
        exchange.head(200, {"Transfer-Encoding": "chunked", "ETag": '"v1"'})
        exchange.raw(b"%x\r\n%s\r\n" % (len(NEW), NEW))  # all of it, but not the end mark
        exchange.close()

    url = server.on("/x", whole_then_reset, Served(NEW))
    download(retries=1)(url, target)
    assert target.read_bytes() == NEW


def test_gzip_on_the_wire_is_undone_and_a_gz_file_is_not(server: HttpServer, target: Path) -> None:
    packed = gzip.compress(NEW)
    url = server.on("/x", respond(200, packed, {"Content-Encoding": "gzip"}))
    assert download()(url, target, checksum=f"sha256:{SHA256}").size == len(NEW)
    url = server.on(
        "/x.gz", respond(200, packed, {"Content-Encoding": "gzip", "Content-Type": "application/gzip"})
    )
    download()(url, target)
    assert target.read_bytes() == packed
    assert {exchange.headers["Accept-Encoding"] for exchange in server.requests} == {"identity"}


def test_an_object_of_unknown_length_needs_a_checksum_or_a_word(server: HttpServer, target: Path) -> None:
    url = server.on("/x", truncated(NEW, 0, how="nothing"))
    with pytest.raises(LengthUnknown, match="checksum="):
        download()(url, target)
    download()(url, target, checksum=f"sha256:{SHA256}")
    assert target.read_bytes() == NEW
    download(allow_unknown_length=True)(url, target)
    download()(server.on("/y", chunked(NEW)), target)
    assert target.read_bytes() == NEW
