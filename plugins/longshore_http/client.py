"""One exchange: what to send, where it may go, redirects, a fresh token, and the answer as it comes."""

from __future__ import annotations

import functools
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from longshore import Secret
from longshore_http.auth import Auth, OAuth2ClientCredentials, basic, plain
from longshore_http.connections import HttpConnection, join, same_place, secret_headers, split
from longshore_http.cutting import Cutter, cuttable
from longshore_http.decoding import decoder_for
from longshore_http.errors import HttpError, RedirectRefused, UrlRefused
from longshore_http.faults import check_whole, guarded, translated
from longshore_http.headers import Headers
from longshore_http.masking import show_url
from longshore_http.sessions import transmit

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    import requests

    from longshore_http.bodies import Body

CHUNK: Final = 64 * 1024
_SAME_METHOD: Final = frozenset({307, 308})
_REDIRECTS: Final = frozenset({301, 302, 303}) | _SAME_METHOD
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
"""Methods that mean the same when they are sent twice (RFC 9110, section 9.2.2)."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request, as it was asked for.

    Args:
        url: Absolute.
        headers: The task's own, over the connection's.
        safe: Whether it may be sent again when nobody knows if it was carried out.
        start: The URL of the first of several requests, whose host is the one that credentials are for; empty
            for `url`.
        encoding: What Accept-Encoding says.
        within: Seconds until the whole answer must be there, redirects included; None for no limit.
    """

    connection: HttpConnection
    url: str
    method: str = "GET"
    params: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str | Secret] = field(default_factory=lambda: Headers[str | Secret]())
    body: Body | None = None
    safe: bool = True
    start: str = ""
    encoding: str = "gzip"
    within: float | None = None

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.method} {show_url(self.url)!r}"


class Answer:
    """An answer whose head has come and whose body is still on the wire."""

    def __init__(self, request: Request, response: requests.Response, cutter: Cutter, began: float) -> None:
        self.request = request
        self.status: int = response.status_code
        self.headers: Headers[str] = Headers(response.headers)
        self.raw_url: str = response.url
        self.authorization = str(response.request.headers.get("Authorization", ""))
        self.began = began
        self._response = response
        self._cutter = cutter

    @property
    def url(self) -> str:
        """The URL that answered, without secrets."""
        return show_url(self.raw_url)

    @property
    def length(self) -> int | None:
        """The announced number of bytes on the wire; None when none was announced."""
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isdecimal() and "Transfer-Encoding" not in self.headers else None

    @property
    def chunked(self) -> bool:
        """Whether the body carries its own end mark."""
        return "chunked" in self.headers.get("Transfer-Encoding", "").lower()

    def chunks(self, *, decode: bool = True) -> Iterator[bytes]:
        """Yield the body as it comes.

        Raises:
            HttpError: The connection broke, stalled or was cut, or the body ended early.
        """
        label, safe = self.request.label, self.request.safe
        decoder = decoder_for(self.headers.get("Content-Encoding", "") if decode else "", label)
        read = functools.partial(self._response.raw.read1, CHUNK, decode_content=False)
        while data := translated(label, self._cutter, read, safe=safe):
            yield from decoder.feed(data)
        check_whole(label, self._cutter)
        translated(label, self._cutter, decoder.finish, safe=safe)

    def close(self) -> None:
        """Give the connection back, or close it when the body was not read to its end."""
        self._response.close()


@contextmanager
def exchange(request: Request) -> Generator[Answer]:
    """Send a request, follow redirects, and yield the answer, whatever its status.

    A 401 to a fetched token is answered with one new token.

    Raises:
        HttpError: There was no answer.
    """
    with cuttable(request.within) as cutter:
        answer = _followed(request, cutter)
        if answer.status == 401 and _forget_token(request.connection, answer.authorization):
            answer.close()
            cutter.sent = False  # whoever refuses a token has carried nothing out
            answer = _followed(request, cutter)
        try:
            yield answer
        finally:
            answer.close()


