"""`longshore show`: one recorded run, or one of its steps."""

from __future__ import annotations

import json
import shlex
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from longshore.announcements import read_announcements
from longshore.commands.recorded import complete_step, find_unit, in_store, opened, run_argument, store_option
from longshore.commands.runs import as_json, seconds
from longshore.commands.shown import bold, clean, coloured, columns, faint, one_line, table
from longshore.histories import is_state, read_history, short_id
from longshore.quantities import clock, duration, iso, size
from longshore.readings import as_plain, as_text, parameters_of, result_text
from longshore.redaction import redact
from longshore.remedies import next_lines
from longshore.states import Failed, Retrying

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from longshore.announcements import Announcement
    from longshore.histories import PastAttempt, RunHistory, StepHistory, Unit
    from longshore.stores.records import JobRecord, LogRecord

_FAILED_CHILDREN: Final = 5  # of a mapped step, in the table of all steps
_JOBS: Final = 20
_LOG_TAIL: Final = 20  # lines
_RESULT: Final = 400  # characters


@click.command(short_help="Show a recorded run, or one of its steps.")
@run_argument
@click.argument("step", required=False, shell_complete=complete_step)
@store_option
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")
def show(run: str, step: str | None, store: str | None, wants_json: bool) -> None:
    """Show a recorded run: parameters, steps, jobs, what was told of it, and what can be done next.

    RUN is an id or its beginning. With STEP, or STEP[INDEX] for one of a mapped step's: transitions, result,
    error with its traceback, and the end of the log.
    """
    with opened(store) as kept:
        history = read_history(kept, run)
        unit = find_unit(history, step) if step else None
        logs = kept.logs(history.run.run_id, unit.record.step, _index(unit)) if unit else []
        told = read_announcements(kept, history.run.run_id) if unit is None else []
    if wants_json:
        click.echo(json.dumps(_unit_json(unit) if unit else _run_json(history, told)))
    elif unit is None:
        click.echo("\n".join(_run_lines(history, told, in_store(store))))
    else:
        more = f"{short_id(history.run.run_id)} {shlex.quote(unit.label)}{in_store(store)}"
        click.echo("\n".join([*_unit_lines(unit), *_log_tail(logs, f"longshore logs {more}")]))


def _run_lines(history: RunHistory, told: Sequence[Announcement], store: str) -> Iterator[str]:
    run = history.run
    yield _headline(one_line(run.name or run.flow), run.state, seconds(run))
    yield from table(_facts(history), indent="  ")
    if run.message and not is_state(run.state, Failed):
        yield f"  {clean(run.message)}"
    if history.steps:
        yield ""
        yield from table(_step_rows(history), indent="  ")
    jobs = [(unit.label, job) for step in history.steps for unit in step.units for job in unit.jobs]
    if jobs:
        yield f"\n{bold('jobs')}"
        yield from table([_job_row(label, job) for label, job in jobs[:_JOBS]], indent="  ")
    if len(jobs) > _JOBS:
        yield faint(f"  and {len(jobs) - _JOBS:,} more")
    if told:
        yield f"\n{bold('alerts')}"
        yield from table(map(_alert_row, told), indent="  ")
    if run.message and is_state(run.state, Failed):
        yield f"\n{coloured(clean(run.message), run.state)}"
    yield ""
    lines = next_lines(history, store)
    yield from table([(f"{'next:' if not number else ''}", line, faint(f"# {why}"))
                      for number, (line, why) in enumerate(lines)])  # fmt: skip


def _headline(name: str, state: str, took: float | None) -> str:
    return f"{bold(name)}  {coloured(state, state)}{f' in {duration(took)}' if took is not None else ''}"


def _facts(history: RunHistory) -> Iterator[tuple[str, str]]:
    run = history.run
    yield "run", clean(run.run_id)
    if run.name and run.name != run.flow:
        yield "flow", one_line(run.flow)
    if run.target:
        yield "from", one_line(run.target)
    if given := parameters_of(run):
        yield "parameters", one_line(" ".join(f"{name}={as_text(value)}" for name, value in given.items()))
    if run.tags:
        yield "tags", one_line(", ".join(run.tags))
    if run.schedule:
        yield "schedule", one_line(run.schedule)
    if run.due is not None:
        yield "due", clock(run.due)
    if run.started is not None:
        yield "started", clock(run.started) + (f", {run.tries} times" if run.tries > 1 else "")
    if run.ended is not None:
        yield "ended", clock(run.ended)
    if run.lease is not None and not history.is_over:
        yield "driven by", one_line(f"process {run.lease.pid} on {run.lease.host}")
    if run.cancel:
        yield "cancelled", one_line(run.cancel)


