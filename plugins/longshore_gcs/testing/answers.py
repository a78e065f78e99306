"""Requests and answers of the test server, and its errors in the words of the JSON API."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

_TEXTS: Final = {
    "required": 400, "invalid": 400, "authError": 401, "forbidden": 403, "notFound": 404, "conflict": 409,
    "gone": 410, "conditionNotMet": 412, "requestedRangeNotSatisfiable": 416, "rateLimitExceeded": 429,
    "clientClosedRequest": 499, "backendError": 503, "notImplemented": 501,
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request, with its path in decoded segments."""

    method: str
    path: tuple[str, ...]
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    base: str = ""

    def header(self, name: str) -> str:
        """Return a header by its name in lower case; empty if it was not sent."""
        return self.headers.get(name, "")

    def json(self) -> dict[str, Any]:
        """Return the body's JSON."""
        return parsed(self.body)


@dataclass
class Answer:
    """What the server sends back."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes | memoryview = b""


class ApiError(Exception):
    """An answer that is an error ("HTTP status and error codes for JSON", JSON API reference)."""

    def __init__(self, reason: str, message: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.reason, self.message, self.headers = reason, message, headers or {}
        self.status = _TEXTS[reason]

    def answer(self, *, media: bool) -> Answer:
        """Return it as JSON, or as text where media was asked for."""
        if media:
            return Answer(
                self.status,
                {**self.headers, "Content-Type": "text/html; charset=UTF-8"},
                self.message.encode(),
            )
        return answer_error(self.status, self.reason, self.message, self.headers)


def answer_error(status: int, reason: str, message: str, headers: dict[str, str]) -> Answer:
    """Return an error of any status as the JSON API writes it."""
    detail = {"message": message, "domain": "global", "reason": reason}
    return as_json({"error": {"code": status, "message": message, "errors": [detail]}}, status, headers)


def as_json(value: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Return JSON."""
    found = {"Content-Type": "application/json; charset=UTF-8", **(headers or {})}
    if status == 200 and "etag" in value:
        found["ETag"] = str(value["etag"])
    return Answer(status, found, json.dumps(value).encode())


def parsed(body: bytes) -> dict[str, Any]:
    """Read a JSON object; nothing counts as an empty one."""
    if not body.strip():
        return {}
    try:
        found: Any = json.loads(body)
    except ValueError as error:
        raise ApiError("invalid", "Parse Error") from error
    if not isinstance(found, dict):
        raise ApiError("invalid", "Invalid value: an object was expected")
    return dict(found)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
