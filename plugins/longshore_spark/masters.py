"""The REST server and the page of a standalone master, and the pages of its workers, over HTTP."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from longshore import JobNotFoundError
from longshore_spark.errors import SparkError, SparkUnreachableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from longshore_spark.connections import SparkConnection

_LARGEST: Final = 32 << 20
"""Bytes of an answer that are read at most."""
_PIECE: Final = 64 << 10
_ROUNDS: Final = 6
"""How many times its timeout an answer may take in all."""
_REST_PORT: Final = 6066
_WEB_PORT: Final = 8080
_LEADS: Final = "ALIVE"
_LEADS_NOT: Final = "Current state is not alive"
"""How a master's REST server begins what it answers when it does not lead."""
_REST: Final = "the REST server of a Spark master (spark.master.rest.enabled=true, rest_url)"
_WEB: Final = "the page of a Spark master (spark.master.ui.port, web_url)"


class Master:
    """A standalone master: of several, the one that leads.

    Args:
        connection: Its addresses, and how long an answer may take.
    """

    def __init__(self, connection: SparkConnection) -> None:
        hosts = [place.rpartition(":")[0] for place in connection.master.removeprefix("spark://").split(",")]
        self._timeout = connection.timeout
        self._rest = _urls(connection.rest_url, hosts, _REST_PORT)
        self._web = _urls(connection.web_url, hosts, _WEB_PORT)

    @property
    def page(self) -> str:
        """The URL of its page."""
        return self._web[0]

    def create(self, request: Mapping[str, Any]) -> str:
        """Submit a driver; return its id.

        Raises:
            SparkUnreachableError: No master answers; whether the driver runs is not known then.
            SparkError: It refuses.
        """
        answer = self._ask_leader(self._rest, "POST", "/v1/submissions/create", request)
        if not answer.get("success") or not answer.get("submissionId"):
            raise SparkError(f"cannot submit to {self._rest[0]}: {_said(answer)}", retryable=False)
        return str(answer["submissionId"])

    def status(self, driver: str) -> dict[str, Any]:
        """Return what the master says of a driver.

        Raises:
            JobNotFoundError: It knows none of that id.
            SparkUnreachableError: No master answers.
        """
        answer = self._ask_leader(self._rest, "GET", f"/v1/submissions/status/{driver}")
        if not answer.get("driverState") or answer["driverState"] == "NOT_FOUND":
            raise JobNotFoundError(
                f"the Spark master {self._rest[0]} knows no driver {driver!r}; it has forgotten it, or was "
                "started anew (spark.deploy.recoveryMode keeps drivers, spark.deploy.retainedDrivers more)"
            )
        return answer

    def kill(self, driver: str) -> None:
        """End a driver; one that has ended is no error.

        Raises:
            SparkUnreachableError: No master answers.
        """
        self._ask_leader(self._rest, "POST", f"/v1/submissions/kill/{driver}", {})

    def state(self) -> dict[str, Any]:
        """Return its workers, drivers and applications.

        Raises:
            SparkUnreachableError: No master answers.
        """
        return self._ask_leader(self._web, "GET", "/json/", what=_WEB)

    def _ask_leader(
        self,
        urls: Sequence[str],
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        what: str = _REST,
    ) -> dict[str, Any]:
        """Ask one master after the other, until one answers that leads.

        Another one, or one that reads what it has kept after a start, knows of no drivers.
        """
        unreachable = SparkUnreachableError(f"cannot reach a Spark master: none is named in {urls}")
        for url in urls:
            try:
                answer = self._ask(url, method, path, body, what)
            except SparkUnreachableError as error:
                unreachable = error
                continue
            if _leads(answer):
                return answer
            unreachable = SparkUnreachableError(
                f"cannot use {url}: this Spark master does not lead (yet); wait until it does, or name all "
                "masters in the connection, with commas"
            )
        raise unreachable

    def _ask(
        self, url: str, method: str, path: str, body: Mapping[str, Any] | None, what: str
    ) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        status, content = fetched(f"{url}{path}", self._timeout, method=method, data=data, what=what)
        answer: Any = None
        with suppress(ValueError):
            answer = json.loads(content)
        if not isinstance(answer, dict):
            raise SparkUnreachableError(
                f"cannot use {url}: it answers {method} {path} with HTTP {status} and no JSON; give {what}"
            )
        return cast("dict[str, Any]", answer)


def fetched(
    url: str, timeout: float, *, method: str = "GET", data: bytes | None = None, what: str = "a Spark worker"
) -> tuple[int, bytes]:
    """Return the status and the content of an answer.

    Raises:
        SparkUnreachableError: None came in time.
    """
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    headers = {"Content-Type": "application/json;charset=UTF-8"} if data is not None else {}
    try:
        connection.request(method, target, data, headers)
        answer = connection.getresponse()
        return answer.status, _content(answer, time.monotonic() + _ROUNDS * timeout)
    except (OSError, HTTPException) as error:
        said = str(error) or type(error).__name__
        raise SparkUnreachableError(
            f"cannot reach {parts.scheme}://{parts.netloc} ({said}); look whether {what} listens there"
        ) from error
    finally:
        connection.close()


def _content(answer: HTTPResponse, until: float) -> bytes:
    """Return all of an answer, however it comes in.

    Raises:
        IncompleteRead: The connection was cut.
        TimeoutError: It comes too slowly.
    """
    length, content = answer.length, bytearray()  # some versions of Python count it down
    most = _LARGEST if length is None else min(length, _LARGEST)
    while len(content) < most and (chunk := answer.read1(min(_PIECE, most - len(content)))):
        content += chunk
        if time.monotonic() > until:
            raise TimeoutError("its answer comes too slowly")
    if length is not None and len(content) < most:
        raise IncompleteRead(bytes(content), most - len(content))
    return bytes(content)


def _urls(given: str | None, hosts: Sequence[str], port: int) -> list[str]:
    return [given.rstrip("/")] if given else [f"http://{host}:{port}" for host in hosts]


def _leads(answer: Mapping[str, Any]) -> bool:
    return _LEADS_NOT not in str(answer.get("message")) and answer.get("status", _LEADS) == _LEADS


def _said(answer: Mapping[str, Any]) -> str:
    """Return what a master says against something, without its stack trace."""
    lines = str(answer.get("message") or "it does not say why").strip().splitlines()
    return lines[0].strip() if lines else "it does not say why"
