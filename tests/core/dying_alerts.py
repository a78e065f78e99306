"""A flow that fails in a process that dies while it tells so: `dying_alerts STORE CHANNEL POINT DEATH`."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from alert_channels import FileChannel

from longshore import Alert, Flow, InlineExecutor, SQLiteStore, task
from longshore.stores.records import AlertRaised, Change, IncidentRecord

RUN = "7d8f9c1e-0000-4000-8000-000000000008"


@task
def load() -> None:
    raise ValueError("boom")


def nightly(channel: FileChannel) -> Flow:
    """Return the flow, whose step is told of."""
    with Flow("nightly", step_handlers=(Alert(channel),)) as made:
        load()
    return made


class DyingStore(SQLiteStore):
    """A store whose process dies before or after it writes one thing."""

    point = ""
    death = ""

    def write(self, run_id: str, token: str, changes: Sequence[Change]) -> None:
        """Write what a run has done."""
        told = any(isinstance(change, AlertRaised) for change in changes)
        self._reach("before the transition is written", told)
        super().write(run_id, token, changes)
        self._reach("after the transition is written", told)

    def write_incidents(
        self, channel: str, token: str, incidents: Sequence[IncidentRecord], taken: Sequence[int]
    ) -> None:
        """Write what a channel was told."""
        called = any('"id": "id' in record.body for record in incidents)
        self._reach("before the fold", bool(taken))
        self._reach("before the intent is written", not taken and not called)
        super().write_incidents(channel, token, incidents, taken)
        self._reach("after the fold", bool(taken))
        self._reach("after the receipt", called)

    def _reach(self, point: str, here: bool) -> None:
        if here and point == self.point:
            die(self.death)


def die(death: str) -> None:
    """End this process at once; a SIGTERM takes its usual way."""
    if death == "exit":
        os._exit(7)
    if death == "SIGSEGV":
        ctypes.string_at(0)
    os.kill(os.getpid(), getattr(signal, death))
    time.sleep(0 if death == "SIGTERM" else 60)


def main() -> None:
    """Run the flow; the end of the process tells what is left."""
    path, address, point, death = sys.argv[1:]
    DyingStore.point, DyingStore.death = point, death
    if point == "before the call":
        FileChannel.before = staticmethod(lambda what: die(death))  # type: ignore[assignment]
    elif point == "after the call":
        FileChannel.after = staticmethod(lambda what: die(death))  # type: ignore[assignment]
    run_id = None if Path(path).exists() else RUN
    store = DyingStore(path)
    nightly(FileChannel.of_address(address)).run(store=store, executor=InlineExecutor(), run_id=run_id)


if __name__ == "__main__":
    main()