def _forget_token(connection: HttpConnection, authorization: str) -> bool:
    if not authorization or not isinstance(connection.auth, OAuth2ClientCredentials):
        return False
    from longshore_http.tokens import forget_token

    return forget_token(connection, authorization)


def _followed(request: Request, cutter: Cutter) -> Answer:
    began = time.monotonic()
    hop = request
    for _ in range(request.connection.max_redirects + 1):
        answer = _send(hop, request.start or request.url, cutter, began)
        location = answer.headers.get("Location")
        if answer.status not in _REDIRECTS or not location or not request.connection.max_redirects:
            return answer
        answer.close()
        cutter.sent = (
            answer.status not in _SAME_METHOD
        )  # the others may well follow a request that was carried out
        # http.client decodes headers as Latin-1; UTF-8 is what servers mean.
        target = join(answer.raw_url, location.encode("latin-1").decode("utf-8", "replace"))
        hop = _redirected(hop, answer.status, target, request)
    raise RedirectRefused(
        f"cannot {request.label}: more than {request.connection.max_redirects} redirects, the last to "
        f"{show_url(hop.url)!r}; raise max_redirects of the connection if that is right"
    )


def _redirected(hop: Request, status: int, target: str, request: Request) -> Request:
    if split(hop.url).scheme == "https" and split(target).scheme != "https":
        raise RedirectRefused(
            f"cannot {request.label}: it redirects from https to {show_url(target)!r}, which is not encrypted"
        )
    # As browsers do: 303 makes anything a GET, 301 and 302 a POST.
    to_get = (status == 303 and hop.method != "HEAD") or (status in (301, 302) and hop.method == "POST")
    moved = replace(hop, url=target, params=())
    return replace(moved, method="GET", body=None) if to_get else moved


def _send(hop: Request, start: str, cutter: Cutter, began: float) -> Answer:
    trusted = hop.connection.trusts(hop.url, start)
    try:
        headers = _headers_for(hop, trusted=trusted, same_host=same_place(start, hop.url))
    except HttpError as error:
        raise guarded(error, cutter, safe=hop.safe) from error.__cause__
    send = functools.partial(transmit, hop.connection, hop.method, hop.url, hop.params, headers, hop.body)
    return Answer(hop, translated(hop.label, cutter, send, safe=hop.safe), cutter, began)


def _headers_for(hop: Request, *, trusted: bool, same_host: bool) -> dict[str, str]:
    """Return all headers of one hop; what is secret stays with the host that it is for."""
    found = {"User-Agent": "longshore", "Accept": "*/*", "Accept-Encoding": hop.encoding}
    if hop.body is not None and hop.body.content_type:
        found["Content-Type"] = hop.body.content_type
    own = split(hop.url)
    if own.username is not None and same_host:
        found["Authorization"] = basic(unquote(own.username), unquote(own.password or ""))
    elif hop.connection.auth is not None and trusted:
        found["Authorization"] = _authorization(hop.connection, hop.connection.auth)
    for headers, allowed in ((hop.connection.headers, trusted), (hop.headers, same_host)):
        secret = secret_headers(headers)
        for name, value in headers.items():
            if allowed or name.lower() not in secret:
                _put(found, name, plain(value).strip())
    return found


def _put(headers: dict[str, str], name: str, value: str) -> None:
    """Set a header under any spelling of its name; the value must not show up in the error."""
    if any(ord(character) < 32 and character != "\t" for character in value) or "\x7f" in value:
        raise UrlRefused(
            f"cannot send the header {name!r}: its value has a line break or another control character"
        )
    if any(ord(character) > 255 for character in value):
        raise UrlRefused(f"cannot send the header {name!r}: its value has a character outside Latin-1")
    for known in [known for known in headers if known.lower() == name.lower()]:
        del headers[known]
    headers[name] = value


def _authorization(connection: HttpConnection, auth: Auth) -> str:
    if isinstance(auth, OAuth2ClientCredentials):
        from longshore_http.tokens import token_for

        return token_for(connection, auth)
    return auth.authorization()
