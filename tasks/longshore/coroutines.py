"""One event loop a process, in a thread of its own, for tasks that are coroutine functions.

So a task works alike in a script and inside a loop that is already running, as in a notebook, and clients
that belong to a loop can be kept from one call to the next.
"""

from __future__ import annotations

import contextvars
import os
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from longshore import forks
from longshore.context import current
from longshore.errors import TaskCancelled

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

R = TypeVar("R")

_lock = forks.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner = 0


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop, _owner
    with _lock:
        import asyncio  # costs more than all of the core, and few tasks are coroutines

        if _loop is None or _owner != os.getpid():
            _loop, _owner = asyncio.new_event_loop(), os.getpid()
            threading.Thread(target=_loop.run_forever, name="longshore-loop", daemon=True).start()
        return _loop


def run_coroutine(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine on the process's loop, in this context, and wait; cancelling the attempt cancels it."""
    done: Future[R] = Future()
    context = contextvars.copy_context()
    started: list[asyncio.Task[R]] = []
    loop = _running_loop()

    def begin() -> None:
        task = loop.create_task(coroutine, context=context)
        started.append(task)
        task.add_done_callback(end)

    def end(task: asyncio.Task[R]) -> None:
        if task.cancelled():
            done.set_exception(TaskCancelled("the coroutine was cancelled"))
        elif (error := task.exception()) is not None:
            done.set_exception(error)
        else:
            done.set_result(task.result())

    def cancel() -> None:
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in started])

    loop.call_soon_threadsafe(begin)
    with current.on_cancel(cancel):
        try:
            return done.result()
        except KeyboardInterrupt:
            cancel()
            raise
