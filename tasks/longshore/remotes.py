"""Attempts in other processes: what travels, and the wire on which they report while they run.

A worker connects back once. On the wire go transitions, log records and progress to the driver, and
cancellation to the worker. When it breaks, the driver is gone: the worker cancels its attempts, so that
nothing they started lives on.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import multiprocessing
import os
import pickle
import secrets
import threading
import time
from concurrent.futures import Future
from multiprocessing.connection import Client, Connection, Listener
from typing import TYPE_CHECKING, Any

from longshore import deadlines, lanes
from longshore.context import CANCEL_GRACE, Attempt
from longshore.logs import handle_elsewhere_made, plain_record, records_with_context
from longshore.runner import Call, attempt
from longshore.secrets import has_secrets, redact_bytes
from longshore.states import Failed
from longshore.travel import masked, one_line, unsendable

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore.datasets import News
    from longshore.frontier import Unit
    from longshore.pools import Pool
    from longshore.states import State

_WIRE_DELAY = 1.0
"""Seconds that an attempt's result waits for the log records that were sent before it."""


class Hub:
    """The driver's end of the wires.

    Args:
        pool: Has the workers.
        started: Told, in the hub's thread, of a unit's Running state.
        progress: Told, in the hub's thread, how far a unit is, and what it read and wrote.
    """

    def __init__(
        self,
        pool: Pool,
        started: Callable[[Unit, State], None],
        progress: Callable[[Unit, News], None],
    ) -> None:
        self._pool = pool
        self._key = secrets.token_bytes(32)
        self._listener = Listener(authkey=self._key)
        self._started = started
        self._progress = progress
        self._wires: list[Connection[Any, Any]] = []
        self._closed = False
        self._news = threading.Condition()
        self._sent: set[Unit] = set()
        self._awaited: set[Connection[Any, Any]] = set()
        self._said_all: set[Unit] = set()
        threading.Thread(target=self._accept, name="longshore-hub", daemon=True).start()

    def _accept(self) -> None:
        while not self._closed:
            with contextlib.suppress(Exception):  # a stranger without the key, or the end
                wire = self._listener.accept()
                self._wires.append(wire)
                threading.Thread(
                    target=self._listen, args=(wire,), name="longshore-wire", daemon=True
                ).start()

    def _listen(self, wire: Connection[Any, Any]) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                kind, *content = wire.recv()
                if kind == "started":
                    self._started(*content)
                elif kind == "progress":
                    self._progress(*content)
                elif kind == "called back":
                    self._awaited.discard(wire)
                elif kind == "done":
                    with self._news:
                        self._said_all.add(content[0])
                        self._news.notify_all()
                else:
                    handle_elsewhere_made(content[0])
        self._awaited.discard(wire)

    def submit(self, unit: Unit, call: Call) -> Future[bytes]:
        """Send an attempt to a worker."""
        try:
            payload = pickle.dumps(call)
        except Exception as error:  # noqa: BLE001 - a class the driver cannot import, say
            refused: Future[bytes] = Future()
            refused.set_result(_sealed(unsendable(f"inputs of {call.name!r} cannot be sent", error)))
            return refused
        self._sent.add(unit)
        return self._pool.submit(run_remote, self._listener.address, self._key, unit, payload)

    def flush(self) -> None:
        """Do nothing: an attempt is sent at once."""

    def received(self, unit: Unit, call: Call, made: bytes) -> State:
        """Read the state that a worker sent, when all that the attempt said on the wire has come."""
        try:
            call.private, packed, call.log_tail = pickle.loads(made)  # noqa: S301 - from a worker of our own, which has our key
            state: State = masked(pickle.loads(packed))  # noqa: S301
        except Exception as error:  # noqa: BLE001 - a class the driver cannot import, say
            state = unsendable(f"result of {call.name!r} cannot be read here", error)
        if unit in self._sent:
            with self._news:
                self._news.wait_for(lambda: unit in self._said_all, _WIRE_DELAY)
                self._said_all.discard(unit)
        return state

    def cancel(self, reason: str) -> None:
        """Cancel every attempt in every worker."""
        for wire in self._wires:
            with contextlib.suppress(OSError):
                self._awaited.add(wire)
                wire.send(("cancel", reason))

    @property
    def called_back(self) -> bool:
        """Whether, after `cancel()`, the callbacks of the attempts in every worker have done their work."""
        return not self._awaited

    def close(self) -> None:
        """Cut the wires."""
        self._closed = True
        self._listener.close()
        for wire in self._wires:
            with contextlib.suppress(OSError):
                wire.send(("end",))


