"""`HttpRequest` and its short forms: one request, one answer."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

from longshore import ConfigurationError, Delay, Exponential, Secret, Task, field
from longshore_http.bodies import UNSET, Fields, Files, make_body, pairs
from longshore_http.client import SAFE_METHODS, Answer, Request, exchange
from longshore_http.connections import HttpConnection, checked_headers
from longshore_http.headers import Headers
from longshore_http.idempotency import key_for
from longshore_http.responses import HttpResponse, read_excerpt, read_response
from longshore_http.statuses import SUCCESSFUL, Statuses, check_statuses, status_error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

R = TypeVar("R")

MiB: Final = 1024 * 1024
NO_HEADERS: Final = Headers[str | Secret]()


class HttpCall(Task[R], Generic[R]):
    """What `HttpRequest`, `HttpJson` and `HttpText` have in common.

    Retries are the task's own, and the only ones. Worth another attempt are connections that fail or break,
    408, 425, 429, 500, 502, 503 and 504; a `Retry-After` is waited for, up to an hour. A request that may
    have been carried out is sent again only if that is safe: GET, HEAD, PUT, DELETE and OPTIONS, with an
    idempotency key, or when the task says `repeatable=True`.

    Args:
        method: The HTTP method.
        connection: How to reach the server, and who we are.
        headers: Sent over the connection's; values may be a `Secret`.
        accept: Statuses that are a success.
        max_size: Bytes that the body of an answer may have, decompressed.
        idempotency_key: True sends a UUID as `Idempotency-Key`, the same in all attempts of a call; a string
            names another header.
        timeout: Seconds for an attempt in all, as `read_timeout` starts anew with each byte.
        repeatable: True by itself where repeating is safe.
    """

    method: str = field(default="GET", kw_only=False)
    connection: HttpConnection = HttpConnection()
    headers: Mapping[str, str | Secret] = NO_HEADERS
    accept: Statuses = SUCCESSFUL
    max_size: int = 16 * MiB
    idempotency_key: bool | str = False
    retries: int = 3
    retry_delay: Delay = Exponential(base=0.5, cap=30.0)
    timeout: float | None = 300.0
    repeatable: bool = False

    def check(self) -> None:
        if not self.method.isascii() or not self.method.isalpha():
            raise ConfigurationError(
                f"{self.name}(method={self.method!r}): give a method, as 'GET' or 'POST'"
            )
        object.__setattr__(self, "method", self.method.upper())
        object.__setattr__(self, "headers", checked_headers(self.headers, self.name))
        object.__setattr__(self, "repeatable", self.repeatable or self._is_safe())
        check_statuses(self.name, self.accept)

    def _is_safe(self) -> bool:
        return self.method.upper() in SAFE_METHODS or bool(self.idempotency_key)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with other fields; whether it is repeatable follows a new method or key.

        Raises:
            ArgumentError: There is no field of that name.
        """
        if {"method", "idempotency_key"} & changes.keys() and self._is_safe():
            changes.setdefault("repeatable", False)
        return super().replace(**changes)

    def run(
        self,
        url: str | Secret,
        *,
        params: Fields | None = None,
        json: Any = UNSET,
        form: Fields | None = None,
        files: Files | None = None,
        body: bytes | str | Path | None = None,
    ) -> R:
        """Send the request and return the answer.

        Args:
            url: Absolute, or relative to the connection's `base_url`; a `Secret` where the URL is a
                credential.
            params: Added to the URL's query; a list gives one name several values.
            json: Sent as JSON; a `Secret` inside is resolved.
            form: Sent as a form.
            files: Sent with the form as `multipart/form-data`, read from disk as they are sent.
            body: Sent as it is; a path is read as it is sent.

        Raises:
            StatusError: The server answered with a status that is not in `accept`.
            ConnectionFailed: There was no connection, or it broke.
            ReadTimedOut: No byte came for `read_timeout`.
            TooLarge: The body has more than `max_size` bytes.
        """
        request = Request(
            connection=self.connection,
            url=self.connection.resolve(url),
            method=self.method,
            params=tuple(pairs(params or {})),
            headers=self.headers,
            body=make_body(body, json, form, files),
            safe=self.repeatable,
        )
        if request.body is not None and request.method in ("GET", "HEAD"):
            raise ConfigurationError(
                f"cannot {request.label} with a body: it has none; write {type(self).__name__}('POST')"
            )
        return self.read(fetch(self._with_key(request), self.accept, self.max_size))

    @abstractmethod
    def read(self, response: HttpResponse) -> R:
        """Return what this kind of call makes of an answer."""

    def _with_key(self, request: Request) -> Request:
        if not self.idempotency_key:
            return request
        name = self.idempotency_key if isinstance(self.idempotency_key, str) else "Idempotency-Key"
        return replace(request, headers=Headers({**request.headers, name: key_for(request)}))


class HttpRequest(HttpCall[HttpResponse]):
    """Send one request; the result is the whole answer.

    See `HttpCall` for the fields.

    Example:
        >>> token = BearerAuth(token=Secret("env:API_TOKEN"))
        >>> shop = HttpConnection(base_url="https://api.example.com", auth=token)
        >>> HttpRequest("POST", connection=shop, idempotency_key=True)("orders", json={"item": 7}).status
        201
    """

    def read(self, response: HttpResponse) -> HttpResponse:
        """Return the answer."""
        return response


class HttpJson(HttpCall[Any]):
    """Send one request; the result is the answer's JSON.

    See `HttpCall` for the fields.

    Example:
        >>> HttpJson()("https://api.example.com/orders/7")["item"]
        7
    """

    def read(self, response: HttpResponse) -> Any:
        """Return the answer's JSON."""
        return response.json()


class HttpText(HttpCall[str]):
    """Send one request; the result is the answer's text.

    See `HttpCall` for the fields.

    Example:
        >>> HttpText()("https://example.com/robots.txt")
        'User-agent: *'
    """

    def read(self, response: HttpResponse) -> str:
        """Return the answer's text."""
        return response.text


def fetch(request: Request, accept: Statuses, max_size: int) -> HttpResponse:
    """Send a request and return its whole answer.

    Raises:
        StatusError: Its status is not accepted.
    """
    return fetch_from(request, accept, max_size)[0]


def fetch_from(request: Request, accept: Statuses, max_size: int) -> tuple[HttpResponse, str]:
    """Send a request and return its whole answer, and the URL that answered as it is, with secrets.

    Raises:
        StatusError: Its status is not accepted.
    """
    with exchange(request) as answer:
        if answer.status in accept:
            return read_response(answer, max_size), answer.raw_url
        raise refused(answer)


def refused(answer: Answer) -> Exception:
    """Return the error for an answer whose status is not accepted."""
    request, hint = answer.request, ""
    if answer.status in (401, 403) and request.connection.auth is not None:
        sent = bool(answer.authorization)
        hint = (
            "check the connection's credentials"
            if sent
            else "the connection's credentials are for another host"
        )
    excerpt = read_excerpt(answer)
    return status_error(request.label, answer.status, answer.headers, excerpt, safe=request.safe, hint=hint)
