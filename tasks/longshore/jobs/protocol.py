"""What a job is: work that goes on in another system, and what that system says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from longshore.errors import TaskError

if TYPE_CHECKING:
    from datetime import datetime

Handle: TypeAlias = Any
"""What the other system calls a job: JSON, small."""

Reason: TypeAlias = Literal[
    "exit code",
    "out of memory",
    "evicted",
    "image not found",
    "timed out",
    "throttled",
    "unauthorized",
    "not found",
    "bad data",
    "cancelled",
]
"""Why a job failed, in the one vocabulary of all integrations."""

Level: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
"""How grave a line of a log is, as `logging` names it."""

_WORTH_RETRYING: Final = frozenset({"exit code", "evicted", "timed out", "throttled"})


class JobFailed(TaskError):  # noqa: N818 - reads as a state does
    """A job ended, and not well.

    Args:
        message: What the other system said.
        reason: Why, in the one vocabulary.
        retryable: Whether another attempt may help; by default what the reason suggests: a missing image, a
            refused login and bad data come back, an eviction may not.
        exit_code: What the program exited with, where there is one.
        signal: The signal that ended it, where there was one.
        log_tail: The last lines of its log.
        outputs: What it wrote to its outputs file before it failed.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: Reason,
        retryable: bool | None = None,
        exit_code: int | None = None,
        signal: int | None = None,
        log_tail: tuple[str, ...] = (),
        outputs: Any = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retryable = reason in _WORTH_RETRYING if retryable is None else retryable
        self.exit_code = exit_code
        self.signal = signal
        self.log_tail = log_tail
        self.outputs = outputs


class JobNotFoundError(TaskError, LookupError):
    """The other system knows no job by this handle."""

    retryable = False


class JobUnreachableError(TaskError):
    """The other system did not say for too long how a job stands; it may still run."""

    retryable = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRunning:
    """A job waits or runs.

    Args:
        fraction: How far it is, from 0.0 to 1.0; None when the other system does not say.
        message: What it is doing.
        link: Where people can look at it.
        done: How much of it is done, where that is counted.
        total: How much there is in all, as far as is known.
        unit: What is counted, in the plural: `tasks`; `B` for bytes.
    """

    fraction: float | None = None
    message: str = ""
    link: str = ""
    done: int | None = None
    total: int | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class JobFinished:
    """A job has ended: well, or with the failure."""

    failure: JobFailed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of a job's log.

    Args:
        text: The line, without its end.
        cursor: Where the log goes on behind this line: `logs()` takes it as `since`, also in another process.
        time: When the other system says it was written, aware; None when it does not say.
        stream: `stdout`, `stderr`, or what the other system calls it.
        level: How grave the other system calls it; the job's own level when None.
    """

    text: str
    cursor: str
    time: datetime | None = None
    stream: str = "stdout"
    level: Level | None = None
