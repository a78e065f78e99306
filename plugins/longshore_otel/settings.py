"""What is to be exported, and where to: the standard OTEL_* variables, looked at without the SDK."""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import unquote, urlsplit

from longshore import register_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

Signal = Literal["traces", "metrics", "logs"]
SIGNALS: Final[tuple[Signal, ...]] = ("traces", "metrics", "logs")
PUSHGATEWAY: Final = "LONGSHORE_PROMETHEUS_PUSHGATEWAY"
_OURS: Final = re.compile(r"OTEL_|LONGSHORE_PROMETHEUS_")
_PROVIDERS: Final[Mapping[Signal, tuple[str, str]]] = {
    "traces": ("opentelemetry.trace", "get_tracer_provider"),
    "metrics": ("opentelemetry.metrics", "get_meter_provider"),
    "logs": ("opentelemetry._logs", "get_logger_provider"),
}
_NO_PROVIDER: Final = re.compile(r"_?(Proxy|NoOp|Default)(Tracer|Meter|Logger)Provider")
_SHORTEST_SECRET: Final = 6


def exporters(signal: Signal) -> list[str]:
    """Return a signal's exporters: `OTEL_<SIGNAL>_EXPORTER` names them; `otlp` where an endpoint is set."""
    environment = os.environ
    if is_disabled():
        return []
    given = environment.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip()
    if given:
        return [name for word in given.split(",") if (name := word.strip().lower()) not in ("", "none")]
    return ["otlp"] if endpoint(signal) else []


def endpoint(signal: Signal) -> str:
    """Return the OTLP endpoint that the environment names for a signal, or for all; empty for none."""
    environment = os.environ
    own = environment.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", "")
    return own.strip() or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()


def protocol(signal: Signal) -> str:
    """Return the OTLP protocol; the specification's default is `http/protobuf`."""
    environment = os.environ
    own = environment.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", "")
    return (own or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL", "")).strip() or "http/protobuf"


def pushgateway() -> str:
    """Return where metrics are pushed at the end of each run; empty for nowhere."""
    return "" if is_disabled() else os.environ.get(PUSHGATEWAY, "").strip()


def is_disabled() -> bool:
    """Whether `OTEL_SDK_DISABLED` turns all of it off."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def applications_provider(signal: Signal) -> object | None:
    """Return the provider that the application has set up itself, if it has."""
    module, getter = _PROVIDERS[signal]
    api = sys.modules.get(module)
    if api is None:
        return None
    provider: object = getattr(api, getter)()
    return None if _NO_PROVIDER.fullmatch(type(provider).__name__) else provider


def wants(signal: Signal) -> bool:
    """Whether a signal goes anywhere."""
    return applications_provider(signal) is not None or bool(exporters(signal))


def is_wanted() -> bool:
    """Whether somebody said where telemetry goes; it costs some microseconds."""
    return any(wants(signal) for signal in SIGNALS) or bool(pushgateway())


def is_configured() -> bool:
    """Whether there is anything to do."""
    return is_wanted() and is_installed()


@cache
def is_installed() -> bool:
    """Whether the SDK is there."""
    return find_spec("opentelemetry") is not None and find_spec("opentelemetry.sdk") is not None


def fingerprint() -> tuple[object, ...]:
    """Return what is another value when the settings are."""
    providers = tuple(id(applications_provider(signal)) for signal in SIGNALS)
    own = sorted((name, value) for name, value in os.environ.items() if _OURS.match(name))
    return (*providers, *own)


def register_secrets() -> None:
    """Have the keys and passwords among the settings masked wherever they show up."""
    for name, value in os.environ.items():
        if name.startswith("OTEL_EXPORTER_OTLP") and name.endswith("HEADERS"):
            for pair in value.split(","):
                _register(unquote(pair.partition("=")[2].strip()))
        elif (name.startswith("OTEL_EXPORTER_OTLP") and name.endswith("ENDPOINT")) or name == PUSHGATEWAY:
            _register(password_of(value))


def password_of(url: str) -> str:
    """Return the password in a URL, or an empty text."""
    try:
        return unquote(urlsplit(url if "://" in url else f"//{url}").password or "")
    except ValueError:
        return ""


def _register(text: str) -> None:
    for part in {text, text.rpartition(" ")[2]}:  # `Bearer abc` is a secret in its second word
        if len(part) >= _SHORTEST_SECRET:
            register_secret(part)
