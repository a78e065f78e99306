"""The part of `StoreContract` that is about runs of others: cancelling, removing, opening again."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from longshore.contracts.owners import OWNER, Owner
from longshore.contracts.storeparts import LONG_AGO, ME, OTHER, RUN, StorePart, changed, ended, job, running
from longshore.stores.errors import LeaseLostError, ResultError, RunNotFoundError
from longshore.stores.locations import open_store
from longshore.stores.records import JobChanged, JobIntended, Pruned, RunRecord, StepChanged

if TYPE_CHECKING:
    from longshore.stores.interface import RunStore
    from longshore.stores.records import Change


class Upkeep(StorePart):
    """What every run store does with runs that somebody else drives, or nobody."""

    def test_the_owner_of_a_run_is_asked_to_cancel_it(self, driven: RunStore) -> None:
        """It is told why when it renews its lease; the run goes on until then."""
        driven.write(RUN, ME, [running()])
        assert driven.request_cancel(RUN, "not needed").state == "Running"
        assert driven.renew(RUN, ME) == driven.run(RUN).cancel == "not needed"

    def test_a_run_that_nobody_drives_is_cancelled_at_once(self, store: RunStore) -> None:
        """The same goes for one that has not started yet."""
        store.create(RunRecord(run_id=RUN, flow="nightly", state="Scheduled"))
        run = store.request_cancel(RUN, "not needed")
        assert (run.state, run.message, run.ended is None) == ("Cancelled", "not needed", False)
        assert [(t.step, t.state) for t in store.transitions(RUN)] == [("", "Cancelled")]

    def test_a_run_whose_owner_was_killed_is_cancelled_at_once(self, store: RunStore, location: str) -> None:
        """Should the owner turn up again it cannot write any more."""
        store.create(RunRecord(run_id=RUN, flow="nightly"))
        with Owner(location, RUN):
            store.write(RUN, OWNER, [running()])
        assert store.request_cancel(RUN, "not needed").state == "Cancelled"
        with pytest.raises(LeaseLostError):
            store.write(RUN, OWNER, [ended()])

    def test_a_run_that_has_ended_cannot_be_cancelled(self, driven: RunStore) -> None:
        """It stays as it ended; one that is not there is an error."""
        driven.write(RUN, ME, [ended("Failed")])
        assert driven.request_cancel(RUN, "too late").state == "Failed"
        with pytest.raises(RunNotFoundError, match=OTHER):
            driven.request_cancel(OTHER, "not there")

    def test_a_cancelled_run_that_is_resumed_is_not_cancelled_again(self, store: RunStore) -> None:
        """Whoever resumes it wants it."""
        store.create(RunRecord(run_id=RUN, flow="nightly"))
        store.request_cancel(RUN, "not needed")
        assert store.claim(RUN, ME).cancel == store.renew(RUN, ME) == ""

    def test_scheduled_runs_of_a_flow_are_removed(self, store: RunStore) -> None:
        """Not those that are kept, driven, started, of another flow, or that a person submitted."""
        for run_id, flow, state, schedule in (
            ("gone", "nightly", "Scheduled", "0 2 * * *"),
            ("kept", "nightly", "Scheduled", "0 2 * * *"),
            ("driven", "nightly", "Scheduled", "0 2 * * *"),
            ("started", "nightly", "Success", "0 2 * * *"),
            ("other", "hourly", "Scheduled", "0 * * * *"),
            ("submitted", "nightly", "Scheduled", ""),
        ):
            store.create(RunRecord(run_id=run_id, flow=flow, state=state, schedule=schedule))
        store.claim("driven", ME)
        assert store.remove_scheduled("nightly", ["kept"]) == 1
        left = {run.run_id for run in store.runs()}
        assert left == {"kept", "driven", "started", "other", "submitted"}

    def test_old_runs_are_removed_with_all_that_belongs_to_them(self, driven: RunStore) -> None:
        """Their results too."""
        result = driven.results.put(RUN, "load", "x" * 1_000_000)
        change = StepChanged(
            step="load", map_index=-1, attempt=1, state="Success", message="", time=1.0, finished=True,
            result=result,
        )  # fmt: skip
        done = JobChanged(key="k", time=1.0, state="Success")
        driven.write(RUN, ME, [running(), change, JobIntended(job=job("k")), done, ended()])
        driven.release(RUN, ME)
        assert driven.results.get(result) == "x" * 1_000_000
        pruned = driven.prune(LONG_AGO + 1)
        assert (pruned.runs, pruned.files, pruned.kept) == (1, 1, ())
        assert pruned.bytes >= 1_000_000
        left = [driven.runs(), driven.steps(RUN), driven.transitions(RUN), driven.jobs(), driven.logs(RUN)]
        assert left == [[], [], [], [], []]
        with pytest.raises(ResultError):
            driven.results.get(result)
        assert driven.create(RunRecord(run_id=RUN, flow="nightly"))
        assert driven.steps(RUN) == []

    def test_runs_that_are_young_driven_or_not_over_are_not_removed(self, driven: RunStore) -> None:
        """Those with jobs that may go on are named: what ends the jobs needs them."""
        driven.write(RUN, ME, [ended()])
        wanted: dict[str, list[Change]] = {
            "young": [ended(time=time.time())],
            "waits": [],
            "jobs": [JobIntended(job=job("k", "jobs")), ended()],
        }
        for run_id, changes in wanted.items():
            driven.create(RunRecord(run_id=run_id, flow="nightly", created=LONG_AGO))
            driven.claim(run_id, ME)
            driven.write(run_id, ME, changes)
            driven.release(run_id, ME)
        assert driven.prune(LONG_AGO + 1) == Pruned(kept=("jobs",))
        assert len(driven.runs()) == 4

    def test_a_run_whose_owner_was_killed_long_ago_is_removed(self, store: RunStore, location: str) -> None:
        """It ended when it died."""
        store.create(RunRecord(run_id=RUN, flow="nightly", created=LONG_AGO))
        with Owner(location, RUN):
            store.write(RUN, OWNER, [running()])
            assert store.prune(time.time() + 3_600).runs == 0
        assert store.prune(time.time() - 3_600).runs == 0
        assert store.prune(time.time() + 3_600).runs == 1

    def test_a_store_that_was_closed_opens_again(self, driven: RunStore, location: str) -> None:
        """What was written is there, for others too."""
        driven.write(RUN, ME, [changed("Success")])
        driven.close()
        driven.close()
        other = open_store(location)
        assert other.steps(RUN) == driven.steps(RUN)
        assert [step.state for step in other.steps(RUN)] == ["Success"]
        other.close()

    def test_threads_may_write_at_once(self, driven: RunStore) -> None:
        """Each of their changes is there."""

        def write(worker: int) -> None:
            for number in range(25):
                driven.write(RUN, ME, [changed("Running", f"step {worker}", number)])
                driven.write(RUN, ME, [changed("Success", f"step {worker}", number)])

        threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(driven.transitions(RUN)) == 200
        assert {step.state for step in driven.steps(RUN)} == {"Success"}
        assert len(driven.steps(RUN)) == 100
