"""An S3 service that takes everything and costs little: what storage is measured against.

`storage_sink.py FILE` prints its port. It speaks enough of S3 for the libraries that are measured: objects
in one request and in parts, ranges, listings, deletes. Small objects are kept, and told with their MD5 and
CRC-64/NVME; of large ones only the length is. `FILE` is served as `big`, from the page cache to the socket.
Nothing is signed or checked here; what a client verifies, it verifies by the headers of the answers.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import socket
import sys
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from awscrt.checksums import crc64nvme

SMALL = 1 << 20
SCRATCH = 1 << 20
WHEN = b"Wed, 21 Oct 2015 07:28:00 GMT"
XML = '<?xml version="1.0" encoding="UTF-8"?>'
NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_RANGE = re.compile(rb"bytes=(\d+)-(\d*)")
_TAG = re.compile(r"<Key>(.*?)</Key>")


@dataclass(frozen=True)
class Thing:
    """An object: its bytes, or the file that has them, or neither."""

    size: int
    etag: bytes
    checksum: bytes = b""
    data: bytes | None = None
    file: int | None = None


@dataclass
class Bucket:
    """All there is."""

    things: dict[str, Thing] = field(default_factory=dict)
    uploads: dict[str, dict[int, int]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    def page(self, prefix: str, after: str, most: int) -> tuple[list[str], bool]:
        """Return keys in order, and whether there are more."""
        keys = sorted(self.things)
        begin = max(bisect_left(keys, prefix), bisect_right(keys, after) if after else 0)
        found = []
        for key in keys[begin : begin + most + 1]:
            if not key.startswith(prefix):
                break
            found.append(key)
        return found[:most], len(found) > most


class Client:
    """One connection; its requests come one after the other."""

    def __init__(self, bucket: Bucket, connection: socket.socket) -> None:
        self.bucket = bucket
        self.connection = connection
        self.scratch = memoryview(bytearray(SCRATCH))
        self.pending = b""
        self.headers: dict[bytes, bytes] = {}
        self.query: dict[str, str] = {}
        self.key = ""

    def serve(self) -> None:
        """Answer until the other end goes."""
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ways: dict[bytes, Callable[[], None]] = {
            b"PUT": self.put,
            b"GET": self.get,
            b"HEAD": self.get,
            b"POST": self.post,
            b"DELETE": self.delete,
        }
        try:
            while self.method():
                ways[self.verb]()
        except OSError:
            pass
        finally:
            self.connection.close()

    def method(self) -> bool:
        """Read a request's head; return False at the end."""
        while b"\r\n\r\n" not in self.pending:
            if not self.receive():
                return False
        head, _, self.pending = self.pending.partition(b"\r\n\r\n")
        line, *lines = head.split(b"\r\n")
        self.verb, target, _ = line.split(b" ", 2)
        self.headers = {}
        for each in lines:
            name, _, value = each.partition(b":")
            self.headers[name.lower()] = value.strip()
        path, _, query = target.decode().partition("?")
        self.query = dict(parse_qsl(query, keep_blank_values=True)) if query else {}
        self.key = unquote(path.lstrip("/").partition("/")[2])
        if b"expect" in self.headers:
            self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def receive(self) -> bool:
        data = self.connection.recv(1 << 16)
        self.pending += data
        return bool(data)

    def body(self) -> tuple[int, bytes | None]:
        """Return the length of the body, and its bytes if they are few."""
        coded = b"aws-chunked" in self.headers.get(b"content-encoding", b"")
        if self.headers.get(b"transfer-encoding") == b"chunked":
            chunks = b"".join(self.chunks())
            return self.decoded(chunks) if coded else (len(chunks), chunks)
        size = int(self.headers.get(b"content-length", 0))
        if size <= SMALL:
            while len(self.pending) < size:
                if not self.receive():
                    raise ConnectionResetError
            data, self.pending = self.pending[:size], self.pending[size:]
            return self.decoded(data) if coded else (size, data)
        left = size - len(self.pending)
        self.pending = b""
        while left:
            received = self.connection.recv_into(self.scratch, min(left, SCRATCH))
            if not received:
                raise ConnectionResetError
            left -= received
        return int(self.headers.get(b"x-amz-decoded-content-length", size)), None

    def chunks(self) -> Iterator[bytes]:
        while True:
            size = int(self.line().partition(b";")[0], 16)
            while len(self.pending) < size + 2:
                if not self.receive():
                    raise ConnectionResetError
            data, self.pending = self.pending[:size], self.pending[size + 2 :]
            if not size:
                return
            yield data

    def line(self) -> bytes:
        while b"\r\n" not in self.pending:
            if not self.receive():
                raise ConnectionResetError
        line, _, self.pending = self.pending.partition(b"\r\n")
        return line

    def decoded(self, data: bytes) -> tuple[int, bytes]:
        """Return what is in the chunks that sign or check a body."""
        pieces, rest = [], data
        while rest:
            head, _, rest = rest.partition(b"\r\n")
            size = int(head.partition(b";")[0], 16)
            if not size:
                break
            pieces.append(rest[:size])
            rest = rest[size + 2 :]
        whole = b"".join(pieces)
        return len(whole), whole

    def answer(self, status: bytes, headers: bytes = b"", body: bytes = b"") -> None:
        self.connection.sendall(
            b"HTTP/1.1 %s\r\nx-amz-request-id: bench\r\n%sContent-Length: %d\r\n\r\n%s"
            % (status, headers, len(body), body)
        )

    def tell(self, text: str) -> None:
        self.answer(b"200 OK", b"Content-Type: application/xml\r\n", (XML + text).encode())

    def put(self) -> None:
        size, data = self.body()
        told = b"".join(
            b"%s: %s\r\n" % (name, value)
            for name, value in self.headers.items()
            if name.startswith(b"x-amz-checksum-")
        )
        if "uploadId" in self.query:
            number = int(self.query["partNumber"])
            self.bucket.uploads[self.query["uploadId"]][number] = size
            self.answer(b"200 OK", b'ETag: "part-%d"\r\n%s' % (number, told))
            return
        thing = small(data) if data is not None else Thing(size, b"large-1")
        self.bucket.things[self.key] = thing
        self.answer(b"200 OK", b'ETag: "%s"\r\n%s' % (thing.etag, told))

    def get(self) -> None:
        if not self.key:
            self.list()
            return
        thing = self.bucket.things.get(self.key)
        if thing is None:
            self.answer(b"404 Not Found", body=b"" if self.verb == b"HEAD" else error("NoSuchKey"))
            return
        start, stop, status, told = 0, thing.size, b"200 OK", b""
        asked = _RANGE.match(self.headers.get(b"range", b""))
        if asked:
            start = int(asked[1])
            stop = min(int(asked[2] or thing.size) + 1, thing.size)
            status, told = (
                b"206 Partial Content",
                b"Content-Range: bytes %d-%d/%d\r\n" % (start, stop - 1, thing.size),
            )
        elif self.headers.get(b"x-amz-checksum-mode") and thing.checksum:
            told = b"x-amz-checksum-crc64nvme: %s\r\nx-amz-checksum-type: FULL_OBJECT\r\n" % thing.checksum
        head = (
            b'HTTP/1.1 %s\r\nETag: "%s"\r\nLast-Modified: %s\r\nAccept-Ranges: bytes\r\n'
            b"Content-Type: application/octet-stream\r\n%sContent-Length: %d\r\n\r\n"
        ) % (status, thing.etag, WHEN, told, stop - start)
        if self.verb == b"HEAD":
            self.connection.sendall(head)
        elif thing.data is not None:
            self.connection.sendall(head + thing.data[start:stop])
        elif thing.file is not None:
            self.connection.sendall(head)
            while start < stop:
                start += os.sendfile(self.connection.fileno(), thing.file, start, stop - start)
        else:
            raise ConnectionAbortedError("its bytes were not kept")

    def list(self) -> None:
        if self.verb == b"HEAD" or "list-type" not in self.query:
            self.answer(b"200 OK")
            return
        after = self.query.get("continuation-token") or self.query.get("start-after", "")
        keys, more = self.bucket.page(
            self.query.get("prefix", ""), after, int(self.query.get("max-keys", 1000))
        )
        told = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2015-10-21T07:28:00.000Z</LastModified>"
            f"<ETag>&quot;{thing.etag.decode()}&quot;</ETag><Size>{thing.size}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for key in keys
            for thing in (self.bucket.things[key],)
        )
        following = f"<NextContinuationToken>{escape(keys[-1])}</NextContinuationToken>" if more else ""
        self.tell(
            f"<ListBucketResult {NAMESPACE}><Name>bench</Name><KeyCount>{len(keys)}</KeyCount>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{following}{told}</ListBucketResult>"
        )

    def post(self) -> None:
        _, data = self.body()
        if "uploads" in self.query:
            upload = f"upload-{next(self.bucket.numbers)}"
            self.bucket.uploads[upload] = {}
            self.tell(
                f"<InitiateMultipartUploadResult {NAMESPACE}><Bucket>bench</Bucket>"
                f"<Key>{escape(self.key)}</Key><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            )
        elif "uploadId" in self.query:
            self.complete(self.bucket.uploads.pop(self.query["uploadId"]))
        elif "delete" in self.query:
            for key in _TAG.findall((data or b"").decode()):
                self.bucket.things.pop(key, None)
            self.tell(f"<DeleteResult {NAMESPACE}></DeleteResult>")
        else:
            self.answer(b"400 Bad Request", body=error("InvalidRequest"))

    def complete(self, parts: dict[int, int]) -> None:
        checksum = self.headers.get(b"x-amz-checksum-crc64nvme", b"")
        etag = b"%s-%d" % (hashlib.md5(repr(sorted(parts.items())).encode()).hexdigest().encode(), len(parts))
        self.bucket.things[self.key] = Thing(sum(parts.values()), etag, checksum)
        told = (
            f"<ChecksumCRC64NVME>{checksum.decode()}</ChecksumCRC64NVME>"
            "<ChecksumType>FULL_OBJECT</ChecksumType>"
            if checksum
            else ""
        )
        self.tell(
            f"<CompleteMultipartUploadResult {NAMESPACE}><Bucket>bench</Bucket><Key>{escape(self.key)}</Key>"
            f"<ETag>&quot;{etag.decode()}&quot;</ETag>{told}</CompleteMultipartUploadResult>"
        )

    def delete(self) -> None:
        self.bucket.uploads.pop(self.query.get("uploadId", ""), None)
        if "uploadId" not in self.query:
            self.bucket.things.pop(self.key, None)
        self.answer(b"204 No Content")


def error(code: str) -> bytes:
    """Return the body of an answer that says what is wrong."""
    return f"{XML}<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()


def encoded(value: int) -> bytes:
    """Return a checksum as headers have it."""
    return base64.b64encode(value.to_bytes(8, "big"))


def small(data: bytes) -> Thing:
    """Return an object that is kept."""
    etag = hashlib.md5(data, usedforsecurity=False).hexdigest().encode()
    return Thing(len(data), etag, encoded(crc64nvme(data)), data)


def large(path: Path) -> Thing:
    """Return a file as an object, as if it had come in parts."""
    value, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while piece := file.read(SMALL):
            value = crc64nvme(piece, value)
    return Thing(size, b"%032x-64" % value, encoded(value), file=os.open(path, os.O_RDONLY))


def main() -> None:
    """Serve until standard input ends."""
    bucket = Bucket()
    bucket.things["big"] = large(Path(sys.argv[1]))
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:
        print(server.getsockname()[1], flush=True)

        def accept() -> None:
            while True:
                connection, _ = server.accept()
                threading.Thread(target=Client(bucket, connection).serve, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        sys.stdin.read()


if __name__ == "__main__":
    main()
