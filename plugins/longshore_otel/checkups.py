"""What `longshore doctor` says of telemetry: what goes where, and whether anybody answers there."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from longshore_otel import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore_otel.settings import Signal

_SECONDS: Final = 3.0
_DEFAULTS: Final = {"grpc": "http://localhost:4317"}
_PORTS: Final = {"http": 80, "https": 443}


def checkups() -> Iterator[tuple[str, bool, str]]:
    """Yield a line for each signal, and for the Pushgateway."""
    for signal in settings.SIGNALS:
        yield signal, *_checkup(signal)
    if settings.pushgateway():
        yield "Pushgateway", *_asked(settings.pushgateway(), settings.PUSHGATEWAY)


def _checkup(signal: Signal) -> tuple[bool, str]:
    if settings.applications_provider(signal) is not None:
        return True, "goes to the provider that the application has set"
    names = settings.exporters(signal)
    if not names:
        return True, "not exported"
    if "otlp" not in names:
        return True, f"exported by {', '.join(names)}"
    protocol = settings.protocol(signal)
    where = settings.endpoint(signal) or _DEFAULTS.get(protocol, "http://localhost:4318")
    fine, told = _asked(where, "OTEL_EXPORTER_OTLP_ENDPOINT")
    return fine, f"{', '.join(names)} ({protocol}): {told}"


def _asked(url: str, variable: str) -> tuple[bool, str]:
    """Tell whether a connection to a URL's host is taken; nothing is sent."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80)
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    except ValueError:
        return False, f"{variable} is no URL; give one such as http://localhost:4318"
    try:
        with socket.create_connection((host, port), _SECONDS):
            return True, f"{shown} answers"
    except OSError as error:
        return False, f"{shown} does not answer: {error}; start it, or set {variable}"
