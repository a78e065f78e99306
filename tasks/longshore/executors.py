"""Where steps run: in line, in threads, or on any `concurrent.futures.Executor`."""

from __future__ import annotations

import os
import queue
import threading
from concurrent.futures import Executor as FuturesExecutor
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from longshore.errors import ConfigurationError, FlowError
from longshore.pools import Courier, CourierPool, Executor, Pool

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import ProcessPoolExecutor

    from longshore.datasets import News
    from longshore.flows import Flow
    from longshore.frontier import Unit
    from longshore.states import State

R = TypeVar("R")
_worker = threading.local()


ExecutorLike: TypeAlias = Executor | FuturesExecutor


class InlineExecutor:
    """Runs each step where the flow is driven, one after the other. The simplest to debug."""

    slots: int | None = 1
    remote = False

    def open(self) -> InlineExecutor:
        """Return itself: there is nothing to start."""
        return self

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Call the function and return its finished future."""
        future: Future[R] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - a class the driver cannot import, say
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Do nothing: there is nothing to stop."""

    def __repr__(self) -> str:
        return "InlineExecutor()"


class ThreadExecutor:
    """Runs steps in threads of this process; the default of a flow, as integrations wait on other systems.

    The threads are daemons: one whose step never ends does not keep the process alive.

    Args:
        workers: Steps at once.
    """

    def __init__(self, workers: int = 8) -> None:
        if workers < 1:
            raise ConfigurationError(f"ThreadExecutor({workers!r}): give 1 or more workers")
        self.workers = workers

    def open(self) -> Pool:
        """Return a pool of threads, which start when they are needed."""
        return _Threads(self.workers)

    def __repr__(self) -> str:
        return f"ThreadExecutor({self.workers})"


class _Threads:
    remote = False

    def __init__(self, workers: int) -> None:
        self.slots: int | None = workers
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._workers = workers
        self._started = 0
        self._idle = threading.Semaphore(0)

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        future: Future[R] = Future()
        self._calls.put((future, lambda: fn(*args, **kwargs)))
        if not self._idle.acquire(blocking=False) and self._started < self._workers:
            self._started += 1
            threading.Thread(target=self._serve, name=f"longshore-{self._started}", daemon=True).start()
        return future

    def _serve(self) -> None:
        while (item := self._calls.get()) is not None:
            future, call = item
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:  # noqa: BLE001 - a future carries whatever was raised
                    future.set_exception(error)
            del item, future, call
            self._idle.release()

    def close(self) -> None:
        for _ in range(self._started):
            self._calls.put(None)


class ProcessExecutor:
    """Runs steps in processes of this machine, started afresh for each run.

    Tasks, inputs and results are pickled; what cannot be is an error when the run starts. As with
    `multiprocessing`, a script needs `if __name__ == "__main__":` around its `run`.

    Args:
        workers: Processes; one for each CPU when None.
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise ConfigurationError(f"ProcessExecutor({workers!r}): give 1 or more workers")
        self.workers = workers or os.cpu_count() or 1

    def open(self) -> Pool:
        """Return a pool of processes, which start when they are needed."""
        return _Processes(self.workers)

    def __repr__(self) -> str:
        return f"ProcessExecutor({self.workers})"


class _Processes:
    """A pool that is made anew when one of its processes died."""

    remote = True

    def __init__(self, workers: int) -> None:
        self.slots: int | None = workers
        self._workers = workers
        self._pool = self._make()

    def _make(self) -> ProcessPoolExecutor:
        import multiprocessing  # costs more than all of the core, and few runs need it
        from concurrent.futures import ProcessPoolExecutor

        from longshore.remotes import end_with_parent

        return ProcessPoolExecutor(self._workers, multiprocessing.get_context("spawn"), end_with_parent)

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        try:
            return self._pool.submit(fn, *args, **kwargs)
        except RuntimeError:  # BrokenProcessPool: it takes no more calls
            self._pool.shutdown(wait=False)
            self._pool = self._make()
            return self._pool.submit(fn, *args, **kwargs)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Foreign:
    """An executor of the user's, which is used and left running."""

    def __init__(self, executor: FuturesExecutor) -> None:
        if id(executor) in getattr(_worker, "executors", ()):
            raise FlowError(
                f"flow.run() inside a step got the executor that the step itself runs on, "
                f"{type(executor).__name__}: both would wait for each other; give it another one, or none"
            )
        self._executor = executor
        self.slots: int | None = getattr(executor, "_max_workers", None)
        self.remote = not isinstance(executor, ThreadPoolExecutor)

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        if self.remote:
            return self._executor.submit(fn, *args, **kwargs)
        return self._executor.submit(_marked, id(self._executor), fn, args, kwargs)

    def close(self) -> None:
        """Leave it to whoever made it."""


def _marked(executor: int, fn: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
    before = getattr(_worker, "executors", ())
    _worker.executors = (*before, executor)
    try:
        return fn(*args, **kwargs)
    finally:
        _worker.executors = before


def open_pool(executor: ExecutorLike | None) -> Pool | CourierPool:
    """Open an executor for a run: 8 threads when it is None.

    Raises:
        ConfigurationError: It is no executor.
    """
    if executor is None:
        return ThreadExecutor().open()
    if isinstance(executor, FuturesExecutor):
        return _Foreign(executor)
    if isinstance(executor, type) or not callable(getattr(executor, "open", None)):
        raise ConfigurationError(
            f"executor={executor!r} is no executor; give ThreadExecutor(8), or a concurrent.futures executor"
        )
    return executor.open()


def open_courier(
    pool: Pool | CourierPool,
    flow: Flow,
    started: Callable[[Unit, State], None],
    news: Callable[[Unit, News], None],
) -> Courier | None:
    """Return what takes attempts to the workers of a pool; None for one in this process.

    Raises:
        LongshoreError: The flow cannot run there; the pool is closed.
    """
    if not pool.remote:
        return None
    make = getattr(pool, "courier", None)
    if make is None:
        from longshore.remotes import Hub

        return Hub(cast("Pool", pool), started, news)
    try:
        courier: Courier = make(flow, started, news)
    except BaseException:
        pool.close()
        raise
    return courier
