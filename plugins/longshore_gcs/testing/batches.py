"""Batch requests ("Batch requests", Cloud Storage docs): up to 100 in one, none of them media."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from longshore_gcs.testing.answers import Answer, ApiError, Request

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 100
_LINE = re.compile(rb"([A-Z]+) (?:https?://[^/ ]+)?(/[^ ]*) HTTP/1\.1\r?\n")


def batch(request: Request, handle: Callable[[Request], Answer]) -> Answer:
    """Carry out each request, and return their answers in the same order."""
    found = re.search(r'boundary="?([^";]+)"?', request.header("content-type"))
    if found is None:
        raise ApiError("invalid", "Missing boundary parameter in Content-Type.")
    parts = request.body.split(b"--" + found[1].encode())[1:-1]
    if len(parts) > _MOST:
        raise ApiError("invalid", "The batch request has more than 100 requests.")
    answers = [_part(part, request, handle) for part in parts]
    mark = "batch_of_the_test_server"
    body = b"".join(b"--" + mark.encode() + b"\r\n" + one for one in answers) + f"--{mark}--\r\n".encode()
    return Answer(200, {"Content-Type": f"multipart/mixed; boundary={mark}"}, body)


def _part(part: bytes, outer: Request, handle: Callable[[Request], Answer]) -> bytes:
    answer = handle(_request(part, outer))
    number = re.search(rb"(?im)^content-id: *<?([^>\r\n]+)>?", part)
    content_id = f"Content-ID: <response-{number[1].decode()}>\r\n" if number else ""
    headers = {**answer.headers, "Content-Length": str(len(answer.body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"Content-Type: application/http\r\n{content_id}\r\nHTTP/1.1 {answer.status} Answer\r\n{lines}\r\n"
    return head.encode() + bytes(answer.body) + b"\r\n"


def _request(part: bytes, outer: Request) -> Request:
    line = _LINE.search(part)
    if line is None:
        raise ApiError("invalid", "Failed to parse batch request.")
    path, _, query = line[2].decode().partition("?")
    head, _, body = part[line.end() :].replace(b"\r\n", b"\n").partition(b"\n\n")
    pairs = (text.partition(":") for text in head.decode().splitlines())
    headers = {**outer.headers, **{name.strip().lower(): value.strip() for name, _, value in pairs}}
    segments = tuple(map(unquote, path.strip("/").split("/")))
    return Request(line[1].decode(), segments, dict(parse_qsl(query)), headers, body, outer.base)
