"""What this integration offers."""

from __future__ import annotations

import logging
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from longshore import hookimpl
from longshore_otel import pipelines, settings, surroundings
from longshore_otel.ledgers import Ledger
from longshore_otel.places import place_of_run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from longshore import Attempt, Dataset, FlowRun, State, Subject
    from longshore_otel.records import Records

_IN_A_WORKER: Final = 2.0
"""Seconds that a run inside a worker process waits for its spans: workers end without a word."""
_log: Final = logging.getLogger("longshore")
_own_log: Final = logging.getLogger("longshore.otel")
_ledger = Ledger()
_handlers: list[Records] = []
"""What exports log records, while a run goes on: one, or none."""
_running: set[str] = set()


def _after_fork() -> None:
    global _ledger
    _ledger = Ledger()
    _running.clear()
    _hear_no_more()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@hookimpl
def longshore_watches() -> bool:
    """Watch only where somebody said where telemetry goes."""
    if settings.is_wanted() and not settings.is_installed():
        _say_missing()
    return settings.is_configured()


@cache
def _say_missing() -> None:
    _own_log.warning(
        "cannot export telemetry: opentelemetry-sdk is not installed; run: pip install 'longshore[otel]'"
    )


@hookimpl
def longshore_run_started(run: FlowRun) -> None:
    """Take note of a run."""
    if not settings.is_configured():
        return
    pipeline = pipelines.pipeline()
    if _abort not in pipelines.before_the_end:
        pipelines.before_the_end.append(_abort)
    parent = surroundings.place_around()
    place = place_of_run(run.run_id, run.ends, parent)
    if pipeline.tracing is not None and not pipeline.tracing.is_sampled(run.flow.name, place, parent):
        place = place.unsampled()
    _ledger.begin(run, pipeline, place, parent)
    _listen(run.run_id, pipeline.logs)


def _listen(run_id: str, provider: Any) -> None:
    if provider is None:
        return
    from longshore_otel.records import Records, is_exported_already

    _running.add(run_id)
    if not is_exported_already() and not _handlers:
        handler = Records(provider, lambda record: _ledger.place_of_record(record))
        _handlers.append(handler)
        _log.addHandler(handler)


def _hear_no_more() -> None:
    while _handlers:
        _log.removeHandler(_handlers.pop())


def _abort() -> None:
    _ledger.abort()


@hookimpl
def longshore_state_changed(subject: Subject, new: State) -> None:
    """Take note of a transition."""
    if not surroundings.is_inside(subject.run_id):
        _ledger.changed(subject, new)


@hookimpl
def longshore_dataset(subject: Subject, dataset: Dataset) -> None:
    """Count what a step read or wrote."""
    _ledger.named(subject, dataset)


@hookimpl
def longshore_environment(attempt: Attempt) -> dict[str, str]:
    """Hand the trace on."""
    place = surroundings.place_here(attempt) if attempt.name else _ledger.place_of_run(attempt.run_id)
    return {} if place is None else surroundings.variables_here(place)


@hookimpl
def longshore_around_attempt(attempt: Attempt) -> AbstractContextManager[object] | None:
    """Make the attempt's span the current one."""
    place = surroundings.place_here(attempt)
    return None if place is None else surroundings.within(attempt, place)


@hookimpl
def longshore_run_finished(run: FlowRun) -> None:
    """Hear no more log records when it was the last run."""
    _running.discard(run.run_id)
    if not _running:
        _hear_no_more()
    if _is_a_worker() and settings.is_configured():
        pipelines.flush_telemetry(_IN_A_WORKER)


def _is_a_worker() -> bool:
    processes = sys.modules.get("multiprocessing.process")  # a worker has it; others need not load it
    return processes is not None and processes.parent_process() is not None


@hookimpl
def longshore_doctor() -> Iterable[tuple[str, bool, str]]:
    """Look for the SDK, tell what goes where, and whether the endpoints answer."""
    found = settings.is_installed()
    told = "installed" if found else "not installed; run: pip install 'longshore[otel]'"
    yield "opentelemetry-sdk", found or not settings.is_wanted(), told
    if not settings.is_wanted():
        yield (
            "telemetry", True,
            "nothing is set, so none is exported; to export it: export OTEL_EXPORTER_OTLP_ENDPOINT=http://...",
        )  # fmt: skip
    else:
        from longshore_otel.checkups import checkups

        yield from checkups()
