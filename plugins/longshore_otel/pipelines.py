"""What exports, by the settings as they are: made at the first run, flushed at the end of the process."""

from __future__ import annotations

import atexit
import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from longshore import LongshoreError, require
from longshore_otel import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_otel.exporting import Trouble
    from longshore_otel.metering import Metering
    from longshore_otel.prometheus import Prometheus
    from longshore_otel.settings import Signal
    from longshore_otel.tracing import Tracing

AT_EXIT: Final = 5.0
"""Seconds that the end of the process waits in all for what is not sent yet."""
_IN_TROUBLE: Final = 1.0
"""Seconds of them for an endpoint that is in trouble."""


class Outlet:
    """Flushes one thing in a thread of its own, so that somebody can wait for it, or not.

    Args:
        flush: Sends what waits.
    """

    def __init__(self, flush: Callable[[], object]) -> None:
        self._flush = flush
        self._asked = self._done = 0
        self._changed = threading.Condition()
        threading.Thread(target=self._serve, name="longshore-otel", daemon=True).start()

    def ask(self) -> int:
        """Have all that there is now sent; return a number to wait for."""
        with self._changed:
            self._asked += 1
            self._changed.notify_all()
            return self._asked

    def is_done(self, number: int) -> bool:
        """Whether what was asked for is done."""
        return self._done >= number

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._asked > self._done)
                asked = self._asked
            try:
                self._flush()
            finally:
                self._done = asked


class Pipeline:
    """The providers of one set of settings; what is not wanted, or cannot be made, is None."""

    def __init__(self) -> None:
        from longshore_otel.exporting import Trouble

        self.trouble: Trouble = Trouble()
        self.prometheus: Prometheus | None = None
        self.pushes: Outlet | None = None
        self._outlets: list[Outlet] = []
        self._owned: list[Any] = []
        self.tracing: Tracing | None = self._part("traces", self._tracing)
        self.metering: Metering | None = self._part("metrics", self._metering)
        self.logs: Any = self._part("logs", partial(self._provider, "logs"))

    def flush(self, seconds: float, *, patient: bool = True) -> bool:
        """Wait until all is sent; return whether it is.

        Args:
            seconds: How long at most.
            patient: Whether to wait as long for an endpoint that is in trouble.
        """
        asked = [(outlet, outlet.ask()) for outlet in self._outlets]
        end, troubled = time.monotonic() + seconds, 0.0
        while not all(outlet.is_done(number) for outlet, number in asked):
            now = time.monotonic()
            if self.trouble.seen.is_set() and not patient:
                troubled = troubled or now
                end = min(end, troubled + _IN_TROUBLE)
            if now >= end:
                return False
            time.sleep(0.005)
        return not self.trouble.seen.is_set()

    def close(self) -> None:
        """Let go of threads and ports, without waiting."""
        if self.prometheus is not None:
            self.prometheus.close()
        for provider in self._owned:
            threading.Thread(target=provider.shutdown, daemon=True).start()

    def _part(self, signal: Signal, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except Exception as error:  # noqa: BLE001 - a package that is missing, a setting that is wrong
            said = str(error) if isinstance(error, LongshoreError) else f"{type(error).__name__}: {error}"
            self.trouble.say(signal, said)
            return None

    def _tracing(self) -> Tracing | None:
        from longshore_otel.tracing import Tracing

        provider = self._provider("traces")
        return None if provider is None else Tracing(provider)

    def _metering(self) -> Metering | None:
        from longshore_otel.metering import Metering

        provider = self._provider("metrics")
        return None if provider is None else Metering(provider)

    def _provider(self, signal: Signal) -> Any:
        found = settings.applications_provider(signal)
        if found is not None:
            return found
        names = settings.exporters(signal)
        pulled = signal == "metrics" and "prometheus" in names
        pushed = signal == "metrics" and bool(settings.pushgateway())
        if not names and not pushed:
            return None
        require("opentelemetry.sdk", extra="otel")
        made = self._exporters(signal, [name for name in names if not (pulled and name == "prometheus")])
        readers = self._readers(pulled=pulled, pushed=pushed)
        if not made and not readers:
            return None
        provider = self._made(signal, made, readers)
        self._owned.append(provider)
        if made:
            self._outlets.append(Outlet(provider.force_flush))
        return provider

    def _exporters(self, signal: Signal, names: list[str]) -> list[Any]:
        from longshore_otel.exporting import exporter

        found = (self._part(signal, partial(exporter, signal, name, self.trouble)) for name in names)
        return [one for one in found if one is not None]

    def _made(self, signal: Signal, exporters: list[Any], readers: list[Any]) -> Any:
        from longshore_otel import exporting

        if signal == "metrics":
            return exporting.meter_provider(exporters, readers)
        if signal == "traces":
            return exporting.tracer_provider(exporters, self.trouble)
        return exporting.logger_provider(exporters, self.trouble)

    def _readers(self, *, pulled: bool, pushed: bool) -> list[Any]:
        if not pulled and not pushed:
            return []
        from longshore_otel.prometheus import Prometheus

        self.prometheus = found = Prometheus()
        if pulled:
            self._part("metrics", found.serve)
        if pushed:
            self.pushes = Outlet(partial(found.push, self.trouble))
            self._outlets.append(self.pushes)
        return [found.reader]


_pipeline: tuple[tuple[object, ...], Pipeline] | None = None
_registered = False
_lock = threading.Lock()
before_the_end: list[Callable[[], object]] = []
"""Called when the process ends, before the last flush."""


def pipeline() -> Pipeline:
    """Return what exports by the settings as they are now."""
    global _pipeline, _registered
    seen = settings.fingerprint()
    with _lock:
        if _pipeline is None or _pipeline[0] != seen:
            if _pipeline is not None:
                _pipeline[1].close()
            settings.register_secrets()
            _pipeline = seen, Pipeline()
            if not _registered:
                _registered = True
                atexit.register(_at_exit)
        return _pipeline[1]


def flush_telemetry(seconds: float = 10.0) -> bool:
    """Wait until telemetry is sent, for a notebook or a program that goes on; return whether it is.

    Args:
        seconds: How long to wait at most.
    """
    found = _pipeline
    return True if found is None else found[1].flush(seconds)


def forget() -> None:
    """Begin anew, as a forked child does, or a test: what was there is closed if it is this process's."""
    global _pipeline
    found, _pipeline = _pipeline, None
    if found is not None:
        found[1].close()


def _after_fork() -> None:
    global _lock, _pipeline
    _lock, _pipeline = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _at_exit() -> None:
    for call in before_the_end:
        call()
    found = _pipeline
    if found is not None:
        found[1].flush(AT_EXIT, patient=False)
