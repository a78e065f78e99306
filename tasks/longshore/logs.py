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

_lock = forks.Lock()
_users = 0
_buried = False
_previous: Callable[..., logging.LogRecord] = logging.LogRecord
_formatter: Final = logging.Formatter()

_FIELDS: Final = frozenset({"flow", "run_id", "step", "map_index", "attempt"})


class _Attributes(dict[str, Any]):
    """A record's attributes, of which ours may be written over.

    logging refuses `extra={"step": 3}` when the record has a `step`; a program that says so means its own.
    """

    def __contains__(self, name: object) -> bool:
        return name not in _FIELDS and super().__contains__(name)


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
    record.__dict__ = _Attributes(record.__dict__)
    return record


def handle_elsewhere_made(attributes: dict[str, Any]) -> None:
    """Log what another process has logged, without the secrets that only this one knows."""
    record = logging.makeLogRecord(attributes)
    if has_secrets():
        _mask(record)
    logging.getLogger(record.name).handle(record)


def plain_record(record: logging.LogRecord) -> dict[str, Any]:
    """Return the attributes of a log record that can travel."""
    plain = {**record.__dict__, "msg": record.getMessage(), "args": (), "exc_info": None}
    return {name: value for name, value in plain.items() if isinstance(value, _SIMPLE)}


_SIMPLE: Final = (str, int, float, type(None), tuple)


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
    global _users
    with _lock:
        if _users == 0:
            _install()
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _uninstall()


def _install() -> None:
    global _previous
    factory = logging.getLogRecordFactory()
    if _buried and isinstance(factory(__name__, 0, "", 0, "", (), None).__dict__, _Attributes):
        return  # the factory that was put over ours still calls it
    _previous = factory
    logging.setLogRecordFactory(_make_record)


def _uninstall() -> None:
    global _buried
    _buried = logging.getLogRecordFactory() is not _make_record
    if not _buried:
        logging.setLogRecordFactory(_previous)


def label_of(record: logging.LogRecord) -> str:
    """Return the step that a record comes from, here or in another process: `load` or `load[3]`."""
    name, index = getattr(record, "step", ""), getattr(record, "map_index", None)
    return active.get().label or (name if index is None else f"{name}[{index}]")


class _Lines(logging.Formatter):
    """Says, before what a step logs, which step that is; and before all, a label."""

    def __init__(self, label: str) -> None:
        prefix = f"{label} | ".replace("%", "%%") if label else ""
        super().__init__(f"%(asctime)s %(levelname)-7s {prefix}%(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's word
        label = label_of(record)
        if label and record.name != run_log.name:
            record.message = f"{label} | {record.message}"
        return super().formatMessage(record)


class _Console(logging.StreamHandler[Any]):
    """Writes to whatever `sys.stderr` is at the time."""

    def __init__(self, label: str) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(_Lines(label))


_console: tuple[_Console, int] | None = None
_watchers = 0


@contextmanager
def console_when_unconfigured(label: str = "") -> Generator[None]:
    """Write Longshore's own log to standard error while the program has not configured logging.

    Args:
        label: Stands before each line, where the lines of several processes meet.
    """
    global _watchers
    with _lock:
        shown = _open_console(label)
        _watchers += shown
    try:
        yield
    finally:
        with _lock:
            _watchers -= shown
            if shown and not _watchers:
                _close_console()


def _open_console(label: str) -> bool:
    """Return whether the console is open now; runs at the same time share it."""
    global _console
    if _console is None:
        if any(_handlers_of(_root)):  # a NullHandler too: somebody wants silence
            return False
        _console = _Console(label), _root.level
        _root.addHandler(_console[0])
        _root.setLevel(logging.INFO)
    return True


def _close_console() -> None:
    global _console
    assert _console is not None
    handler, level = _console
    _root.removeHandler(handler)
    _root.setLevel(level)
    _console = None


def _handlers_of(logger: logging.Logger) -> Iterator[logging.Handler]:
    current: logging.Logger | None = logger
    while current is not None:
        yield from current.handlers
        current = current.parent if current.propagate else None