def _step_rows(history: RunHistory) -> Iterator[list[str]]:
    for step in history.steps:
        yield _unit_row(step, _mapped(step) if step.children else "")
        failed = [unit for unit in step.children if is_state(unit.record.state, Failed)]
        for unit in failed[:_FAILED_CHILDREN]:
            yield _unit_row(unit)
        if len(failed) > _FAILED_CHILDREN:
            yield [faint(f"  and {len(failed) - _FAILED_CHILDREN:,} more"), "", "", "", ""]


def _unit_row(unit: Unit, extra: str = "") -> list[str]:
    record = unit.record
    took = duration(unit.seconds) if record.began is not None else ""
    attempts = f"attempt {record.attempt}" if record.attempt > 1 else ""
    words = filter(None, [extra, one_line(record.message, max(30, columns() - 50))])
    indent = "  " if record.map_index >= 0 else ""
    return [
        f"{indent}{one_line(unit.label)}",
        coloured(record.state, record.state),
        took,
        attempts,
        "  ".join(words),
    ]


def _mapped(step: StepHistory) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in step.counts().most_common())


def _job_row(label: str, job: JobRecord) -> list[str]:
    handle = as_text(as_plain(job.handle)) if job.handle else "no handle yet"
    return [one_line(label), job.state, f"key {job.key}", one_line(handle)]


def _alert_row(told: Announcement) -> list[str]:
    return [
        one_line(told.channel),
        one_line(told.step or "the run"),
        one_line(told.status) + (f", {told.count:,} alerts" if told.count > 1 else ""),
        ", ".join(filter(None, [clock(told.told) if told.told is not None else "", told.when])),
        faint(one_line(told.message)),
    ]


def _unit_lines(unit: Unit) -> Iterator[str]:
    record = unit.record
    yield _headline(one_line(unit.label), record.state, unit.seconds)
    if record.message:
        yield f"  {clean(record.message)}"
    if record.due is not None and record.state == Retrying.__name__:
        yield f"  next attempt at {clock(record.due)}"
    if unit.attempts:
        yield f"\n{bold('attempts')}"
        yield from table(map(_attempt_row, unit.attempts), indent="  ")
    if unit.jobs:
        yield f"\n{bold('jobs')}"
        yield from table([_job_row(f"attempt {job.attempt}", job) for job in unit.jobs], indent="  ")
    if record.result is not None:
        stored = record.result
        yield f"\n{bold('result')}  {faint(size(stored.size)) if stored.size else ''}".rstrip()
        yield f"  {one_line(result_text(stored), _RESULT)}"
    if record.traceback or record.error:
        yield f"\n{bold('error')}"
        yield textwrap.indent(clean(record.traceback or record.error).rstrip(), "  ")


def _index(unit: Unit) -> int | None:
    return unit.record.map_index if unit.record.map_index >= 0 else None


def _attempt_row(attempt: PastAttempt) -> list[str]:
    took = None if attempt.ended is None else attempt.ended - attempt.began
    return [
        str(attempt.number),
        coloured(attempt.state, attempt.state),
        clock(attempt.began),
        duration(took),
        one_line(attempt.message, max(30, columns() - 60)),
    ]


def _log_tail(lines: Sequence[LogRecord], whole: str) -> Iterator[str]:
    if not lines:
        return
    yield f"\n{bold('log')}"
    yield from (f"  {faint(clock(line.time)[11:])}  {clean(line.text)}" for line in lines[-_LOG_TAIL:])
    if len(lines) > _LOG_TAIL:
        yield faint(f"  all {len(lines):,} lines: {one_line(whole)}")


def _run_json(history: RunHistory, told: Sequence[Announcement]) -> dict[str, Any]:
    run = history.run
    return {
        **as_json(history),
        "parameters": parameters_of(run),
        "tags": run.tags,
        "steps": [
            {**_unit_json(step), "mapped": {"count": len(step.children), "states": step.counts()}}
            if step.children
            else _unit_json(step)
            for step in history.steps
        ],
        "alerts": [{**asdict(one), "told": iso(one.told)} for one in told],
        "next": [line for line, _ in next_lines(history)],
    }


def _unit_json(unit: Unit) -> dict[str, Any]:
    record = unit.record
    return {
        "name": record.step,
        "index": _index(unit),
        "state": record.state,
        "message": redact(record.message),
        "attempt": record.attempt,
        "started": iso(record.began),
        "ended": iso(record.ended),
        "seconds": unit.seconds,
        "result": as_plain(record.result.text) if record.result and record.result.text else None,
        "error": redact(record.error),
        "traceback": redact(record.traceback),
        "attempts": [
            {"attempt": a.number, "state": a.state, "started": iso(a.began), "ended": iso(a.ended)}
            for a in unit.attempts
        ],
        "jobs": [
            {"key": j.key, "state": j.state, "handle": as_plain(j.handle) if j.handle else None}
            for j in unit.jobs
        ],
    }
