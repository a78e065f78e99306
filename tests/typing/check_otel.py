"""What a type checker sees of telemetry. Checked by mypy and pyright, never run."""

from __future__ import annotations

from typing import assert_type

from longshore import current
from longshore_otel import flush_telemetry, trace_id

assert_type(flush_telemetry(3), bool)
assert_type(trace_id("4bf92f3577b34da6a3ce929d0e0e4736"), str)
assert_type(current.environment(), dict[str, str])

trace_id(7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
