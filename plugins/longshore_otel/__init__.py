"""Telemetry: traces, metrics and logs of flows and steps, exported by OpenTelemetry and to Prometheus.

Nothing is to be called: set `OTEL_EXPORTER_OTLP_ENDPOINT`, or other of OpenTelemetry's standard variables,
and each run of a flow is a trace, with spans for its steps, attempts and jobs. An application that has set
up providers of its own need set nothing. Without either, it does nothing and imports nothing.

Example:
    >>> os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://localhost:4318"
    >>> nightly.run()
"""

from __future__ import annotations

from longshore_otel.pipelines import flush_telemetry
from longshore_otel.places import trace_id

__all__ = ["flush_telemetry", "trace_id"]
