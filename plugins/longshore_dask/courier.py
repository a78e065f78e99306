"""Brings the attempts of one run to a cluster, and back what the workers say."""

from __future__ import annotations

import logging
import pickle
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from longshore import Failed, WorkerCrashed
from longshore.couriers import (
    NeverBeganError,
    PackedState,
    Packer,
    depths,
    handle_elsewhere_made,
    unpack_state,
    unsendable,
)
from longshore_dask.checks import check_workers, forget
from longshore_dask.errors import DaskError, DaskUnreachableError, ResultLostError
from longshore_dask.flightbook import Flight, FlightBook
from longshore_dask.held import DaskHeld
from longshore_dask.pickles import dumps, dumps_with_held
from longshore_dask.processes import this_process
from longshore_dask.tags import options_of
from longshore_dask.there import attempt_there, cancel_there, make_room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from longshore import Flow, State
    from longshore.couriers import Call, News, Unit

log: Final = logging.getLogger("longshore.dask")
_LOOK: Final = 0.5
"""Seconds between two looks at whether what was sent is still there."""
_LARGE: Final = 1 << 20
"""Bytes of inputs from which they go to the workers by themselves, and not through the scheduler's graph."""
_BATCH: Final = 500
"""Attempts that are sent at once."""
_LEVELS: Final = 1000
"""Priorities between two that a user gives: what follows an item of a mapped step goes first."""
_QUIET: Final = 30.0
"""Seconds without a worker after which that is said."""


