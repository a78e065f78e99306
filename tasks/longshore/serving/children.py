"""The processes in which a serving process has runs done, one each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore.stores.records import RunRecord

TAKEN: Final = 75
"""What a process exits with when another one has the run already; EX_TEMPFAIL of sysexits(3)."""
MARK: Final = "LONGSHORE_SERVED_RUN"
"""The environment variable that tells a file that it is loaded to do a run."""


class Child:
    """One run, in a process of its own.

    It is in a session of its own, so that the Ctrl-C of a terminal reaches the server alone, and has the
    server's output and not a pipe, so that it outlives a server that is killed.

    Args:
        record: The run.
        target: Where its flow is.
        store: The place of the run store.
        alerts: Addresses of channels that are told of its failures.
    """

    def __init__(self, record: RunRecord, target: str, store: str, alerts: Sequence[str] = ()) -> None:
        self.record = record
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            # -P: a file of the current folder is not to stand for a module of the standard library
            [sys.executable, "-P", "-m", "longshore.serving", record.run_id, target, store, *alerts],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=dict(os.environ, **{MARK: record.run_id}),
        )

    @property
    def exit_code(self) -> int | None:
        """What it exited with, negative for a signal; None while it runs."""
        return self._process.poll()

    def ask_to_end(self) -> None:
        """Have the run ended in order."""
        self._process.terminate()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()


def how_it_ended(code: int) -> str:
    """Say how a process ended that did not exit by itself."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"


def end_all(children: list[Child], grace: float) -> None:
    """End processes in order, and kill those that take longer than `grace` seconds."""
    for child in children:
        child.ask_to_end()
    deadline = time.monotonic() + grace
    while any(child.exit_code is None for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    for child in children:
        if child.exit_code is None:
            child.kill()
