"""The attempts of one run that are on a cluster, by number and by Dask's key."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longshore.couriers import Call, Unit


@dataclass(slots=True, eq=False)
class Flight:
    """An attempt that was sent.

    Attributes:
        number: What the run calls it.
        unit: What it is an attempt of.
        call: The attempt.
        key: What Dask calls it.
        done: What the run waits for.
        there: Dask's future of it, once it was sent.
        worker: Where it began; empty before that.
    """

    number: int
    unit: Unit
    call: Call
    key: str
    done: Future[Any] = field(default_factory=lambda: Future[Any]())
    there: Any = None
    worker: str = ""

    def began(self, worker: str) -> None:
        """Note where it began: from here on it is no longer taken back, but told to stop."""
        if not self.worker:
            self.worker = worker
            self.done.set_running_or_notify_cancel()

    def end(self, made: Any) -> None:
        """Say what it came to, to a run that may have given it up."""
        with suppress(InvalidStateError):
            self.done.set_result(made)

    def fail(self, error: BaseException) -> None:
        """Say that its worker died, to a run that may have given it up."""
        with suppress(InvalidStateError):
            self.done.set_exception(error)

    def release(self) -> None:
        """Have Dask forget it: what has begun is told to stop by its worker, and the rest never begins."""
        there, self.there = self.there, None
        if there is not None:
            there.release()


class FlightBook:
    """Has each attempt until somebody takes it, who then ends it: the news, a death, or whoever gives it up.

    Args:
        run: A name that no other run has.
    """

    def __init__(self, run: str) -> None:
        self._run = run
        self._numbers = itertools.count()
        self._flights: dict[int, Flight] = {}
        self._keys: dict[str, Flight] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._flights)

    def add(self, unit: Unit, call: Call) -> Flight:
        """Note an attempt that is to be sent."""
        number = next(self._numbers)
        flight = Flight(number, unit, call, f"{call.name}-longshore-{self._run}-{number}")
        with self._lock:
            self._flights[number] = self._keys[flight.key] = flight
        return flight

    def get(self, number: int) -> Flight | None:
        """Return an attempt that nobody has taken."""
        return self._flights.get(number)

    def of_key(self, key: Any) -> Flight | None:
        """Return the attempt of a key of Dask's, if that is one and nobody has taken it."""
        return self._keys.get(key)

    def all(self) -> list[Flight]:
        """Return the attempts that nobody has taken."""
        with self._lock:
            return list(self._flights.values())

    def take(self, flight: Flight | None) -> Flight | None:
        """Take an attempt; None when somebody did that before."""
        if flight is None:
            return None
        with self._lock:
            self._keys.pop(flight.key, None)
            return self._flights.pop(flight.number, None)
