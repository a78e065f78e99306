"""Waiting inside an attempt, ended by its timeout or its run's cancellation."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from longshore import current
from longshore_http.errors import RequestCancelled

if TYPE_CHECKING:
    from types import TracebackType


class Pauses:
    """The pauses of one attempt."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._stop = threading.Event()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(current.on_cancel(self._stop.set))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def wait(self, seconds: float) -> None:
        """Do nothing for a while.

        Raises:
            RequestCancelled: The attempt was told to stop.
        """
        if self._stop.wait(seconds):
            raise RequestCancelled(f"cannot {self._label}: the attempt was told to stop while it waited")
