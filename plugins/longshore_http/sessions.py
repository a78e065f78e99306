"""Where requests leave the process: one session for each process and connection."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from longshore import ConfigurationError, require
from longshore_http.auth import plain
from longshore_http.connections import HttpConnection, split

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from longshore_http.bodies import Body

_MOST_SESSIONS: Final = 64
_sessions: dict[tuple[int, HttpConnection], requests.Session] = {}


def session_for(connection: HttpConnection) -> requests.Session:
    """Return this process's session for a connection; a forked process makes its own.

    All threads share it: nothing in a session changes after it was made, and its pools of sockets have locks.
    """
    key = (os.getpid(), connection)
    session = _sessions.get(key)
    if session is None:
        require("requests", extra="http")
        from longshore_http.transport import make_session

        session = _sessions.setdefault(key, make_session(connection))
        for oldest in list(_sessions)[:-_MOST_SESSIONS]:  # one in use lives on until its answer is read
            _sessions.pop(oldest, None)
    return session


def transmit(
    connection: HttpConnection,
    method: str,
    url: str,
    params: tuple[tuple[str, str], ...],
    headers: Mapping[str, str],
    body: Body | None,
) -> requests.Response:
    """Send one request and return its answer, the body still to be read; follow nothing, repeat nothing."""
    return session_for(connection).send(
        _prepared(method, url, params, headers, body),
        stream=True,
        allow_redirects=False,
        timeout=(connection.connect_timeout, connection.read_timeout),
        verify=_verify(connection),
        cert=_certificate(connection),
        proxies=_proxies(connection, url),
    )


def _prepared(
    method: str, url: str, params: tuple[tuple[str, str], ...], headers: Mapping[str, str], body: Body | None
) -> requests.PreparedRequest:
    parts = split(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
    library = require("requests", extra="http")
    prepared: requests.PreparedRequest = library.Request(
        method, bare, dict(headers), params=list(params)
    ).prepare()
    if body is not None:
        content, length = body.open()
        prepared.body = content  # type: ignore[assignment]  # the stubs know no streams
        prepared.headers["Content-Length"] = str(length)
    return prepared


def _verify(connection: HttpConnection) -> bool | str:
    if connection.verify is True and connection.use_environment:
        return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    return (
        connection.verify if isinstance(connection.verify, bool) else _existing("verify", connection.verify)
    )


def _certificate(connection: HttpConnection) -> Any:
    if connection.certificate is None:
        return None
    if connection.certificate_key is None:
        return _existing("certificate", connection.certificate)
    key = _existing("certificate_key", connection.certificate_key)
    return _existing("certificate", connection.certificate), key


def _existing(field: str, path: str | Path) -> str:
    if not Path(path).exists():
        raise ConfigurationError(f"HttpConnection({field}={str(path)!r}): there is no such file here")
    return str(path)


def _proxies(connection: HttpConnection, url: str) -> dict[str, str]:
    if connection.public_only:
        return {}
    if connection.proxies or not connection.use_environment:
        return {scheme: plain(proxy) for scheme, proxy in connection.proxies.items()}
    found: dict[str, str] = require("requests.utils", extra="http").get_environ_proxies(url, no_proxy=None)
    return found
