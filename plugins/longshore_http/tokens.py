"""OAuth2 tokens by client credentials: fetched once, kept for the process, fetched again when they end."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus, urlencode

from longshore import current, register_secret
from longshore_http.auth import OAuth2ClientCredentials, basic
from longshore_http.bodies import Body
from longshore_http.client import Answer, Request, exchange
from longshore_http.errors import RequestCancelled, TokenError
from longshore_http.headers import Headers
from longshore_http.masking import show_text, show_url
from longshore_http.statuses import is_worth_retrying, retry_after

if TYPE_CHECKING:
    from longshore_http.connections import HttpConnection

_MOST_BYTES: Final = 1024 * 1024
_LEEWAY: Final = 30.0
"""Seconds before its end that a token is not used any more: a request takes time, and clocks differ."""


@dataclass(slots=True)
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    header: str = ""
    ends: float = 0.0

    def usable(self) -> str:
        return self.header if time.monotonic() < self.ends else ""


_slots: dict[tuple[int, HttpConnection], _Slot] = {}


def _slot(connection: HttpConnection) -> _Slot:
    return _slots.setdefault((os.getpid(), connection), _Slot())


def token_for(connection: HttpConnection, auth: OAuth2ClientCredentials) -> str:
    """Return the Authorization header, with a token that lives for a while yet.

    Raises:
        TokenError: The OAuth2 server gave none.
        HttpError: It was not reached.
    """
    slot = _slot(connection)
    if header := slot.usable():
        return header
    while not slot.lock.acquire(timeout=0.2):
        if current.cancelled:
            raise RequestCancelled(
                f"cannot get a token from {show_url(auth.token_url)!r}: the attempt was told to stop"
            )
    try:
        if not slot.usable():
            answer = _fetch(connection, auth)
            lifetime = answer["expires_in"]
            slot.header = f"Bearer {answer['access_token']}"
            slot.ends = time.monotonic() + max(lifetime - _LEEWAY, lifetime / 2)
        return slot.header
    finally:
        slot.lock.release()


def forget_token(connection: HttpConnection, header: str) -> bool:
    """Do not use a token again that a server has refused; return whether it was one of ours.

    Another thread may have fetched a new one meanwhile, which stays.
    """
    slot = _slot(connection)
    with slot.lock:
        if slot.header == header:
            slot.ends = 0.0
    return bool(slot.header)


def _fetch(connection: HttpConnection, auth: OAuth2ClientCredentials) -> dict[str, Any]:
    form = {"grant_type": "client_credentials", "scope": auth.scope, "audience": auth.audience}
    headers: dict[str, str] = {"Accept": "application/json"}
    secret = auth.client_secret.get()
    if auth.send == "header":
        headers["Authorization"] = basic(quote_plus(auth.client_id), quote_plus(secret))
    else:
        form |= {"client_id": auth.client_id, "client_secret": secret}
    request = Request(
        connection=replace(connection, base_url="", headers=Headers(), auth=None, max_redirects=0),
        url=auth.token_url,
        method="POST",
        headers=Headers(headers),
        body=Body(
            (urlencode({name: value for name, value in form.items() if value}).encode(),),
            "application/x-www-form-urlencoded",
        ),
        safe=True,  # asking twice gives two tokens, and nothing else
    )
    with exchange(request) as answer:
        data = bytearray()
        for chunk in answer.chunks():
            data += chunk
            if len(data) > _MOST_BYTES:
                raise _refused(auth, f"the answer is over {_MOST_BYTES} bytes", retryable=False)
        return _read(auth, answer, bytes(data))


def _read(auth: OAuth2ClientCredentials, answer: Answer, data: bytes) -> dict[str, Any]:
    if answer.status != 200:
        error = _refused(
            auth,
            f"the server answered {answer.status}: {show_text(data)!r}; check id, secret and scope",
            retryable=is_worth_retrying(answer.status),
        )
        error.retry_after = retry_after(answer.headers)
        raise error
    try:
        found = json.loads(data)
        token, kind = str(found["access_token"]), str(found.get("token_type", "bearer"))
        lifetime = float(found.get("expires_in") or 3600)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise _refused(auth, "the answer has no access_token in JSON", retryable=False) from None
    register_secret(token)
    if kind.lower() != "bearer":
        raise _refused(auth, f"the token is of type {kind!r}, not bearer", retryable=False)
    return {"access_token": token, "expires_in": lifetime}


def _refused(auth: OAuth2ClientCredentials, why: str, *, retryable: bool) -> TokenError:
    error = TokenError(f"cannot get an OAuth2 token from {show_url(auth.token_url)!r}: {why}")
    error.retryable = retryable
    return error
