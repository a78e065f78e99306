"""One event loop a process, in a thread of its own, for tasks that are coroutine functions.

So a task works alike in a script and inside a loop that is already running, as in a notebook, and clients
that belong to a loop can be kept from one call to the next.
"""

from __future__ import annotations

import contextvars
import os
import threading
from concurrent.futures import Future
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, cast

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
_inside: ContextVar[bool] = ContextVar("longshore_coroutine", default=False)


def _running_loop() -> asyncio.AbstractEventLoop:
    """Return the process's loop; inside a coroutine that waits there, a loop of its own."""
    global _loop, _owner
    if _inside.get():
        return _new_loop(forever=False)
    with _lock:
        if _loop is None or _owner != os.getpid():
            _loop, _owner = _new_loop(forever=True), os.getpid()
        return _loop


def _new_loop(*, forever: bool) -> asyncio.AbstractEventLoop:
    import asyncio  # costs more than all of the core, and few tasks are coroutines

    loop = asyncio.new_event_loop()

    def serve() -> None:
        loop.run_forever()
        loop.close()

    threading.Thread(target=serve, name="longshore-loop", daemon=True).start()
    return loop


async def _guarded(coroutine: Coroutine[Any, Any, R]) -> tuple[R | None, BaseException | None]:
    """Return a coroutine's result, or its error: a SystemExit that it raised would end the loop."""
    try:
        return await coroutine, None
    except Exception as error:  # noqa: BLE001 - handed to the caller
        return None, error
    except BaseException as error:
        if type(error).__name__ == "CancelledError":
            raise
        return None, error


def run_coroutine(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine on the process's loop, in this context, and wait; cancelling the attempt cancels it."""
    done: Future[R] = Future()
    loop = _running_loop()
    context = contextvars.copy_context()
    context.run(_inside.set, True)
    started: list[asyncio.Task[tuple[R | None, BaseException | None]]] = []

    def begin() -> None:
        task = loop.create_task(_guarded(coroutine), context=context)
        started.append(task)
        task.add_done_callback(end)

    def end(task: asyncio.Task[tuple[R | None, BaseException | None]]) -> None:
        if task.cancelled():
            done.set_exception(TaskCancelled("the coroutine was cancelled"))
            return
        result, error = task.result()
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(cast("R", result))

    def cancel() -> None:
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in started])

    loop.call_soon_threadsafe(begin)
    with current.on_cancel(cancel):
        try:
            return done.result()
        except KeyboardInterrupt:
            cancel()
            raise
        finally:
            if loop is not _loop:
                loop.call_soon_threadsafe(loop.stop)
