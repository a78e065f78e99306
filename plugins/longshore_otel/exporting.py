"""The SDK's providers and exporters, made of the standard OTEL_* variables; trouble is said once."""

from __future__ import annotations

import logging
import os
import threading
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final

from longshore import LongshoreError, redact
from longshore_otel import settings
from longshore_otel.records import OWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_otel.settings import Signal

_log: Final = logging.getLogger(OWN)
_QUEUE: Final = 16_384
"""Spans, or records, that may wait for an exporter, unless OTEL_BSP_MAX_QUEUE_SIZE and its like say else."""
_NOISY: Final = ("opentelemetry.sdk._shared_internal", "opentelemetry.exporter.otlp.proto.grpc.exporter")
_SERVICE: Final = "longshore"


class ExportError(LongshoreError):
    """Telemetry cannot be exported as the settings say."""


class Trouble:
    """What goes wrong with the export of this process: said once, and known to whoever waits."""

    def __init__(self) -> None:
        self.seen = threading.Event()
        self._said = False
        self._lock = threading.Lock()

    def say(self, what: str, seen: object) -> None:
        """Warn, the first time."""
        self.seen.set()
        with self._lock:
            said, self._said = self._said, True
        if not said:
            _log.warning(
                "cannot export %s: %s; runs go on, and what is not sent is lost; "
                "to turn it off: export OTEL_SDK_DISABLED=true",
                redact(what),
                redact(" ".join(str(seen).split())),
            )


class _Ears(logging.Filter):
    """Takes what an exporter logs while it works for us, and keeps it from the application's log."""

    def __init__(self) -> None:
        super().__init__()
        self.here = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is shown."""
        hear: Callable[[str], None] | None = getattr(self.here, "hear", None)
        if hear is None:
            return True
        if record.levelno >= logging.WARNING:
            hear(record.getMessage())
        return False


_ears: Final = _Ears()


def watched(exporter: Any, signal: Signal, trouble: Trouble) -> Any:
    """Have an exporter's trouble said once, with where it was."""
    where = _where(signal, exporter)
    for name in (type(exporter).__module__, *_NOISY):
        logging.getLogger(name).addFilter(_ears)  # adding it twice is adding it once
    inner = _heard(exporter.export, where, trouble)

    def export(*args: Any, **kwargs: Any) -> Any:
        try:
            result, said = inner(*args, **kwargs)
        except Exception as error:
            trouble.say(where, f"{type(error).__name__}: {error}")
            raise
        if getattr(result, "name", "SUCCESS") == "SUCCESS" and not said:
            trouble.seen.clear()
        return result

    exporter.export = export
    return exporter


def _heard(call: Callable[..., Any], where: str, trouble: Trouble) -> Callable[..., tuple[Any, bool]]:
    """Return what makes a call with our ears open, and tells whether there was something to hear."""

    def made(*args: Any, **kwargs: Any) -> tuple[Any, bool]:
        heard: list[str] = []

        def hear(text: str) -> None:
            heard.append(text)
            trouble.say(where, text)

        before, _ears.here.hear = getattr(_ears.here, "hear", None), hear
        try:
            return call(*args, **kwargs), bool(heard)
        finally:
            _ears.here.hear = before

    return made


def _quiet(processor: Any, method: str, signal: Signal, trouble: Trouble) -> Any:
    """Have a processor say once that its queue is full."""
    inner = _heard(getattr(processor, method), signal, trouble)

    def take(item: Any) -> None:
        inner(item)

    setattr(processor, method, take)
    return processor


def exporter(signal: Signal, name: str, trouble: Trouble) -> Any:
    """Return one of the exporters that are installed, by the name that the specification has for it.

    Raises:
        ExportError: There is none of this name.
    """
    word = name
    if name == "otlp":
        protocol = settings.protocol(signal)
        word = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}.get(protocol, "")
        if not word:
            raise ExportError(
                f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol!r} is none that is known here; "
                "to use HTTP: export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
            )
    found = list(entry_points(group=f"opentelemetry_{signal}_exporter", name=word))
    if not found and word == "otlp_proto_grpc":
        raise ExportError(
            "OTLP over gRPC is asked for and not installed; run: pip install "
            "opentelemetry-exporter-otlp-proto-grpc; or: export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
        )
    if not found:
        raise ExportError(
            f"no exporter {name!r} is installed for OTEL_{signal.upper()}_EXPORTER; "
            f"to use OTLP: export OTEL_{signal.upper()}_EXPORTER=otlp"
        )
    return watched(found[0].load()(), signal, trouble)


def resource() -> Any:
    """Return what the telemetry is of: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, or `longshore`."""
    from opentelemetry.sdk.resources import Resource

    made = Resource.create()
    if str(made.attributes.get("service.name", "")).startswith("unknown_service"):
        return made.merge(Resource({"service.name": _SERVICE}))
    return made


def tracer_provider(exporters: list[Any], trouble: Trouble) -> Any:
    """Return a provider that exports spans in batches."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=resource(), shutdown_on_exit=False)
    for one in exporters:
        made = BatchSpanProcessor(one, max_queue_size=_queue("OTEL_BSP_MAX_QUEUE_SIZE"))
        provider.add_span_processor(_quiet(made, "on_end", "traces", trouble))
    return provider


def logger_provider(exporters: list[Any], trouble: Trouble) -> Any:
    """Return a provider that exports log records in batches."""
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider(resource=resource(), shutdown_on_exit=False)
    for one in exporters:
        made = BatchLogRecordProcessor(one, max_queue_size=_queue("OTEL_BLRP_MAX_QUEUE_SIZE"))
        provider.add_log_record_processor(_quiet(made, "on_emit", "logs", trouble))
    return provider


def meter_provider(exporters: list[Any], readers: list[Any]) -> Any:
    """Return a provider that exports metrics now and then."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    periodic = [PeriodicExportingMetricReader(one) for one in exporters]
    return MeterProvider([*periodic, *readers], resource=resource(), shutdown_on_exit=False)


def _queue(name: str) -> int | None:
    return None if os.environ.get(name) else _QUEUE


def _where(signal: Signal, exporter: Any) -> str:
    endpoint = getattr(exporter, "_endpoint", "")
    if not isinstance(endpoint, str) or not endpoint:
        return signal
    scheme, slashes, rest = endpoint.rpartition("://")
    host, slash, path = rest.partition("/")
    return (
        f"{signal} to {scheme}{slashes}{host.rpartition('@')[2]}{slash}{path} (OTEL_EXPORTER_OTLP_ENDPOINT)"
    )
