"""Where a run stands.

    State
    ├── Pending         not started
    │   ├── Scheduled   waits for a time
    │   └── Retrying    an attempt failed, another one is due
    ├── Running
    ├── Success
    │   ├── Cached      the result of an earlier run with the same inputs
    │   ├── Skipped     there was nothing to do
    │   └── Mapped      every step of a mapped one succeeded
    ├── Failed
    │   ├── TimedOut
    │   ├── TriggerFailed
    │   ├── Crashed     the process that ran it died
    │   └── Unknown     it may have happened, and nobody can tell
    └── Cancelled

A state is a frozen value and pickles; an error that cannot be pickled is replaced by one that carries its
text.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from longshore.errors import PortableError, error_text
from longshore.redaction import redact

_now = datetime.now


def utc_now() -> datetime:
    """Return the time as states carry it: aware, in UTC."""
    return _now(UTC)


def from_timestamp(seconds: float | None) -> datetime:
    """Return a time that was stored as seconds since 1970; now when it is None."""
    return utc_now() if seconds is None else datetime.fromtimestamp(seconds, UTC)


def short(value: Any) -> str:
    """Return a value as a message shows it: on 200 characters at most, without secrets."""
    text = redact(repr(value))
    return text if len(text) <= 200 else f"{text[:197]}..."


def _restore(cls: type[State], values: dict[str, Any]) -> State:
    return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class State:
    """Where a run stands, since when, and why.

    Args:
        message: Why, for people.
        time: When the state was entered, in UTC.
    """

    message: str = ""
    time: datetime = field(default_factory=utc_now, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        if values.get("error") is not None:
            values["error"] = portable_error(values["error"], values.get("traceback", ""))
        return _restore, (type(self), values)

    @property
    def finished(self) -> bool:
        """Whether nothing comes after this state."""
        return isinstance(self, Success | Failed | Cancelled)

    def __str__(self) -> str:
        return f"{type(self).__name__}: {self.message}" if self.message else type(self).__name__

    def __repr__(self) -> str:
        shown = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("time", "traceback")}
        text = ", ".join(
            f"{name}={short(value)}" for name, value in shown.items() if value is not None and value != ""
        )
        return f"{type(self).__name__}({text})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Pending(State):
    """Not started."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Scheduled(Pending):
    """Waits for `due`, a time in UTC."""

    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Retrying(Pending):
    """An attempt failed and another one will be made.

    Args:
        error: What the attempt failed with.
        attempt: The number of the attempt that failed, from 1.
        delay: Seconds until the next one.
        traceback: The text of the error's traceback.
    """

    error: BaseException | None = None
    attempt: int = 1
    delay: float = 0.0
    traceback: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Running(State):
    """An attempt is being made.

    Args:
        attempt: Its number, from 1.
        handle: What the other system calls the job that goes on there; None while there is none.
    """

    attempt: int = 1
    handle: Any = None


@dataclass(frozen=True, slots=True, repr=False)
class Success(State):
    """Done. `result` is what `run()` returned."""

    result: Any = None


@dataclass(frozen=True, slots=True, repr=False)
class Cached(Success):
    """Done before, with the same task, configuration and inputs."""


@dataclass(frozen=True, slots=True, repr=False)
class Skipped(Success):
    """There was nothing to do, here or upstream."""


@dataclass(frozen=True, slots=True, repr=False)
class Mapped(Success):
    """Every step of a mapped one succeeded; `result` is the list of their results, None for the skipped."""


@dataclass(frozen=True, slots=True, repr=False)
class Failed(State):
    """Failed for good: no attempt is left.

    Args:
        error: What it failed with.
        traceback: The text of the error's traceback, kept when the error travels.
    """

    error: BaseException | None = None
    traceback: str = field(default="", compare=False, kw_only=True)


@dataclass(frozen=True, slots=True, repr=False)
class TimedOut(Failed):
    """The last attempt was not done at its deadline."""


@dataclass(frozen=True, slots=True, repr=False)
class TriggerFailed(Failed):
    """Not started: the upstream states did not meet the trigger."""


@dataclass(frozen=True, slots=True, repr=False)
class Crashed(Failed):
    """The process that ran the attempt died."""


@dataclass(frozen=True, slots=True, repr=False)
class Unknown(Failed):
    """It may or may not have happened, and repeating it is not safe."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Cancelled(State):
    """Stopped on request."""


def portable_error(error: BaseException, traceback_text: str = "") -> BaseException:
    """Return the error if a copy of it survives pickling, else a `PortableError` with its text.

    Some errors pickle but do not unpickle, and a process pool that meets one is lost; so both ways are tried.
    """
    try:
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes, made on this line
        if type(copy) is type(error):
            return error
    except Exception:  # noqa: BLE001, S110 - any failure means: not portable
        pass
    name = type(error).__qualname__
    return PortableError(f"{name}: {error_text(error)}", type_name=name, traceback_text=traceback_text)