class _Wire(logging.Handler):
    """A worker's end: sends to the driver, listens for cancellation."""

    def __init__(self, address: Any, key: bytes) -> None:
        super().__init__()
        self._connection = Client(address, authkey=key)
        self._sending = threading.Lock()
        self.parent = os.getppid()
        self.contexts: dict[Unit, Attempt] = {}
        root = logging.getLogger("longshore")
        root.handlers[:] = [self]  # a forked worker would repeat what the driver prints
        root.propagate = False
        root.setLevel(logging.INFO)
        threading.Thread(target=self._listen, name="longshore-wire", daemon=True).start()

    def send(self, *message: Any) -> None:
        with self._sending, contextlib.suppress(OSError):
            self._connection.send(message)

    def emit(self, record: logging.LogRecord) -> None:
        self.send("log", plain_record(record))

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                kind, *content = self._connection.recv()
                if kind == "end":
                    break
                threading.Thread(target=self._cancel, args=content, daemon=True).start()
        _wires.pop(os.getpid(), None)
        orphaned = os.getppid() != self.parent
        if orphaned:
            self._cancel("the process that drove the run died")
        if (
            self.contexts or orphaned
        ):  # an attempt that was given up would keep this process, and its parent, alive
            os._exit(1)

    def _cancel(self, reason: str) -> None:
        stops = [
            deadlines.start(functools.partial(context.cancel, reason))
            for context in list(self.contexts.values())
        ]
        for stop in stops:
            stop.wait(CANCEL_GRACE)
        self.send("called back")


_wires: dict[int, tuple[Any, _Wire]] = {}


def end_with_parent() -> None:
    """Have this worker end when the process that started it dies, although it waits for a call."""
    threading.Thread(target=_outlive, name="longshore-parent", daemon=True).start()


def _outlive() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        known = _wires.get(os.getpid())
        if known is not None and known[1].contexts:
            time.sleep(CANCEL_GRACE)  # the wire has broken too, and ends what runs
        os._exit(1)


def _wire_to(address: Any, key: bytes) -> _Wire:
    known = _wires.get(os.getpid())
    if known is None or known[0] != address:
        known = address, _Wire(address, key)
        _wires[os.getpid()] = known
    return known[1]


def run_remote(address: Any, key: bytes, unit: Unit, payload: bytes) -> bytes:
    """Make an attempt in a worker and return its state, pickled."""
    try:
        call: Call = pickle.loads(payload)  # noqa: S301 - from the driver that started us
    except Exception as error:  # noqa: BLE001 - a lambda, a lock, an open connection
        return _sealed(unsendable("the step cannot be loaded in the worker", error))
    wire = _wire_to(address, key)
    context = call.context(lambda _, news: wire.send("progress", unit, news))
    wire.contexts[unit] = context
    try:
        with records_with_context():
            state = attempt(call, context, lambda running: wire.send("started", unit, running))
    finally:
        del wire.contexts[unit]
    lanes.drain(1.0)
    wire.send("done", unit)
    return _packed(call, state, () if state.finished and not isinstance(state, Failed) else context.log_tail)


def _packed(call: Call, state: State, tail: tuple[str, ...]) -> bytes:
    try:
        return _sealed(state, tail)
    except Exception as error:  # noqa: BLE001 - a lambda, a lock, an open connection
        what = f"result of {call.name!r} cannot be sent back: {one_line(getattr(state, 'result', state))}"
        return _sealed(unsendable(what, error))


def _sealed(state: State, tail: tuple[str, ...] = ()) -> bytes:
    """Return a state as bytes, whether a secret that only this process knows is in it, and the log's tail."""
    data = pickle.dumps(state)
    private = has_secrets() and redact_bytes(data) != data
    return pickle.dumps((private, data, tail))
