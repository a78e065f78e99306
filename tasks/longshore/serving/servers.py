"""`Server`: takes the runs of some flows from a store when they are due, and has each done by a process."""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from longshore.cli import FAILED, INTERRUPTED, TERMINATED
from longshore.errors import FlowError, LongshoreError
from longshore.interrupts import Interrupts
from longshore.logs import console_when_unconfigured
from longshore.serving.agendas import Agenda
from longshore.serving.children import MARK, TAKEN, Child, end_all, how_it_ended
from longshore.serving.marks import end_run
from longshore.serving.rules import TRIES, UNFINISHED, choose
from longshore.serving.silences import Listener
from longshore.stores.locations import default_path, open_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from longshore.flows import Flow
    from longshore.stores.records import RunRecord

log: Final = logging.getLogger("longshore.serving")
GRACE: Final = 30.0
"""Seconds that runs have to end after a signal, before their processes are killed."""
_PERIOD: Final = 0.5
"""Seconds between two looks into the store."""


@dataclass(frozen=True)
class Served:
    """A flow that is served."""

    flow: Flow
    target: str
    agenda: Agenda


class Server:
    """Serves flows from a store until it is told to stop.

    Args:
        flows: The flows, each with where other processes find it.
        where: The place of the store; the command line's when None.
        workers: Runs at once.
        alerts: Addresses of channels that each run tells of its failures.
    """

    def __init__(
        self,
        flows: Sequence[tuple[Flow, str]],
        where: str | Path | None,
        workers: int,
        alerts: Sequence[str] = (),
    ) -> None:
        if MARK in os.environ:
            raise FlowError(
                "cannot serve flows in a process that does a run of one: its file calls serve() when it is "
                'imported; write it under: if __name__ == "__main__":'
            )
        self._where = str(default_path() if where is None else where)
        self._store = open_store(self._where)
        self._workers = workers
        self._alerts = tuple(alerts)
        self._children: dict[str, Child] = {}
        self._spawned: Counter[str] = Counter()
        self._wake = threading.Event()
        self._told: dict[str, str] = {}
        self._served: dict[str, Served] = {}
        for flow, target in flows:
            self._add(flow, target)
        self._listener = Listener([flow for flow, _ in flows], self._store)

    def _add(self, flow: Flow, target: str) -> None:
        flow.check()
        if flow.name in self._served:
            raise FlowError(f"cannot serve two flows {flow.name!r}; give one another name: @flow(name=...)")
        self._served[flow.name] = Served(flow, target, Agenda(flow, self._store))

    def run(self) -> None:
        """Serve until Ctrl-C or SIGTERM.

        Raises:
            KeyboardInterrupt: When the runs that were under way have ended; `.signal` is the signal.
        """
        interrupts = Interrupts(self._wake.set)
        with console_when_unconfigured(), interrupts.watching():
            try:
                self._open()
                while not interrupts.stopping:
                    self._look()
                    self._listener.listen()
                    self._wake.wait(_PERIOD)
                self._end(interrupts.reason)
            except KeyboardInterrupt as interrupt:  # a second signal
                for child in self._children.values():
                    child.kill()
                interrupt.__dict__.update(signal=interrupts.signal)
                raise
            finally:  # after an error of ours the runs go on, as when this process is killed
                self._store.close()
        ended = KeyboardInterrupt(f"serving was ended: {interrupts.reason}")
        ended.__dict__.update(signal=interrupts.signal)
        raise ended

    def _end(self, reason: str) -> None:
        going = [child for child in self._children.values() if child.exit_code is None]
        if going:
            names = ", ".join(f"{child.record.flow} {child.record.run_id[:8]}" for child in going)
            log.info("serving | %s: ending %s", reason, names)
        end_all(going, GRACE)

    def _open(self) -> None:
        now = datetime.now(UTC)
        log.info("serving | from %s, up to %d runs at once, until Ctrl-C", self._where, self._workers)
        for served in self._served.values():
            self._tell(served, served.agenda.keep(now))
            upcoming = served.agenda.next
            when = "when it is submitted" if upcoming is None else f"next {upcoming[1].shown(upcoming[0])}"
            log.info("serving %s | %s", served.flow.name, when)

    def _look(self) -> None:
        """Take note of what ended, and start what is due."""
        for run_id, child in list(self._children.items()):
            if child.exit_code is not None:
                self._ended(self._children.pop(run_id), child.exit_code)
        due: list[RunRecord] = []
        for served in self._served.values():
            try:
                due += self._due(served)
                self._told.pop(served.flow.name, None)
            except LongshoreError as error:  # one flow's trouble is not that of the others
                self._tell_once(served.flow.name, str(error))
        due.sort(key=lambda record: record.due or 0.0)
        for record in due[: max(0, self._workers - len(self._children))]:
            self._start(record)

    def _due(self, served: Served) -> tuple[RunRecord, ...]:
        now = datetime.now(UTC)
        self._tell(served, served.agenda.keep(now))
        records = self._store.runs(flow=served.flow.name, states=UNFINISHED)
        choice = choose(records, now.timestamp(), served.flow.overlap, self._children, self._tries)
        for record, other in choice.skip:
            message = f"run {other.run_id} was still going on when its time came (overlap='skip')"
            if end_run(self._store, record.run_id, "Skipped", message):
                log.info("%s %s | Skipped: %s", record.flow, record.run_id[:8], message)
        for record in choice.hopeless:
            message = f"its process ended {TRIES} times before the run began"
            if end_run(self._store, record.run_id, "Failed", message):
                log.error("%s %s | Failed: %s", record.flow, record.run_id[:8], message)
        return choice.start

    def _tries(self, record: RunRecord) -> int:
        return max(record.tries, self._spawned[record.run_id])

    def _start(self, record: RunRecord) -> None:
        if record.state == "Crashed":
            log.warning("%s %s | Crashed: %s; resuming it", record.flow, record.run_id[:8], record.message)
        try:
            child = Child(record, self._served[record.flow].target, self._where, self._alerts)
        except OSError as error:  # no memory, no process left: later, perhaps
            self._tell_once(record.flow, f"cannot start run {record.run_id}: {error}")
            return
        self._spawned[record.run_id] += 1
        self._children[record.run_id] = child

    def _ended(self, child: Child, code: int) -> None:
        record = child.record
        if code == TAKEN:
            self._spawned[record.run_id] -= 1
        elif code in (0, FAILED, INTERRUPTED, TERMINATED):  # the run has ended, and the record says how
            del self._spawned[record.run_id]
        else:
            log.error("%s %s | its process %s", record.flow, record.run_id[:8], how_it_ended(code))

    def _tell(self, served: Served, lines: list[str]) -> None:
        for line in lines:
            log.warning("serving %s | %s", served.flow.name, line)

    def _tell_once(self, name: str, line: str) -> None:
        if self._told.get(name) != line:
            self._told[name] = line
            log.error("serving %s | %s", name, line)
