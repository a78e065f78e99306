"""`RunStore`: what every store of runs can do. The engine and the command line use nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore.stores.records import (
        AlertRecord,
        Change,
        IncidentRecord,
        JobRecord,
        LogRecord,
        Pruned,
        RunRecord,
        StepRecord,
        TransitionRecord,
    )
    from longshore.stores.results import Results


class RunStore(ABC):
    """The durable record of runs.

    One object may be used by all threads of a process. Each method is one transaction: when it returns, a
    killed process loses nothing of it; when it raises, nothing of it happened. None holds a lock after it
    returns.

    Attributes:
        results: Where results go, and how they are written.
        durability: `process` survives the death of processes, `power` also that of the machine.
    """

    results: Results
    durability: str

    @property
    def location(self) -> str:
        """Which store this is, the same in every process and without credentials: a path, or a URL.

        What steps leave in other systems is kept with it, so that `longshore sweep` knows whose it is.
        """
        return f"{type(self).__module__}:{type(self).__qualname__}"

    @abstractmethod
    def create(self, run: RunRecord) -> bool:
        """Add a run; return False, and change nothing, when there is one of its id."""

    @abstractmethod
    def claim(self, run_id: str, token: str) -> RunRecord:
        """Become the one who drives a run: nobody does, or whoever did has died or lost the lease.

        Counts one more try, and returns the run as it stands after that.

        Raises:
            RunNotFoundError: There is no such run.
            RunTakenError: Somebody else drives it, and lives; it names the process and machine.
        """

    @abstractmethod
    def renew(self, run_id: str, token: str) -> str:
        """Renew the lease; return why the run is to be cancelled, or nothing.

        Raises:
            LeaseLostError: Somebody else has it.
        """

    @abstractmethod
    def release(self, run_id: str, token: str) -> None:
        """Give the lease and all slots back; nothing happens when somebody else has it."""

    @abstractmethod
    def write(self, run_id: str, token: str, changes: Sequence[Change]) -> None:
        """Write changes of a run, all or none.

        Raises:
            LeaseLostError: Somebody else drives the run now.
        """

    @abstractmethod
    def run(self, run_id: str) -> RunRecord:
        """Return a run, by its id or by a beginning that fits no other one (4 characters or more).

        A run that is recorded as Running whose owner has died shows as Crashed.

        Raises:
            RunNotFoundError: There is none, or there are several; they are named.
        """

    @abstractmethod
    def runs(
        self,
        *,
        flow: str | None = None,
        states: Sequence[str] = (),
        before: float | None = None,
        limit: int | None = None,
    ) -> list[RunRecord]:
        """Return runs, the newest first.

        Args:
            flow: Only those of this flow.
            states: Only those that show one of these states.
            before: Only those that were created before this time.
            limit: At most so many.
        """

    @abstractmethod
    def steps(self, run_id: str) -> list[StepRecord]:
        """Return where the steps of a run stand, in the order in which they were first heard of."""

    @abstractmethod
    def transitions(self, run_id: str) -> list[TransitionRecord]:
        """Return the transitions of a run and its steps, as they happened."""

    @abstractmethod
    def jobs(self, run_id: str | None = None, *, open_only: bool = False) -> list[JobRecord]:
        """Return jobs, of one run or of all; with `open_only` those that are intended or submitted."""

    @abstractmethod
    def logs(self, run_id: str, step: str | None = None, map_index: int | None = None) -> list[LogRecord]:
        """Return what is kept of the log of a run, a step, or one of a mapped one's, as it was logged."""

    @abstractmethod
    def request_cancel(self, run_id: str, reason: str) -> RunRecord:
        """Ask for a run to be cancelled, which happens at once when nobody drives it; return how it stands.

        Raises:
            RunNotFoundError: There is no such run.
        """

    @abstractmethod
    def take_slot(self, limit: str, count: int, run_id: str, holder: str) -> bool:
        """Take one of `count` slots of a limit that all runs of this store share, or return False.

        A holder that has the slot keeps it. Slots of runs whose owner has died are free again.

        Raises:
            LeaseLostError: Nobody drives the run, so nobody could give the slot back.
            LimitError: Another run that holds a slot gives this limit another count.
        """

    @abstractmethod
    def give_slots(self, run_id: str, holder: str) -> None:
        """Give back what a holder has."""

    @abstractmethod
    def remove_scheduled(self, flow: str, keep: Sequence[str]) -> int:
        """Remove the Scheduled runs of a flow that a schedule made, but for these ids; return how many."""

    @abstractmethod
    def add_alerts(self, alerts: Sequence[AlertRecord]) -> None:
        """Write what channels are to tell of; what comes with a run's changes is `AlertRaised`."""

    @abstractmethod
    def alerts(self, channel: str, limit: int) -> list[tuple[int, AlertRecord]]:
        """Return the oldest alerts that no incident of a channel has taken in yet, each with its number."""

    @abstractmethod
    def incidents(
        self, channel: str | None = None, *, open_only: bool = False, waiting_only: bool = False
    ) -> list[IncidentRecord]:
        """Return incidents, of one channel or of all, the oldest first."""

    @abstractmethod
    def waiting_channels(self) -> list[str]:
        """Return the addresses of channels that have alerts, or incidents that are `waiting`."""

    @abstractmethod
    def take_channel(self, channel: str, token: str) -> bool:
        """Become the one process that tells a channel, or stay it for another while; False when another is.

        Whoever had it and died has it no longer. A token that had it, and lost it meanwhile to one that has
        given it back since, gets False once more: what its process knows of the incidents is old.
        """

    @abstractmethod
    def give_channel(self, channel: str, token: str) -> None:
        """Let another process tell a channel; nothing happens when somebody else does."""

    @abstractmethod
    def write_incidents(
        self, channel: str, token: str, incidents: Sequence[IncidentRecord], taken: Sequence[int]
    ) -> None:
        """Write incidents of a channel, and remove the alerts that they have taken in, all or none.

        Raises:
            LeaseLostError: Another process tells the channel now.
        """

    @abstractmethod
    def prune(self, before: float) -> Pruned:
        """Remove finished runs that ended before a time, with their results; sweep what no run refers to.

        Each run is a transaction of its own, so others are recorded meanwhile. A run that somebody drives
        stays; so does one with jobs that are intended or submitted, and is named: what ends them needs it.
        Incidents that are not open, not waiting, and were last updated before that time go too.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the store; using it again opens it again."""
