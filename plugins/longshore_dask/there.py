"""What happens on a worker: attempts are made there, and what they say is sent to their driver.

Each run has a topic of its own with the scheduler. A worker's news go there in order, in batches: one batch
is on its way at a time, and what is said meanwhile makes the next one.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from longshore import require
from longshore.couriers import (
    CANCEL_GRACE,
    PackedState,
    make_attempt,
    pack_state,
    send_logs,
    unpack,
    unsendable,
)
from longshore_dask.errors import DaskError, ResultLostError
from longshore_dask.marks import AGAIN, REMADE
from longshore_dask.pickles import PICKLERS, Unpickler, dumps
from longshore_dask.processes import this_process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore import Attempt
    from longshore.couriers import Call

distributed: Any = require("distributed", extra="dask")
LIMIT: Final = 16 * 1024
"""Bytes of a result up to which it travels to the driver with the news that it is there."""
_LOOK: Final = 0.5
"""Seconds between two looks at whether the attempts of this worker are still wanted."""
_SENT_WITHIN: Final = 10.0
"""Seconds that an attempt waits for what it logs to be sent on."""


def attempt_there(
    number: int, topic: str, driver: str, settings: bytes, own: bytes, held: Sequence[Any]
) -> Any:
    """Make an attempt and return its result, if that stays here.

    Args:
        number: What the driver calls the attempt.
        topic: Where its news go.
        driver: The driver's process.
        settings: What the attempts of its step have in common.
        own: What it has of its own.
        held: The results that stand for its inputs.

    Raises:
        ResultLostError: It has begun before, on a worker that is gone, and only the driver may repeat it.
    """
    worker = distributed.get_worker()
    key = worker.get_current_task()
    annotations: dict[str, Any] = worker.state.tasks[key].annotations or {}
    reporter = reporter_of(worker, topic)
    try:
        call = unpack(settings, own, lambda data: Unpickler(data, held).load())
    except Exception as error:  # noqa: BLE001 - a module that this worker lacks, say
        state = unsendable(f"the step cannot be loaded on worker {worker.address}", error)
        reporter.say("ended", number, PackedState(dumps(state)))
        return None
    if AGAIN in annotations or (REMADE in annotations and not call.task.repeatable):
        raise ResultLostError(f"{call.name!r} was begun on a worker that is gone")
    if REMADE in annotations:
        call.handlers = ()  # they were called when it was made first
    log = None if driver == this_process() else reporter.log
    return _made(call, number, key, reporter, log)


def _made(call: Call, number: int, key: Any, reporter: Reporter, log: Any) -> Any:
    context = call.context(lambda _, news: reporter.say("news", number, news))
    reporter.began(key, context)
    if log is not None:
        send_logs()
    try:
        state = make_attempt(
            call,
            context,
            lambda running: reporter.say("started", number, running, waits=not call.task.repeatable),
            log,
        )
    finally:
        reporter.ended(key)
    tail = context.log_tail if getattr(state, "error", None) is not None or not state.finished else ()
    packed = pack_state(call, state, LIMIT, PICKLERS, tail)
    reporter.say("ended", number, packed)
    return getattr(state, "result", None) if packed.size else None


class Reporter:
    """Sends what the attempts of one run on this worker say, and stops those that nobody wants any more."""

    def __init__(self, worker: Any, topic: str) -> None:
        self._worker = worker
        self._topic = topic
        self._news = threading.Condition()
        self._waiting: list[tuple[Any, ...]] = []
        self._receipts: list[Future[None]] = []
        self._contexts: dict[Any, Attempt] = {}
        self._serving = False

    @property
    def busy(self) -> bool:
        """Whether there is something to look after, or to send."""
        return bool(self._contexts or self._waiting)

    def began(self, key: Any, context: Attempt) -> None:
        """Look after an attempt."""
        self._contexts[key] = context

    def ended(self, key: Any) -> None:
        """Look after an attempt no longer."""
        self._contexts.pop(key, None)

    def log(self, record: dict[str, Any]) -> None:
        """Send a log record; return when it is on its way, so that no death of the worker takes it."""
        self.say("log", record, waits=True)

    def say(self, *message: Any, waits: bool = False) -> None:
        """Send a message to the driver.

        Args:
            message: Its kind and content.
            waits: Return only when the scheduler has it.
        """
        receipt: Future[None] | None = None
        with self._news:
            self._waiting.append(message)
            if waits:
                receipt = Future()
                self._receipts.append(receipt)
            if not self._serving:
                self._serving = True
                threading.Thread(target=self._serve, name="longshore-reporter", daemon=True).start()
            self._news.notify()
        if receipt is not None:
            try:
                receipt.result(_SENT_WITHIN)
            except TimeoutError:
                return  # the work is worth more than what is said about it

    def _serve(self) -> None:
        looked = time.monotonic()
        while True:
            with self._news:
                if not self._waiting:
                    self._news.wait(_LOOK)
                messages, self._waiting = self._waiting, []
                receipts, self._receipts = self._receipts, []
                if not messages and not self._contexts:
                    self._serving = False
                    return
            if messages:
                self._send(dumps([self._worker.address, messages]))
            for receipt in receipts:
                receipt.set_result(None)
            if time.monotonic() - looked >= _LOOK:
                looked = time.monotonic()
                self._cancel_unwanted()

    def _send(self, data: bytes) -> None:
        """Hand a batch to the scheduler, which passes it on in order; a scheduler that is gone needs none."""
        try:
            asyncio.run_coroutine_threadsafe(self._handed_over(data), self._worker.loop.asyncio_loop).result(
                60
            )
        except Exception:  # noqa: BLE001 - the worker is closing, or its scheduler has gone
            return

    async def _handed_over(self, data: bytes) -> None:
        await self._worker.scheduler.log_event(topic=self._topic, msg=data)

    def _cancel_unwanted(self) -> None:
        """Stop what the scheduler no longer wants: the driver gave it up, or is gone itself."""
        tasks = self._worker.state.tasks
        for key, context in list(self._contexts.items()):
            task = tasks.get(key)
            if task is None or task.state in ("cancelled", "resumed", "forgotten"):
                self._cancel([context], "the driver is gone, or has given it up")

    def cancel(self, reason: str) -> None:
        """Tell every attempt to stop, and the driver once their callbacks have done their work."""
        self._cancel(list(self._contexts.values()), reason)
        self.say("called back", self._worker.address)

    def _cancel(self, contexts: list[Attempt], reason: str) -> None:
        stops = [
            threading.Thread(target=context.cancel, args=(reason,), daemon=True)
            for context in contexts
            if not context.cancel_reason
        ]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join(CANCEL_GRACE)


_reporters: dict[tuple[str, str], Reporter] = {}
_making = threading.Lock()


def reporter_of(worker: Any, topic: str) -> Reporter:
    """Return the reporter of a run on this worker."""
    place = worker.address, topic
    with _making:
        if place not in _reporters:
            for other in [known for known in _reporters if not _reporters[known].busy]:
                del _reporters[other]
            _reporters[place] = Reporter(worker, topic)
        return _reporters[place]


async def cancel_there(topic: str, reason: str, dask_worker: Any) -> None:
    """Stop the attempts of a run on this worker, and return at once: this is its event loop."""
    reporter = _reporters.get((dask_worker.address, topic))
    if reporter is not None:
        threading.Thread(target=reporter.cancel, args=(reason,), daemon=True).start()


def make_room(client: Any) -> None:
    """Where a step is about to run a flow on its own cluster: leave its place to the steps of that flow.

    Raises:
        DaskError: It cannot: the body of a step with a timeout runs in a thread of its own.
    """
    try:
        worker = distributed.get_worker()
    except ValueError:
        return  # this is no step of Dask's
    if worker.scheduler.address != client.scheduler.address:
        return
    try:
        distributed.secede()
    except AttributeError:
        raise DaskError(
            "a step with a timeout cannot run a flow on the cluster that it runs on itself: both would wait "
            "for each other; leave the timeout out, or give the flow inside ThreadExecutor()"
        ) from None
