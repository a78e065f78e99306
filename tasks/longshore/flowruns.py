"""From `flow.run()` and `flow.resume()` to a finished run: bound, claimed, driven, recorded."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from longshore import lanes
from longshore.context import acting_as
from longshore.engine import Engine
from longshore.errors import FlowError
from longshore.frontier import Frontier
from longshore.logs import console_when_unconfigured, records_with_context
from longshore.parameters import bind_parameters
from longshore.runs import FlowRun, raise_if_stopped
from longshore.states import Cancelled, utc_now
from longshore.stores.errors import ResultError, RunExistsError, RunTakenError, StoreError
from longshore.travel import check_travel

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from longshore.executors import ExecutorLike
    from longshore.flows import Flow
    from longshore.recalls import Recall
    from longshore.stores.interface import RunStore
    from longshore.stores.records import RunRecord

_OPEN: Final = frozenset({"Pending", "Scheduled", "Retrying", "Running"})


def run_flow(
    flow: Flow,
    parameters: Mapping[str, Any],
    *,
    executor: ExecutorLike | None,
    store: RunStore | None,
    run_id: str | None,
    raise_on_failure: bool,
    due: datetime | None = None,
) -> FlowRun:
    """Run a flow here; see `Flow.run`."""
    import uuid  # takes longer to import than most of the core

    run_id = run_id or uuid.uuid4().hex
    limits = flow.check()
    values = bind_parameters(flow, parameters)
    run = FlowRun(flow, run_id, flow.name_run(values), values, Frontier(flow, values))
    run.due = due
    check_travel(flow, executor or flow.executor)
    if store is None:
        return _drive(run, _Plan(executor, limits), raise_on_failure)
    store.results.check()
    create(store, run)
    with _claimed(store, run_id) as claim:
        return _drive(run, _Plan(executor, limits, claim), raise_on_failure)


def create(store: RunStore, run: FlowRun, *, due: float | None = None) -> None:
    """Put a run that has not started on record.

    Raises:
        RunExistsError: There is one of its id.
        StoreError: A parameter cannot be stored, or the store cannot be written.
    """
    record = record_of(run, due=due)
    if not store.create(record):
        raise RunExistsError(
            f"cannot start run {run.run_id!r}: there is one of this id, {store.run(run.run_id).state}; "
            f"to go on with it: longshore resume {run.run_id}"
        )


def record_of(run: FlowRun, *, due: float | None = None, schedule: str = "") -> RunRecord:
    """Return the record of a run that has not started.

    Raises:
        StoreError: A parameter cannot be stored.
    """
    from longshore.fingerprints import fingerprint
    from longshore.stores.records import RunRecord
    from longshore.stores.serializers import encode

    try:
        parameters = encode(run.parameters)
    except ResultError as error:
        raise StoreError(f"cannot record a run of flow {run.flow.name!r}: its parameters: {error}") from error
    return RunRecord(
        run_id=run.run_id, flow=run.flow.name, name=run.name, target=run.flow.target, parameters=parameters,
        fingerprint=fingerprint(run.flow).to_text(), tags=tuple(run.flow.tags),
        state="Pending" if due is None else "Scheduled", created=time.time(), due=due, schedule=schedule,
    )  # fmt: skip


def resume_flow(
    flow: Flow,
    run_id: str,
    store: RunStore,
    *,
    executor: ExecutorLike | None,
    rerun: Sequence[str],
    accept: Mapping[str, Any],
    changed: str | None,
    raise_on_failure: bool,
    unless_ended: bool = False,
) -> FlowRun:
    """Go on with a recorded run; see `Flow.resume`.

    With `unless_ended` one that has ended is one that another process has taken, also when it ends just now.
    """
    from longshore.comparisons import check_changes
    from longshore.fingerprints import fingerprint
    from longshore.recalls import Recall
    from longshore.stores.records import FlowSeen
    from longshore.stores.serializers import decode

    limits = flow.check()
    record = store.run(run_id)
    if record.flow != flow.name:
        raise FlowError(f"run {record.run_id!r} is one of flow {record.flow!r}, not of {flow.name!r}")
    if record.state == "Success" and not rerun and not unless_ended:
        raise StoreError(
            f"cannot resume run {record.run_id!r}: it succeeded; to run a step and all behind it again: "
            f"longshore resume {record.run_id} --rerun STEP"
        )
    values = bind_parameters(flow, decode(record.parameters))
    run = FlowRun(flow, record.run_id, flow.name_run(values), values, Frontier(flow, values))
    check_travel(flow, executor or flow.executor)
    store.results.check()
    with _claimed(store, run.run_id) as claim:
        if unless_ended and claim.record.ended is not None:
            raise RunTakenError(f"run {run.run_id!r} has ended {claim.record.state}: another process ran it")
        recall, seen = None, fingerprint(flow)
        if claim.record.tries > 1:
            again = check_changes(flow, seen, claim.record, store, changed)
            run.ends = sum(1 for t in store.transitions(run.run_id) if not t.step and t.state not in _OPEN)
            recall = Recall(flow, store, run.run_id, again=again, rerun=rerun, accept=accept)
        target = flow.target or claim.record.target
        store.write(run.run_id, claim.token, [FlowSeen(fingerprint=seen.to_text(), target=target)])
        return _drive(run, _Plan(executor, limits, claim, recall), raise_on_failure)


@dataclass(frozen=True)
class _Claim:
    """A run that this process may drive."""

    store: RunStore
    record: RunRecord
    token: str


@dataclass(frozen=True)
class _Plan:
    """How a run is to be driven."""

    executor: ExecutorLike | None
    limits: dict[str, int]
    claim: _Claim | None = None
    recall: Recall | None = None


@contextmanager
def _claimed(store: RunStore, run_id: str) -> Generator[_Claim]:
    """Hold a run, so that nobody else drives it.

    Raises:
        RunTakenError: Somebody does.
    """
    import uuid

    token = uuid.uuid4().hex
    claim = _Claim(store, store.claim(run_id, token), token)
    try:
        yield claim
    finally:
        with suppress(StoreError):  # the lease ends by itself
            store.release(run_id, token)


def _drive(run: FlowRun, plan: _Plan, raise_on_failure: bool) -> FlowRun:
    from longshore.plugins import host
    from longshore.surroundings import variables_of_run

    with records_with_context(), console_when_unconfigured(), _recorded(run, plan) as engine:
        host().run_started(run)
        run.variables = variables_of_run(run.context())
        try:
            with engine.interrupts.watching(), engine.cancelled_with_outer(), acting_as(run.context()):
                engine.drive()
        except KeyboardInterrupt as interrupt:  # a second signal: at once
            run.state, run.ended = Cancelled(message="interrupted twice"), utc_now()
            interrupt.__dict__.update(flow_run=run, signal=engine.interrupts.signal)
            raise
        lanes.drain(1.0)
        host().run_finished(run)
    engine.raise_if_taken_over()
    raise_if_stopped(run, engine.interrupts, raise_on_failure)
    return run


@contextmanager
def _recorded(run: FlowRun, plan: _Plan) -> Generator[Engine]:
    """Make the engine of a run, and have the run written into its store while it is driven."""
    run.recorded_in = plan.claim.store.location if plan.claim is not None else ""
    if plan.claim is not None and plan.claim.record.due is not None:
        run.due = datetime.fromtimestamp(plan.claim.record.due, UTC)
    engine = Engine(run, plan.executor, plan.limits, plan.recall)
    if plan.claim is None:
        yield engine
        return
    from longshore.journals import Journal

    journal = Journal(plan.claim.store, run.run_id, plan.claim.token, engine.trouble)
    engine.record_in(journal)
    journal.open()
    try:
        yield engine
    finally:
        journal.close()


def run_recorded(flow: Flow, run_id: str, store: RunStore) -> FlowRun:
    """Run what was scheduled or submitted, or go on with what was killed.

    Raises:
        RunTakenError: Another process drives it, and lives, or has done it meanwhile.
    """
    return resume_flow(
        flow, run_id, store, executor=None, rerun=(), accept={}, changed=None, raise_on_failure=False,
        unless_ended=True,
    )  # fmt: skip
