"""What an executor is: where steps run, opened for each run, and how attempts come to workers elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from longshore.datasets import News
    from longshore.flows import Flow
    from longshore.frontier import Unit
    from longshore.runner import Call
    from longshore.states import State

R = TypeVar("R")


class Pool(Protocol):
    """An executor that has been opened for one run.

    Attributes:
        slots: How many calls it runs at once; None when it keeps a queue of its own.
        remote: Calls leave this process, so they and their results are pickled.
    """

    slots: int | None
    remote: bool

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]: ...

    def close(self) -> None: ...


class NeverBeganError(Exception):
    """The worker that an attempt was sent to died before it began: it may be sent again."""


class Courier(Protocol):
    """Takes attempts to the workers of a pool, and brings back what they say.

    Attributes:
        called_back: Whether, after `cancel()`, the callbacks of the attempts have done their work.
    """

    @property
    def called_back(self) -> bool: ...

    def submit(self, unit: Unit, call: Call) -> Future[Any]:
        """Send an attempt. Its future ends with what `received()` reads, or raises when its worker died."""
        ...

    def flush(self) -> None:
        """Have everything sent on its way: the driver is going to wait."""
        ...

    def received(self, unit: Unit, call: Call, made: Any) -> State:
        """Read the state that an attempt came to."""
        ...

    def cancel(self, reason: str) -> None:
        """Tell every attempt to stop."""
        ...

    def close(self) -> None: ...


class CourierPool(Protocol):
    """A pool whose workers are reached in a way of its own, instead of by pipes on this machine.

    Attributes:
        slots: How many attempts may be under way at once.
        remote: True.
        spare_workers: How many workers a repeatable step may lose without an attempt being counted.
    """

    slots: int | None
    remote: bool
    spare_workers: int

    def courier(
        self, flow: Flow, started: Callable[[Unit, State], None], news: Callable[[Unit, News], None]
    ) -> Courier:
        """Return the courier of a run.

        Args:
            flow: What is run.
            started: To be told, in any thread, of a unit's Running state.
            news: To be told, in any thread, how far a unit is, and what it read and wrote.

        Raises:
            LongshoreError: The flow cannot run there.
        """
        ...

    def close(self) -> None: ...


class Executor(Protocol):
    """Where steps run. `open()` is called for each flow run, which closes what it returns."""

    def open(self) -> Pool | CourierPool: ...