class DaskCourier:
    """See `longshore.couriers.Courier`.

    Args:
        client: Of the cluster.
        flow: What is run.
        run: A name that no other run has.
        started: Told, in the client's thread, of a unit's Running state.
        news: Told, in the client's thread, how far a unit is, and what it read and wrote.
    """

    def __init__(
        self,
        client: Any,
        flow: Flow,
        run: str,
        started: Callable[[Unit, State], None],
        news: Callable[[Unit, News], None],
    ) -> None:
        self._client = client
        make_room(client)
        self._travelling = check_workers(client, flow)
        self._depths = depths(flow.steps)
        self._topic = f"longshore-{run}"
        self._started = started
        self._news = news
        self._packer = Packer(partial(dumps, code=True))
        self._flights = FlightBook(run)
        self._outbox: dict[tuple[Any, ...], list[tuple[Flight, Any, Any, tuple[Any, ...]]]] = {}
        self._holds = False
        self._awaited: set[str] = set()
        self._looked = self._heard = time.monotonic()
        self._gone: DaskUnreachableError | None = None
        client.subscribe_topic(self._topic, self._hear)

    def submit(self, unit: Unit, call: Call) -> Future[Any]:
        if self._gone is not None:
            return _done(Failed(self._gone, message=str(self._gone)))
        try:
            own, settings, held = self._packed(call)
            priority, resources = options_of(call.tags)
        except Exception as error:  # noqa: BLE001 - a class the driver cannot import, say
            return _done(unsendable(f"inputs of {call.name!r} cannot be sent", error))
        flight = self._flights.add(unit, call)
        level = _LEVELS * priority + self._depths[unit[0]]
        self._outbox.setdefault((level, resources), []).append((flight, settings, own, held))
        return flight.done

    def _packed(self, call: Call) -> tuple[Any, bytes, tuple[Any, ...]]:
        held: list[DaskHeld] = []

        def own_dumps(value: Any) -> bytes:
            if not self._holds:
                return dumps(value, code=bool(self._travelling))
            data, found = dumps_with_held(value)
            held.extend(found)
            return data

        settings, own = self._packer.pack(call, own_dumps)
        if len(own) > _LARGE:
            return self._client.scatter(own, hash=False), settings, tuple(each.future for each in held)
        return own, settings, tuple(each.future for each in held)

    def flush(self) -> None:
        """Send what waits, and look now and then whether what was sent is still there."""
        outbox, self._outbox = self._outbox, {}
        for (priority, resources), waiting in outbox.items():
            for start in range(0, len(waiting), _BATCH):
                self._send(waiting[start : start + _BATCH], priority, dict(resources))
        now = time.monotonic()
        if now - self._looked >= _LOOK:
            self._looked = now
            self._look(now)

    def _send(self, parcels: list[Any], priority: int, resources: dict[str, float]) -> None:
        flights, settings, own, held = zip(*parcels, strict=True)
        try:
            futures = self._client.map(
                attempt_there,
                [flight.number for flight in flights],
                [self._topic] * len(flights),
                [this_process()] * len(flights),
                settings,
                own,
                held,
                key=[flight.key for flight in flights],
                pure=False,
                priority=priority,
                resources=resources or None,
                retries=0,
            )
        except Exception as error:  # noqa: BLE001 - whatever a client says that has lost its scheduler
            self._lose(error)
            return
        for flight, there in zip(flights, futures, strict=True):
            flight.there = there

    def received(self, unit: Unit, call: Call, made: Any) -> State:
        if not isinstance(made, tuple):
            state: State = made
            return state
        parts: tuple[PackedState, Flight] = made  # pyright: ignore[reportUnknownVariableType]
        packed, flight = parts
        held = DaskHeld(flight.there, call.name, packed.size, packed.length) if packed.size else None
        flight.there = None
        self._holds = self._holds or held is not None
        return unpack_state(call, packed, held)

    def _hear(self, event: Any) -> None:
        """Act on a batch of what a worker says; in the client's thread."""
        self._heard = time.monotonic()
        worker, messages = pickle.loads(event[1])  # noqa: S301 - what a worker of ours has pickled
        for kind, *content in messages:
            if kind == "ended":
                self._ended(*content)
            elif kind == "started":
                self._began(worker, *content)
            elif kind == "log":
                handle_elsewhere_made(content[0])
            elif kind == "called back":
                self._awaited.discard(worker)
            elif (flight := self._flights.get(content[0])) is not None:
                self._news(flight.unit, content[1])

    def _began(self, worker: str, number: int, state: State) -> None:
        flight = self._flights.get(number)
        if flight is not None:
            flight.began(worker)
            self._started(flight.unit, state)

    def _ended(self, number: int, packed: PackedState) -> None:
        flight = self._flights.take(self._flights.get(number))
        if flight is not None:
            flight.end((packed, flight))

    def worker_gone(self, worker: str, keys: Iterable[Any]) -> None:
        """Take from a worker that has gone what it was doing; in the client's thread."""
        self._awaited.discard(worker)
        for key in keys:
            flight = self._flights.take(self._flights.of_key(key))
            if flight is None:
                continue
            flight.release()
            self._lost(flight, worker)

    def _lost(self, flight: Flight, worker: str) -> None:
        name = flight.call.name
        if flight.worker or flight.call.task.repeatable:  # the latter's beginning may not be heard yet
            flight.fail(WorkerCrashed(f"the worker {worker} that had {name!r} died"))
            return
        log.info("%s | the worker %s has gone before it began there", name, worker)
        flight.fail(NeverBeganError(worker))

    def _look(self, now: float) -> None:
        if self._client.status not in ("running", "newly-created"):
            self._lose(None)
            return
        for flight in self._flights.all():
            status = flight.there.status if flight.there is not None else "pending"
            if status in ("error", "cancelled", "lost"):
                self._failed(flight, status)
        if now - self._heard > _QUIET:
            self._heard = now
            self._say_what_waits()

    def _say_what_waits(self) -> None:
        flights = self._flights.all()
        if flights and not any(flight.worker for flight in flights):
            log.warning(
                "%s attempts wait, of %r among others: none of the %s workers of the cluster takes one; "
                "is there one with the resources that their tags ask for?",
                len(flights),
                flights[0].call.name,
                len(self._client.nthreads()),
            )

    def _failed(self, flight: Flight, status: str) -> None:
        """A key of ours ended without a word: Dask gave it up, or an input is lost."""
        there = flight.there
        if self._flights.take(flight) is None or there is None:
            return
        name = flight.call.name
        if status != "error":
            flight.fail(WorkerCrashed(f"Dask gave {name!r} up: {status}"))
            return
        error = there.exception()
        failed = DaskError(f"a worker cannot begin {name!r}: {type(error).__name__}: {error}")
        if isinstance(error, ResultLostError):
            failed = ResultLostError(f"an input of {name!r} is lost: {error}; resume the run")
        flight.end(Failed(failed, message=str(failed)))

    def _lose(self, error: Exception | None) -> None:
        """Give all up: the scheduler is gone."""
        why = f": {error}" if error is not None else ""
        self._gone = DaskUnreachableError(f"the Dask scheduler has gone{why}; resume the run")
        for flight in self._flights.all():
            if self._flights.take(flight) is not None:
                flight.fail(WorkerCrashed(str(self._gone)))

    def cancel(self, reason: str) -> None:
        """Stop what runs, and take back what has not begun."""
        for flight in self._flights.all():
            if flight.worker:
                self._awaited.add(flight.worker)
            elif self._flights.take(flight) is not None:
                flight.done.cancel()
                flight.release()
        self._outbox.clear()
        if self._awaited:
            threading.Thread(target=self._tell_workers, args=(reason,), daemon=True).start()

    def _tell_workers(self, reason: str) -> None:
        """Have workers stop what they do for this run; one that hangs keeps nobody waiting."""
        workers = list(self._awaited)
        with suppress(Exception):  # they, or the scheduler, are gone
            self._client.run(
                cancel_there, self._topic, reason, workers=workers, wait=False, on_error="ignore"
            )

    @property
    def called_back(self) -> bool:
        return not self._awaited

    def close(self) -> None:
        for flight in self._flights.all():
            if self._flights.take(flight) is not None:
                flight.release()
        forget(self._travelling)
        with suppress(Exception):  # the scheduler is gone
            self._client.unsubscribe_topic(self._topic)


def _done(state: State) -> Future[Any]:
    done: Future[Any] = Future()
    done.set_result(state)
    return done
