"""An attempt where a worker is, and what is logged in it."""

from __future__ import annotations

import contextvars
import logging
from typing import TYPE_CHECKING, Any

from longshore import lanes
from longshore.logs import plain_record, records_with_context
from longshore.runner import Call, attempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore.context import Attempt
    from longshore.states import State


def make_attempt(
    call: Call,
    context: Attempt,
    started: Callable[[State], None],
    log: Callable[[dict[str, Any]], None] | None,
) -> State:
    """Make an attempt where a worker is.

    Args:
        call: The attempt.
        context: What `current` shows meanwhile.
        started: Told of the Running state.
        log: Told the attributes of each record that is logged; None when the driver is this process.
    """
    token = _log.set(log)
    try:
        with records_with_context():
            state = attempt(call, context, started)
        lanes.drain(1.0)
        return state
    finally:
        _log.reset(token)


_log: contextvars.ContextVar[Callable[[dict[str, Any]], None] | None] = contextvars.ContextVar(
    "longshore_log", default=None
)


class LogSender(logging.Handler):
    """Hands what attempts log on to whoever takes the records of each."""

    def emit(self, record: logging.LogRecord) -> None:
        log = _log.get()
        if log is not None:
            log(plain_record(record))


def send_logs() -> None:
    """Have what is logged in this process, in attempts, handed on; called any number of times."""
    root = logging.getLogger("longshore")
    if not any(isinstance(handler, LogSender) for handler in root.handlers):
        root.addHandler(LogSender())
        if root.level == logging.NOTSET:
            root.setLevel(logging.INFO)
