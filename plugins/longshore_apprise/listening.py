"""What Apprise says while it sends: it tells the reason of a failure to its logger alone.

Its records hold URLs with tokens, and so do those of urllib3 beneath it. Those of our own calls are caught
here and shown to nobody; those of other users of Apprise in the process pass as before.
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator

_NAMES: Final = ("apprise", "urllib3.connectionpool", "urllib3.util.retry")
_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Said:
    """One record of Apprise.

    Args:
        level: As in `logging`.
        text: What was said; it may hold secrets.
    """

    level: int
    text: str


_heard: ContextVar[list[Said] | None] = ContextVar("longshore_apprise_heard", default=None)


class _Ear(logging.Filter):
    """Catches the records of the calls that listen."""

    def __init__(self) -> None:
        super().__init__()
        self.usual = logging.NOTSET
        """The level below which nobody else hears anything."""

    def filter(self, record: logging.LogRecord) -> bool:
        heard = _heard.get()
        if heard is None:
            return record.name != _NAMES[0] or record.levelno >= self.usual
        if record.name == _NAMES[0]:
            del heard[: len(heard) - _MOST]
            heard.append(Said(record.levelno, _text(record)))
        return False


def _text(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except Exception:  # noqa: BLE001 - a record whose arguments do not fit its text
        text = str(record.msg)
    error = record.exc_info[1] if record.exc_info else None
    return f"{text} {type(error).__name__}: {error}" if error is not None else text


_ear: Final = _Ear()
_lock: Final = threading.Lock()
_listeners: list[int] = []
"""The levels that the logger had before the first of those who listen now."""


@contextmanager
def listening() -> Generator[list[Said]]:
    """Catch what Apprise says of the calls that are made inside."""
    heard: list[Said] = []
    _begin()
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)
        _end()


def _begin() -> None:
    logger = logging.getLogger(_NAMES[0])
    with _lock:
        if not _listeners:
            _ear.usual = logger.getEffectiveLevel()
            for name in _NAMES:
                logging.getLogger(name).addFilter(_ear)
        _listeners.append(logger.level)
        logger.setLevel(logging.DEBUG)


def _end() -> None:
    with _lock:
        first = _listeners[0]
        _listeners.pop()
        if not _listeners:
            logging.getLogger(_NAMES[0]).setLevel(first)
            for name in _NAMES:
                logging.getLogger(name).removeFilter(_ear)
