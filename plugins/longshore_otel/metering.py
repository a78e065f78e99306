"""Metrics, by OpenTelemetry's API. Their labels are flow, step, state and direction, and never an id."""

from __future__ import annotations

from typing import Any, Final

from longshore_otel.tracing import SCOPE

_BOUNDS: Final = (0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21600, 86400)
_SECONDS: Final = {
    "longshore.run.duration": "how long runs of a flow took",
    "longshore.run.queue.duration": "how late runs of a flow began, after they were due",
    "longshore.step.duration": "how long steps took, with all their attempts",
    "longshore.step.queue.duration": "how long steps waited, after all that they need was there",
    "longshore.attempt.duration": "how long single attempts took",
}
_COUNTS: Final = {
    "longshore.attempts": ("{attempt}", "attempts that are over"),
    "longshore.retries": ("{retry}", "attempts that failed and are made again"),
    "longshore.failures": ("{failure}", "steps, and parts of mapped ones, that failed for good"),
    "longshore.dataset.bytes": ("By", "bytes that steps said they read and wrote"),
    "longshore.dataset.rows": ("{row}", "rows that steps said they read and wrote"),
}


class Metering:
    """Counts and measures with a provider.

    Args:
        provider: A meter provider of the SDK.
    """

    def __init__(self, provider: Any) -> None:
        self.provider = provider
        meter = provider.get_meter(SCOPE)
        self._made: dict[str, Any] = {
            name: meter.create_histogram(
                name, unit="s", description=about, explicit_bucket_boundaries_advisory=_BOUNDS
            )
            for name, about in _SECONDS.items()
        }
        for name, (unit, about) in _COUNTS.items():
            self._made[name] = meter.create_counter(name, unit=unit, description=about)

    def took(self, name: str, seconds: float, **labels: str) -> None:
        """Measure a duration."""
        self._made[name].record(max(0.0, seconds), _labels(labels))

    def count(self, name: str, number: int, **labels: str) -> None:
        """Count."""
        self._made[name].add(number, _labels(labels))


def _labels(labels: dict[str, str]) -> dict[str, str]:
    return {f"longshore.{name}": value for name, value in labels.items()}
