"""The only file that meets OpenLineage's client: its transports, their settings and errors."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from longshore import redact, register_secret, require
from longshore_openlineage.senders import Refused, Unreachable
from longshore_openlineage.settings import SHORTEST_SECRET, register_password, secret_texts

if TYPE_CHECKING:
    from collections.abc import Generator

    from openlineage.client import OpenLineageClient
    from openlineage.client.transport import Transport

    from longshore_openlineage.facts import Fact


class ClientBackend:
    """Sends by OpenLineage's client, with its transports, filters, tags and facets.

    Args:
        client: The client.
    """

    def __init__(self, client: OpenLineageClient) -> None:
        self._client = client
        self.where = ", ".join(filter(None, map(_where, _transports(client.transport))))
        client.transport = cast("Transport", _Clean(client.transport))

    def emit(self, fact: Fact) -> None:
        """Send one event."""
        from longshore_openlineage.events import event_of

        event = event_of(fact)
        try:
            self._client.emit(event)
        except Exception as error:
            status = getattr(getattr(error, "response", None), "status_code", None)
            text = f"{type(error).__name__}: {error}"
            if isinstance(status, int) and 400 <= status < 500 and status not in (408, 425, 429):
                raise Refused(text) from error
            reached = status is not None or not isinstance(error, OSError)
            raise Unreachable(text, answered=reached) from error

    def close(self, seconds: float) -> None:
        """Let go of connections."""
        close = getattr(self._client, "close", None)  # older clients have none
        if close is not None:
            close(seconds)


def connect() -> ClientBackend | None:
    """Open what the settings say; None when they say nothing of a transport.

    Raises:
        MissingExtraError: The client is not installed.
    """
    require("openlineage.client", extra="openlineage")
    client = _client()
    if client is None:
        return None
    for transport in _transports(client.transport):
        config: Any = getattr(transport, "config", None)
        if hasattr(config, "retry"):
            config.retry = {"total": False}  # what fails is tried again here, with longer pauses
    return ClientBackend(client)


def _client() -> OpenLineageClient | None:
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.noop import NoopConfig, NoopTransport

    with _same_environment():
        settings = OpenLineageClient(transport=NoopTransport(NoopConfig())).config
    transport: dict[str, Any] = settings.transport or {}
    for text in secret_texts(transport):
        if len(text) >= SHORTEST_SECRET:
            register_secret(text)
    if not transport.get("type") and not os.environ.get("OPENLINEAGE_URL"):
        return None  # the client would print each event
    with _same_environment():
        return OpenLineageClient()


@contextmanager
def _same_environment() -> Generator[None]:
    """Take back what the client writes into the environment: its URL and key, in other words."""
    before = set(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - before:
            if name.startswith("OPENLINEAGE__"):
                del os.environ[name]


class _Clean:
    """A transport that sends no password: Git's remotes, which the client adds to events, may have one.

    Args:
        inner: What sends.
    """

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.kind = inner.kind

    def emit(self, event: Any) -> Any:
        """Send an event."""
        facets: dict[str, Any] = event.job.facets or {}
        place = facets.get("sourceCodeLocation")
        for name in ("url", "repoUrl"):
            url = getattr(place, name, None)
            if isinstance(url, str) and "://" in url:
                scheme, rest = url.split("://", 1)
                host, slash, path = rest.partition("/")
                setattr(place, name, redact(f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"))
        return self._inner.emit(event)

    def close(self, timeout: float = -1.0) -> bool:
        """Close it."""
        return self._inner.close(timeout)


def _transports(transport: Any) -> list[Any]:
    """Return a transport, and those that it is made of."""
    inner = getattr(transport, "transports", None)
    if not isinstance(inner, list):
        return [transport]
    return [one for part in cast("list[Any]", inner) for one in _transports(part)]


def _where(transport: Any) -> str:
    url = getattr(transport, "url", "")
    if isinstance(url, str) and url:
        register_password(url)
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return str(getattr(transport, "kind", "") or "")


def checkup() -> tuple[bool, str]:
    """Tell whether the settings make a transport, and which; nothing is sent."""
    try:
        backend = connect()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the settings
        return False, redact(f"cannot be made from the settings: {type(error).__name__}: {error}")
    if backend is None:
        return False, "the settings name none; give transport.type, or set OPENLINEAGE_URL"
    return True, redact(backend.where)
