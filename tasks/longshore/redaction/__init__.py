"""Mask the values of secrets, in every form they may take, in text, bytes, streams, containers and errors."""

from longshore.redaction.objects import redact_error, redact_value
from longshore.redaction.values import (
    StreamRedactor,
    has_secrets,
    isolated,
    redact,
    redact_bytes,
    register,
    registered,
)

__all__ = [
    "StreamRedactor",
    "has_secrets",
    "isolated",
    "redact",
    "redact_bytes",
    "redact_error",
    "redact_value",
    "register",
    "registered",
]
