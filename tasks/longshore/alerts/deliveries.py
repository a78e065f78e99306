"""The deliveries of this process: a thread for each channel, while it has something to be told."""

from __future__ import annotations

import atexit
import functools
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from longshore import forks
from longshore.alerts.couriers import Courier
from longshore.alerts.spools import MemorySpool
from longshore.errors import error_text
from longshore.logs import console_when_unconfigured, run_log
from longshore.quantities import many
from longshore.secrets import redact

if TYPE_CHECKING:
    from longshore.alerts.channels import Channel
    from longshore.alerts.handlers import Template
    from longshore.alerts.spools import Spool

FLUSH: Final = 10.0
"""Seconds that the end of a process waits for its alerts."""
_IDLE: Final = 2.0
"""Seconds after which a thread with nothing to tell ends; the next alert starts another one."""
_LONGEST_WAIT: Final = 5.0
"""Seconds between two looks: what holds the channel has to be renewed, and other processes add alerts."""
_SHORTEST_WAIT: Final = 0.1
_BROKEN_WAIT: Final = 5.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """How a channel stands after its alerts were delivered.

    Attributes:
        channel: Its address.
        waiting: How many incidents it has still to be told of.
        why: Why, when that is known.
    """

    channel: str
    waiting: int = 0
    why: str = ""


class _Round:
    """A courier, and the thread in which it works while there is something to do."""

    def __init__(self, channel: Channel, spool: Spool) -> None:
        self.courier = Courier(channel, spool)
        self.untaken = 0
        self.kept = not isinstance(spool, MemorySpool)
        self._news = threading.Condition()
        self._has_news = False
        self._working = False
        self._idle = False
        self._end: float | None = None

    def wake(self) -> None:
        """Have it look for what is new."""
        with self._news:
            self._has_news = True
            if self._idle or self._end is not None:  # else it looks soon; each wake-up costs the run
                self._news.notify_all()
            if self._working:
                return
            self._working = True
        try:
            threading.Thread(target=self._work, name="longshore-alerts", daemon=True).start()
        except RuntimeError:  # a process that ends starts no threads any more, so this one does it
            self._work()

    def hurry(self, end: float) -> None:
        """Have it tell what can be told before a time on the monotonic clock, and stop."""
        with self._news:
            self._end = end
        self.wake()

    def join(self, end: float) -> None:
        """Wait until it has stopped, at most until then."""
        with self._news:
            stopped = self._news.wait_for(lambda: not self._working, max(0.0, end - time.monotonic()))
            self._end = None
        self.untaken = 0 if stopped else self.courier.untaken

    def _work(self) -> None:
        said = ""
        while True:
            with self._news:
                self._has_news = False
            try:
                wait, said = self.courier.work(hurry=self._end is not None), ""
            except Exception as error:  # noqa: BLE001 - a store that is locked or full; the run is not harmed
                wait, text = _BROKEN_WAIT, redact(f"{type(error).__name__}: {error_text(error)}")
                if text != said:
                    run_log.warning("alerts | %s: %s", self.courier.channel.address, text)
                said = text
            if self._stops(wait):
                return

    def _stops(self, wait: float | None) -> bool:
        """Wait for what comes next; whether there is nothing, so that the thread ends."""
        with self._news:
            if self._end is not None:
                left = self._end - time.monotonic()
                if wait is None or wait > left:
                    return self._stopped()
                self._news.wait(max(0.0, min(wait, left)))
                return False
            if wait is None:
                self._idle = True
                has_news = self._news.wait_for(lambda: self._has_news, _IDLE)
                self._idle = False
                if not has_news:
                    return self._stopped()
                wait = _SHORTEST_WAIT
            self._news.wait_for(lambda: self._end is not None, max(_SHORTEST_WAIT, min(wait, _LONGEST_WAIT)))
            return False

    def _stopped(self) -> bool:
        try:
            self.courier.close()
        except Exception as error:  # noqa: BLE001 - the lease ends by itself
            run_log.debug("alerts | %s: %s", type(error).__name__, error)
        self._working = False
        self._news.notify_all()
        return True


class Deliveries:
    """What this process delivers."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._lock = forks.Lock()
        self._rounds: dict[tuple[str, str], _Round] = {}

    def wake(
        self,
        channel: Channel,
        spool: Spool,
        flow: str = "",
        template: Template | None = None,
        *,
        address: str = "",
    ) -> None:
        """Have a channel told of what waits in a spool; returns at once.

        Args:
            channel: The channel.
            spool: What keeps what waits.
            flow: The flow whose messages a template replaces.
            template: Replaces them.
            address: The channel's, where it is known: to make it costs more than the rest.
        """
        round_ = self._round(address or channel.address, channel, spool)
        if template is not None:
            round_.courier.templates[flow] = template
        round_.wake()

    def _round(self, address: str, channel: Channel, spool: Spool) -> _Round:
        key = address, str(getattr(spool, "location", ""))
        with self._lock:
            found = self._rounds.get(key)
            if found is None:
                found = self._rounds[key] = _Round(channel, spool)
            return found

    def flush(self, seconds: float) -> list[Delivered]:
        """Tell all that waits, in at most so many seconds; return how the channels stand."""
        end = time.monotonic() + seconds
        with self._lock:
            rounds = list(self._rounds.values())
        for round_ in rounds:
            round_.hurry(end)
        for round_ in rounds:
            round_.join(end)
        return [_standing(round_) for round_ in rounds]

    def say_goodbye(self) -> None:
        """Flush at the end of the process, and say what could not be told."""
        if self.pid != os.getpid() or not self._rounds:
            return
        kept = {round_.courier.channel.address: round_.kept for round_ in self._rounds.values()}
        for standing in self.flush(FLUSH):
            if not standing.waiting:
                continue
            what = many(standing.waiting, "alert")
            why = f": {standing.why}" if standing.why else ""
            with console_when_unconfigured():
                if kept[standing.channel]:
                    run_log.warning(
                        "alerts | %s for %s wait in the store%s; the next run with it tells them, or: "
                        "longshore alert --send", what, standing.channel, why,
                    )  # fmt: skip
                else:
                    run_log.error(
                        "alerts | %s for %s could not be told, and are lost%s; a run with a store keeps them",
                        what, standing.channel, why,
                    )  # fmt: skip


def _standing(round_: _Round) -> Delivered:
    courier = round_.courier
    return Delivered(courier.channel.address, len(courier.waiting) + round_.untaken, courier.why)


_here: Deliveries | None = None
_making = forks.Lock()


def here() -> Deliveries:
    """Return the deliveries of this process; a forked child has its own."""
    global _here
    with _making:
        if _here is None or _here.pid != os.getpid():
            _here = Deliveries()
            atexit.register(_here.say_goodbye)
        return _here


@functools.lru_cache(maxsize=1)
def memory() -> MemorySpool:
    """Return what keeps the alerts of this process that no store keeps."""
    return MemorySpool()


def flush_alerts(seconds: float = FLUSH) -> list[Delivered]:
    """Tell the alerts of this process that wait, in at most so many seconds; return how the channels stand.

    The end of the process does so by itself.
    """
    return here().flush(seconds)
