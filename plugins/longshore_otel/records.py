"""Log records of Longshore's loggers, handed to OpenTelemetry with the span that they belong to."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from longshore import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_otel.places import Place

OWN: Final = "longshore.otel"
_SEVERITIES: Final = (
    (50, "FATAL", 21),
    (40, "ERROR", 17),
    (30, "WARN", 13),
    (20, "INFO", 9),
    (0, "DEBUG", 5),
)
_FIELDS: Final = {
    "flow": "flow",
    "run_id": "run.id",
    "step": "step",
    "map_index": "map_index",
    "attempt": "attempt",
}


class Records(logging.Handler):
    """Takes what the `longshore` loggers say.

    Args:
        provider: A logger provider of the SDK.
        place: Tells which span a record belongs to.
    """

    def __init__(self, provider: Any, place: Callable[[logging.LogRecord], Place | None]) -> None:
        super().__init__()
        self.provider = provider
        self._place = place

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record on."""
        if record.name == OWN:
            return
        from opentelemetry._logs import SeverityNumber
        from opentelemetry.context import Context

        from longshore_otel.tracing import context_of

        try:
            place = self._place(record)
            text, number = next((text, n) for level, text, n in _SEVERITIES if record.levelno >= level)
            self.provider.get_logger(record.name).emit(
                timestamp=int(record.created * 1e9),
                context=Context() if place is None else context_of(place),
                severity_number=SeverityNumber(number),
                severity_text=text,
                body=redact(record.getMessage()),
                attributes=_attributes(record),
            )
        except Exception:  # noqa: BLE001 - a record that cannot be exported changes no run
            self.handleError(record)


def is_exported_already() -> bool:
    """Whether a handler of OpenTelemetry's own hears Longshore's loggers."""
    logger: logging.Logger | None = logging.getLogger("longshore")
    while logger is not None:
        if any(type(handler).__module__.startswith("opentelemetry.") for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


def _attributes(record: logging.LogRecord) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, word in _FIELDS.items():
        value = getattr(record, name, None)
        if value is not None and value != "":
            found[f"longshore.{word}"] = redact(value) if isinstance(value, str) else value
    if record.exc_info and record.exc_info[0] is not None:
        found["exception.type"] = record.exc_info[0].__qualname__
        found["exception.message"] = redact(str(record.exc_info[1]))
    if record.exc_text:
        found["exception.stacktrace"] = redact(record.exc_text)
    return found
