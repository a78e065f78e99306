"""What a run store keeps, and the changes that a run writes into it.

Times are seconds since 1970 in UTC; states are the names of their classes; `map_index` is -1 for a step
itself. What is encoded is JSON text, as `longshore.stores.serializers` writes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from longshore.stores.alertrecords import AlertRecord as AlertRecord  # noqa: TC001 - also from here
from longshore.stores.alertrecords import IncidentRecord as IncidentRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who drives a run, and until when that holds without being renewed.

    Args:
        token: Distinguishes this owner from any other one.
        host: The machine's name.
        boot: The id of the machine's present boot; empty where it has none.
        namespace: The process-id namespace, within which `pid` means something.
        pid: The process.
        pid_started: When that process was started, in the system's own ticks: process ids come again.
        until: On the boot-time clock of that boot, in seconds.
        until_wall: The same moment on the wall clock, for other machines to judge.
    """

    token: str
    host: str
    boot: str
    namespace: str
    pid: int
    pid_started: int
    until: float
    until_wall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run of a flow.

    Args:
        run_id: The run's id.
        flow: The flow's name.
        name: The run's own name.
        target: Where the command line finds the flow again: `/path/flows.py:nightly`; empty when not known.
        parameters: The parameters' values, encoded.
        fingerprint: What the flow's steps were, encoded.
        tags: The flow's.
        state: Where it stands; Crashed when it runs and its owner has died.
        message: Why.
        created: When the record was made.
        started: When it first ran.
        ended: When it ended.
        due: For a scheduled or submitted one: when it is to start.
        schedule: What made it: the schedule's text; empty for a run of one's own.
        cancel: Why it is to be cancelled; empty when it is not.
        tries: How many times it was started or resumed.
        lease: Who drives it; None when nobody does.
    """

    run_id: str
    flow: str
    name: str = ""
    target: str = ""
    parameters: str = "{}"
    fingerprint: str = "{}"
    tags: tuple[str, ...] = ()
    state: str = "Pending"
    message: str = ""
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    due: float | None = None
    schedule: str = ""
    cancel: str = ""
    tries: int = 0
    lease: Lease | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResult:
    """A result as it is stored.

    Args:
        serializer: What wrote it: `json` or another one's name; empty when it could not be stored.
        text: The result itself, while it is short and JSON.
        place: Where the result is otherwise; for one that could not be stored: why.
        size: Bytes.
        digest: The SHA-256 of those bytes, in hex; empty for a text.
    """

    serializer: str = "json"
    text: str = ""
    place: str = ""
    size: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """Where one step of a run stands, or one of the steps that a mapped one expanded to."""

    step: str
    map_index: int = -1
    state: str = "Pending"
    message: str = ""
    attempt: int = 1
    began: float | None = None
    ended: float | None = None
    result: StoredResult | None = None
    error: str = ""
    traceback: str = ""
    due: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionRecord:
    """One transition of a step, or of the run itself (`step` is empty)."""

    step: str
    map_index: int
    attempt: int
    state: str
    message: str
    time: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """One job in another system.

    Args:
        run_id: The run it is for.
        step: The step it is for.
        map_index: The place among mapped steps.
        attempt: The attempt it is for.
        serial: Which job of this step it is, from 1, over all attempts and resumes.
        key: The key it was submitted under, chosen and recorded before.
        task: The job's task, encoded; empty when it cannot be.
        handle: What the other system calls it, encoded; empty until that is known.
        cursor: How far its log was read.
        state: `intended`, `submitted`, then the state its attempt ended in.
        time: When that was entered.
    """

    run_id: str
    step: str
    map_index: int
    attempt: int
    serial: int
    key: str
    task: str = ""
    handle: str = ""
    cursor: str = ""
    state: str = "intended"
    time: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One line of a step's log."""

    step: str
    map_index: int
    attempt: int
    time: float
    level: int
    text: str


# The changes of a run, which are written together or not at all.


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChanged:
    """The run entered a state."""

    state: str
    message: str
    time: float
    finished: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSeen:
    """The flow is now this: a run that waited for its time may start as another one than was recorded."""

    fingerprint: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepChanged:
    """A step, or one of a mapped one's, entered a state: one more transition, and where it stands now.

    `finished` sets when it ended; Running sets when it began, the first time.
    """

    step: str
    map_index: int
    attempt: int
    state: str
    message: str
    time: float
    finished: bool = False
    result: StoredResult | None = None
    error: str = ""
    traceback: str = ""
    due: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobIntended:
    """A job is about to be submitted."""

    job: JobRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChanged:
    """More is known of a job; what is None stays as it was."""

    key: str
    time: float
    handle: str | None = None
    cursor: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """Lines of a step's log; a store keeps at least the last `keep` of each attempt."""

    lines: tuple[LogRecord, ...]
    keep: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRaised:
    """A channel is to tell of something."""

    alert: AlertRecord


Change: TypeAlias = AlertRaised | RunChanged | FlowSeen | StepChanged | JobIntended | JobChanged | Logged


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What `prune` removed."""

    runs: int = 0
    files: int = 0
    bytes: int = 0
    kept: tuple[str, ...] = field(default=())
