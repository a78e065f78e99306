"""Requests to the JSON API, by `urllib3` and with Google's credentials.

`requests`, which Google's client uses, makes 1,900 small requests a second where `urllib3` alone makes 4,300,
and its media classes copy what they carry. Nothing is retried here: Patience does.
"""

from __future__ import annotations

import json
import logging
import os
import re
import urllib.request
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from hashlib import sha256
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from longshore import ConfigurationError
from longshore_gcs.client import sdk
from longshore_gcs.faults import Aim, translated
from longshore_storage.errors import ServiceError, StorageError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from urllib3 import BaseHTTPResponse

    from longshore_gcs.client import Identity
    from longshore_gcs.connections import GCSConnection

Json = dict[str, Any]
_OK: Final = (200, 201, 204)
_MOST_IDLE: Final = 64
"""Connections that are kept open for the next requests."""
_SESSION: Final = re.compile(r"(upload_id=)[^&\s\"]+")


class _WithoutSessions(logging.Filter):
    """Takes the ids of upload sessions, which are credentials, out of what urllib3 tells at level DEBUG."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                _SESSION.sub(r"\1***", value) if isinstance(value, str) else value for value in record.args
            )
        return True


_FILTER: Final = _WithoutSessions()


class Session:
    """Sends requests; all threads of a process share it.

    Args:
        connection: How.
        client: Google's client of the same settings, for what is not bulk data.
        identity: Who we are.
    """

    def __init__(self, connection: GCSConnection, client: Any, identity: Identity) -> None:
        self.client, self.identity = client, identity
        base = str(client.api_endpoint).rstrip("/")
        self.base = base if "://" in base else f"http://{base}"
        self.encryption = _encryption(connection)
        self._headers = {"User-Agent": "longshore (gzip)"}
        if connection.user_project:
            self._headers["x-goog-user-project"] = connection.user_project
        self._urllib3 = sdk("urllib3")
        self._manager = self._pools(connection)
        logging.getLogger("urllib3.connectionpool").addFilter(_FILTER)  # the same one is added once

    def _pools(self, connection: GCSConnection) -> Any:
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        settings = {
            "maxsize": _MOST_IDLE,
            "timeout": self._urllib3.Timeout(
                connect=connection.connect_timeout, read=connection.read_timeout
            ),
            "ca_certs": bundle or sdk("certifi").where(),
        }
        proxy = _proxy(self.base)
        if proxy:
            return self._urllib3.ProxyManager(proxy, **settings)
        return self._urllib3.PoolManager(**settings)

    def json(
        self, aim: Aim, method: str, path: str, *, query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None, body: Json | None = None,
    ) -> Json:  # fmt: skip
        """Send a request, and return the JSON of its answer."""
        given = dict(headers or {})
        if body is not None:
            given["Content-Type"] = "application/json; charset=UTF-8"
        given["Accept-Encoding"] = "gzip"
        response = self.send(
            aim,
            method,
            path,
            query=query,
            headers=given,
            body=None if body is None else json.dumps(body).encode(),
        )
        return self.parsed(aim, response)

    def parsed(self, aim: Aim, response: BaseHTTPResponse) -> Json:
        """Return the JSON of an answer that was read."""
        try:
            found: Json = json.loads(response.data) if response.data else {}
        except ValueError as error:
            raise _again(ServiceError(aim.cannot(f"the answer of {self.base} is no JSON"))) from error
        return found

    def send(
        self, aim: Aim, method: str, target: str, *, query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None, body: Any = None, accept: Iterable[int] = _OK,
        stream: bool = False,
    ) -> BaseHTTPResponse:  # fmt: skip
        """Send a request.

        Args:
            aim: What it is for.
            method: Of HTTP.
            target: A path, or the URL of an upload session.
            query: Its query.
            headers: Its headers.
            body: Bytes, or several of them with a Content-Length.
            accept: The statuses that are no errors.
            stream: Leave the body to be read; the caller closes the answer.

        Raises:
            StorageError: What the answer means, or that there was none.
        """
        url = target if "://" in target else self.base + target
        if query:
            url += "?" + urlencode(query, safe=",()")
        sent = self._headers | dict(headers or {})
        if urlsplit(url).netloc == urlsplit(self.base).netloc:
            self.identity.authorize(method, url, sent)
            sent |= self._headers  # user_project counts more than what the credentials say
        try:
            response: BaseHTTPResponse = self._manager.urlopen(
                method, url, headers=sent, body=body, retries=False, redirect=False,
                preload_content=not stream, decode_content=not stream,
            )  # fmt: skip
            if response.status not in accept:
                seen = response.data if not stream else response.read(1 << 16, decode_content=True)
                response.close()
                raise translated(aim, response.status, response.headers, seen, self.identity.name)
        except (self._urllib3.exceptions.HTTPError, OSError, HTTPException) as error:
            if isinstance(error, StorageError):
                raise
            raise self.broken(aim, error) from error
        return response

    def broken(self, aim: Aim, error: Exception) -> StorageError:
        """Return what it means that a connection failed."""
        host = urlsplit(self.base).netloc
        kinds = self._urllib3.exceptions
        if isinstance(error, kinds.SSLError):
            return ServiceError(
                aim.cannot(f"the certificate of {host} cannot be trusted ({error}); set REQUESTS_CA_BUNDLE")
            )
        seen = "the connection broke"
        if isinstance(error, kinds.NewConnectionError | kinds.NameResolutionError):
            seen = "there is no connection"
        elif isinstance(error, kinds.TimeoutError | TimeoutError):
            seen = "it did not answer in time"
        return UnreachableError(aim.cannot(f"{host}: {seen} ({type(error).__name__})"))


def _again(error: StorageError) -> StorageError:
    error.retryable = True
    return error


def _proxy(url: str) -> str:
    """Return the proxy that the environment names for a URL; empty for none."""
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.netloc):
        return ""
    proxies = urllib.request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all") or ""


def _encryption(connection: GCSConnection) -> dict[str, str]:
    """Return the headers of a customer's key ("Customer-supplied encryption keys", Cloud Storage docs)."""
    if connection.encryption_key is None:
        return {}
    text = connection.encryption_key.get().strip()
    try:
        key = b64decode(text, validate=True)
    except (NotBase64, ValueError):
        key = b""
    if len(key) != 32:
        raise ConfigurationError(
            f"cannot use {connection.encryption_key!r} as encryption_key: it is no base64 of 32 bytes; "
            "make one with: openssl rand -base64 32"
        )
    return {
        "x-goog-encryption-algorithm": "AES256",
        "x-goog-encryption-key": text,
        "x-goog-encryption-key-sha256": b64encode(sha256(key).digest()).decode(),
    }
