"""Sending, beside the runs: what waits, what is tried again, and what becomes of it when the process ends."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from longshore import redact
from longshore_openlineage import settings
from longshore_openlineage.ledgers import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_openlineage.facts import Fact

AT_EXIT: Final = 3.0
"""Seconds that the end of the process waits for what is not sent yet; a dead backend is not waited for."""
_MOST_WAITING: Final = 20_000
"""Events and datasets that may wait, each of which takes about a kilobyte."""
_MOST_TRIES: Final = 5
"""Tries for an event that is answered with an error each time, while the backend can be reached."""
_LONGEST_PAUSE: Final = 30.0
_IDLE: Final = 2.0
"""Seconds after which a thread with nothing to send ends; the next event starts another one."""
_log: Final = logging.getLogger("longshore.openlineage")


class Refused(Exception):  # noqa: N818
    """The backend will not take this event, however often it is sent."""


class Unreachable(Exception):  # noqa: N818
    """The backend cannot be reached, or has trouble of its own.

    Args:
        text: What was seen.
        answered: Whether it answered, so that it may be the event which it cannot digest.
    """

    def __init__(self, text: str, *, answered: bool = False) -> None:
        super().__init__(text)
        self.answered = answered


class Backend(Protocol):
    """Where events go."""

    where: str

    def emit(self, fact: Fact) -> None:
        """Send one event.

        Raises:
            Refused: It is not to be sent again.
            Unreachable: It may be sent later.
        """

    def close(self, seconds: float) -> None:
        """Let go of connections, when what the transport keeps itself has been sent."""


class Sender:
    """Sends events in the order in which they came, in a thread that nobody waits for.

    Args:
        connect: Opens the backend, in that thread; None when there is none after all.
        pause: Seconds before an event is tried again, doubled each time.
    """

    def __init__(self, connect: Callable[[], Backend | None], pause: float = 1.0) -> None:
        self._connect = connect
        self._pause = pause
        self._backend: Backend | None = None
        self._off = self._warned = self._serving = self._hurried = self._gave_up = False
        self._waiting: deque[Fact] = deque()
        self._weight = 0
        self._changed = threading.Condition()

    def put(self, fact: Fact) -> None:
        """Have an event sent; one for which there is no room is left out, which is said once."""
        with self._changed:
            if self._off:
                return
            if self._weight + fact.weight > _MOST_WAITING:
                self._warn(f"more than {_MOST_WAITING:,} events wait")
                return
            self._waiting.append(fact)
            self._weight += fact.weight
            if not self._serving:
                self._serving = True
                threading.Thread(target=self._serve, name="longshore-openlineage", daemon=True).start()
            self._changed.notify_all()

    def flush(self, seconds: float) -> int:
        """Wait until all is sent, or nothing more can be; return how many events are left."""
        with self._changed:
            self._hurried, self._gave_up = True, False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._gave_up or not self._waiting, seconds)
            self._hurried = False
            return len(self._waiting)

    def close(self, seconds: float) -> None:
        """Let go of the backend."""
        if self._backend is not None:
            self._backend.close(seconds)

    def _serve(self) -> None:
        try:
            self._backend = self._backend or self._connect()
        except Exception as error:  # noqa: BLE001 - a package that is missing, a setting that is wrong
            self._warn(f"{type(error).__name__}: {error}")
        if self._backend is None:
            self._turn_off()
            return
        tries = 0
        while (fact := self._next()) is not None:
            tries = self._try(self._backend, fact, tries + 1)

    def _turn_off(self) -> None:
        with self._changed:
            self._off, self._serving = True, False
            self._waiting.clear()
            self._changed.notify_all()

    def _next(self) -> Fact | None:
        with self._changed:
            while not self._waiting:
                if not self._changed.wait(_IDLE) and not self._waiting:
                    self._serving = False
                    return None
            return self._waiting[0]

    def _try(self, backend: Backend, fact: Fact, tries: int) -> int:
        """Try to send an event; return how often it was tried, or 0 when it is done with."""
        try:
            backend.emit(fact)
        except Unreachable as error:
            self._warn(str(error), backend.where)
            if tries < _MOST_TRIES or not error.answered:
                self._wait(tries)
                return tries
        except Exception as error:  # noqa: BLE001 - an event that cannot be made must not hold up the others
            text = str(error) if isinstance(error, Refused) else f"{type(error).__name__}: {error}"
            self._warn(text, backend.where)
        self._done()
        return 0

    def _done(self) -> None:
        with self._changed:
            self._weight -= self._waiting.popleft().weight
            self._changed.notify_all()

    def _wait(self, tries: int) -> None:
        """Wait before the next try, or until somebody waits for the end."""
        with self._changed:
            if self._hurried:
                self._gave_up = True
                self._changed.notify_all()
            pause = min(_LONGEST_PAUSE, self._pause * 2 ** min(tries - 1, 10))
            self._changed.wait_for(lambda: self._hurried and not self._gave_up, pause)

    def _warn(self, seen: str, where: str = "") -> None:
        if not self._warned:
            self._warned = True
            _log.warning(
                "cannot tell lineage%s: %s; runs go on, and what is not sent when the process ends is lost",
                f" to {redact(where)}" if where else "",
                redact(" ".join(seen.split())),
            )


ledger = Ledger()
_senders: dict[tuple[object, ...], Sender] = {}
_lock = threading.Lock()


def _after_fork() -> None:
    """Begin anew in a forked child: what was under way is its parent's."""
    global _lock, ledger
    _lock, ledger = threading.Lock(), Ledger()
    _senders.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def sender() -> Sender:
    """Return who sends by the settings as they are now."""
    from longshore_openlineage.backends import connect

    seen = settings.fingerprint()
    with _lock:
        known = _senders.get(seen)
        if known is None:
            settings.register_secrets()
            if not _senders:
                atexit.register(_at_exit)
            known = _senders[seen] = Sender(connect)
        return known


def flush_lineage(seconds: float = 10.0) -> int:
    """Wait until lineage is sent, for a notebook or a program that goes on; return how many events are left.

    Args:
        seconds: How long to wait at most. A backend that is down is tried once, and not waited for.
    """
    end = time.monotonic() + seconds
    while ledger.awaited and time.monotonic() < end:
        time.sleep(0.01)  # a thread of the run is about to tell its end
    return sum(one.flush(max(0.0, end - time.monotonic())) for one in list(_senders.values()))


def _at_exit() -> None:
    end = time.monotonic() + AT_EXIT
    flush_lineage(AT_EXIT)
    if ledger.abort(datetime.now(UTC)):
        flush_lineage(max(0.0, end - time.monotonic()))
    for one in list(_senders.values()):
        one.close(max(0.0, end - time.monotonic()))
