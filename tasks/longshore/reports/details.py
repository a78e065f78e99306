"""What a page tells of each step: attempts, jobs, result, error, log; and of the failures all at once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from longshore.histories import is_state
from longshore.quantities import clock, duration, many, size
from longshore.readings import as_plain, as_text, result_text
from longshore.reports.markup import Child, Markup, element, join
from longshore.reports.tones import badge, gist, title
from longshore.states import Failed, TriggerFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from longshore.announcements import Announcement
    from longshore.histories import PastAttempt, RunHistory, StepHistory, Unit
    from longshore.stores.records import JobRecord, LogRecord, StoredResult

_FAILURES: Final = 10
_CHILDREN: Final = 100
_LINES: Final = 200  # of one step's log
_ALL_LINES: Final = 2_000
_RESULT: Final = 4_000  # characters


def failures(history: RunHistory, anchors: Mapping[str, str]) -> Child:
    """Return the steps that failed of themselves, with their errors; None when there are none."""
    failed = [
        (anchors[step.record.step], unit)
        for step in history.steps
        for unit in (step.children or (step,))
        if is_state(unit.record.state, Failed) and not is_state(unit.record.state, TriggerFailed)
    ]
    if not failed:
        return None
    told = [_failure(anchor, unit) for anchor, unit in failed[:_FAILURES]]
    left = len(failed) - _FAILURES
    more = element("p", f"and {left:,} more, told of with the steps", class_="faint") if left > 0 else None
    return element("div", *told, more, class_="card")


def _failure(anchor: str, unit: Unit) -> Markup:
    record = unit.record
    head = element("h3", element("a", unit.label, href=f"#{anchor}"), " ", badge(record.state))
    trace = None
    if record.traceback:
        trace = element("details", element("summary", "traceback"), element("pre", record.traceback))
    return join(head, element("pre", record.message or record.error or "nothing more is known"), trace)


def step_details(step: StepHistory, anchor: str, logs: Sequence[LogRecord]) -> Markup:
    """Return a step as a line that opens."""
    record = step.record
    took = duration(step.seconds) if step.seconds is not None else ""
    summary = element(
        "summary",
        element("span", title(step), class_="step"),
        badge(record.state),
        element("span", took, class_="time"),
        element("span", gist(step) or record.message.partition("\n")[0], class_="why"),
    )
    parts = list(_inside(step, logs)) or [element("p", "nothing more is known", class_="faint")]
    return element("details", summary, element("div", *parts, class_="inside", id=anchor))


def _inside(step: StepHistory, logs: Sequence[LogRecord]) -> Iterator[Markup]:
    yield from _unit(step)
    if step.children:
        yield element("h3", "its steps")
        yield _children(step)
    if logs:
        yield element("h3", "log")
        yield _log(logs, _LINES, with_step=bool(step.children))
    if step.task:
        after = f", after {', '.join(step.upstream)}" if step.upstream else ""
        yield element("p", "runs ", element("code", step.task), after, class_="faint")


def _unit(unit: Unit) -> Iterator[Markup]:
    record = unit.record
    if record.message:
        yield element("h3", "message")
        yield element("pre", record.message)
    if record.traceback or record.error:
        yield element("h3", "error")
        yield element("pre", record.traceback or record.error)
    if unit.attempts:
        yield element("h3", "attempts")
        yield _table(("", "", "began", "took", ""), map(_attempt, unit.attempts))
    if unit.jobs:
        yield element("h3", "jobs in other systems")
        yield _table(("attempt", "", "key", "handle"), map(_job, unit.jobs))
    if record.result is not None:
        yield element("h3", f"result{_where(record.result)}")
        yield element("pre", _shortened(result_text(record.result)))


def _where(result: StoredResult) -> str:
    if not result.serializer or not result.place:
        return ""
    return f", {size(result.size)} in {result.place} ({result.serializer})"


def _shortened(text: str) -> str:
    left = len(text) - _RESULT
    return text if left <= 0 else f"{text[:_RESULT]}\n... and {many(left, 'character')} more"


def _attempt(attempt: PastAttempt) -> list[Child]:
    took = "" if attempt.ended is None else duration(attempt.ended - attempt.began)
    return [str(attempt.number), badge(attempt.state), clock(attempt.began), took, attempt.message]


def _job(job: JobRecord) -> list[Child]:
    handle = as_text(as_plain(job.handle)) if job.handle else ""
    return [str(job.attempt), job.state, element("code", job.key), element("code", handle)]


def _children(step: StepHistory) -> Markup:
    failed_first = sorted(step.children, key=lambda unit: not is_state(unit.record.state, Failed))
    rows = [_child(unit) for unit in failed_first[:_CHILDREN]]
    left = len(failed_first) - _CHILDREN
    more = element("p", f"and {left:,} more", class_="faint") if left > 0 else None
    return join(_table(("", "", "took", "attempts", ""), rows), more)


def _child(unit: Unit) -> list[Child]:
    record = unit.record
    took = duration(unit.seconds) if unit.seconds is not None else ""
    said = record.message or (_shortened(result_text(record.result))[:200] if record.result else "")
    return [unit.label, badge(record.state), took, str(record.attempt), said]


def announcements(told: Sequence[Announcement]) -> Child:
    """Return what channels were told of the run; None when there was nothing to tell."""
    if not told:
        return None
    rows = [
        (one.channel, one.step or "the run", one.status, f"{one.count:,}",
         clock(one.told) if one.told is not None else "", one.when or one.message)
        for one in told
    ]  # fmt: skip
    return element("div", _table(("channel", "of", "", "alerts", "told", ""), rows), class_="card")


def _table(head: Sequence[str], rows: Iterable[Sequence[Child]]) -> Markup:
    header = element("tr", *(element("th", word) for word in head))
    body = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    return element("div", element("table", element("thead", header), element("tbody", *body)), class_="table")


def whole_log(logs: Sequence[LogRecord]) -> Child:
    """Return what is kept of a run's log, to be opened; None when that is nothing."""
    if not logs:
        return None
    summary = element("summary", many(len(logs), "line"))
    return element("details", summary, _log(logs, _ALL_LINES, with_step=True), class_="card")


def _log(logs: Sequence[LogRecord], most: int, *, with_step: bool) -> Markup:
    lines = [_line(line, with_step=with_step) for line in logs[-most:]]
    left = len(logs) - most
    first = element("span", f"{left:,} lines before", class_="faint") if left > 0 else None
    return element("pre", first, *lines, class_="log")


def _line(line: LogRecord, *, with_step: bool) -> Markup:
    tone = "bad" if line.level >= logging.ERROR else "doubt" if line.level >= logging.WARNING else None
    index = f"[{line.map_index}]" if line.map_index >= 0 else ""
    label = f"{line.step}{index} | " if with_step else ""
    time = element("time", clock(line.time)[11:], class_="faint")
    return element("span", time, f" {label}{line.text}", class_=tone)
