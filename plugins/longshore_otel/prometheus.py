"""Prometheus: metrics that it fetches, and metrics that are pushed to a Pushgateway."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

from longshore import require
from longshore_otel import settings
from longshore_otel.exporting import ExportError, resource

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_otel.exporting import Trouble

_TIMEOUT: Final = 4.0
_PORT: Final = "9464"


class Prometheus:
    """A reader of metrics, in a registry of its own."""

    def __init__(self) -> None:
        exporter = require("opentelemetry.exporter.prometheus", extra="otel")
        client = require("prometheus_client", extra="otel")
        self.reader: Any = exporter.PrometheusMetricReader()
        self.registry: Any = client.CollectorRegistry()
        self.registry.register(self.reader._collector)
        self._server: Any = None

    def serve(self) -> None:
        """Answer Prometheus where OTEL_EXPORTER_PROMETHEUS_HOST and _PORT say.

        Raises:
            ExportError: The port cannot be opened.
        """
        from prometheus_client import start_http_server

        host = os.environ.get("OTEL_EXPORTER_PROMETHEUS_HOST") or "localhost"
        port = os.environ.get("OTEL_EXPORTER_PROMETHEUS_PORT") or _PORT
        try:
            self._server, _ = start_http_server(int(port), host, self.registry)
        except (OSError, ValueError, OverflowError) as error:
            raise ExportError(
                f"cannot listen for Prometheus on {host}:{port}: {error}; "
                "give another port: export OTEL_EXPORTER_PROMETHEUS_PORT=9465"
            ) from error

    def push(self, trouble: Trouble) -> None:
        """Replace what the Pushgateway has of this service on this host; trouble is said."""
        client = require("prometheus_client", extra="otel")
        url, handler = _target(settings.pushgateway())
        service = str(resource().attributes["service.name"])
        try:
            client.push_to_gateway(
                url, service, self.registry, {"instance": socket.gethostname()}, _TIMEOUT, handler
            )
        except Exception as error:  # noqa: BLE001 - whatever the gateway answers
            trouble.say(f"metrics to {url} ({settings.PUSHGATEWAY})", f"{type(error).__name__}: {error}")
        else:
            trouble.seen.clear()

    def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _target(url: str) -> tuple[str, Callable[..., Any]]:
    """Return a URL without user and password, and what sends, with them."""
    from prometheus_client.exposition import basic_auth_handler, default_handler

    parts = urlsplit(url if "://" in url else f"http://{url}")
    clean = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    if not parts.username:
        return clean, default_handler
    user, password = unquote(parts.username), unquote(parts.password or "")

    def send(url: str, method: str, timeout: float | None, headers: Any, data: bytes) -> Callable[[], None]:
        return basic_auth_handler(url, method, timeout, headers, data, user, password)

    return clean, send
