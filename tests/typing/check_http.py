"""What a type checker sees of the HTTP tasks. Checked by mypy and pyright, never run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

from longshore import flow
from longshore_http import (
    Downloaded,
    HttpDownload,
    HttpJson,
    HttpPages,
    HttpRequest,
    HttpResponse,
    HttpText,
    HttpWait,
    JsonEquals,
)

assert_type(HttpRequest("POST")("https://h/", json={"n": 1}), HttpResponse)
assert_type(HttpRequest()("https://h/").status, int)
assert_type(HttpJson()("https://h/"), Any)
assert_type(HttpText(retries=5)("https://h/", params={"day": "2013-01-01", "n": [1, 2]}), str)
assert_type(HttpText().replace(method="PUT")("https://h/", body=Path("rows")), str)
assert_type(HttpText().map(["https://h/1", "https://h/2"]), list[str])
assert_type(HttpDownload()("https://h/", "file", checksum="sha256:00").path, Path)
assert_type(HttpWait(JsonEquals("state", "done"))("https://h/"), HttpResponse)
assert_type(HttpWait(lambda answer: answer.status == 200)("https://h/").text, str)
assert_type(HttpPages(items="rows")("https://h/"), list[Any])

HttpText()()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
HttpText(metod="GET")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


@flow
def copies(url: str) -> Downloaded:
    return HttpDownload()(url, HttpText()(url))
