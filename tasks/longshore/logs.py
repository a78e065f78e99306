"""Log records with the context of the run, and without secrets.

While a run is under way, every record made in this process carries `flow`, `run_id`, `step`, `map_index` and
`attempt` (empty, or None, outside a step), whichever logger made it, so any logging handler or formatter may
use them; and registered secrets are masked in its message and traceback. Longshore itself logs to
`longshore.run` (one line a transition) and `longshore.task` (`current.log`). The root logger is never
touched.
"""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from longshore import forks
from longshore.context import active
from longshore.secrets import has_secrets, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import TracebackType

    ContextLogger: TypeAlias = logging.Logger

run_log: Final = logging.getLogger("longshore.run")
task_log: Final = logging.getLogger("longshore.task")

_root: Final = logging.getLogger("longshore")
_root.addHandler(logging.NullHandler())

_lock = forks.Lock()
_users = 0
_previous: Callable[..., logging.LogRecord] = logging.LogRecord
_formatter: Final = logging.Formatter()


def _make_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record = _previous(*args, **kwargs)
    attempt = active.get()
    record.flow = attempt.flow
    record.run_id = attempt.run_id
    record.step = attempt.name
    record.map_index = attempt.map_index
    record.attempt = attempt.attempt if attempt.name else None
    if has_secrets():
        _mask(record)
    if attempt.name and record.name != run_log.name:
        attempt.remember(_line(record))
    return record


def _mask(record: logging.LogRecord) -> None:
    message = _message(record)
    masked = redact(message)
    if masked != message:
        record.msg, record.args = masked, ()
    if record.exc_info:
        record.exc_text = redact(_formatter.formatException(record.exc_info))
        record.exc_info = _without_locals(record.exc_info)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a bad format string is logging's to report, not ours
        return str(record.msg)


def _without_locals(info: Any) -> tuple[type[BaseException], BaseException, TracebackType | None] | None:
    """Keep what a handler prints when it ignores `exc_text`: the error, masked, without frames."""
    from longshore.secrets import redact_error

    if info[1] is None:
        return None
    error = redact_error(info[1])
    return type(error), error, None


def _line(record: logging.LogRecord) -> str:
    return f"{record.levelname:<7} {_message(record)}"


@contextmanager
def records_with_context() -> Generator[None]:
    """Give every record made in this process the context of the run, until the last run here has ended."""
    global _users, _previous
    with _lock:
        if _users == 0:
            _previous = logging.getLogRecordFactory()
            logging.setLogRecordFactory(_make_record)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0 and logging.getLogRecordFactory() is _make_record:
                logging.setLogRecordFactory(_previous)


class _Console(logging.StreamHandler[Any]):
    """Writes to whatever `sys.stderr` is at the time."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        attempt = active.get()
        if record.name == run_log.name or not attempt.name:
            return line
        return line.replace(record.message, f"{attempt.label} | {record.message}", 1)


@contextmanager
def console_when_unconfigured() -> Generator[None]:
    """Write Longshore's own log to standard error while the program has not configured logging."""
    if any(not isinstance(handler, logging.NullHandler) for handler in _handlers_of(_root)):
        yield
        return
    console, level = _Console(), _root.level
    _root.addHandler(console)
    _root.setLevel(logging.INFO)
    try:
        yield
    finally:
        _root.removeHandler(console)
        _root.setLevel(level)


def _handlers_of(logger: logging.Logger) -> Iterator[logging.Handler]:
    current: logging.Logger | None = logger
    while current is not None:
        yield from current.handlers
        current = current.parent if current.propagate else None
