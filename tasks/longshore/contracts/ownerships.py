"""The part of `StoreContract` that is about who drives a run."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from longshore.contracts.owners import OWNER, Owner
from longshore.contracts.storeparts import ME, OTHER, RUN, StorePart, changed, ended, running
from longshore.errors import LimitError
from longshore.stores.errors import LeaseLostError, RunNotFoundError, RunTakenError
from longshore.stores.locations import open_store
from longshore.stores.records import RunRecord

if TYPE_CHECKING:
    from longshore.stores.interface import RunStore


class Ownerships(StorePart):
    """What every run store does about who drives a run, and what an owner holds."""

    def test_a_claim_makes_one_the_owner_and_counts_a_try(self, driven: RunStore) -> None:
        """The record says who drives the run; once it is released nobody does."""
        run = driven.run(RUN)
        assert run.tries == 1
        assert run.lease is not None
        assert run.lease.token == ME
        driven.release(RUN, ME)
        assert driven.run(RUN).lease is None
        assert driven.claim(RUN, "the next one").tries == 2

    def test_a_run_that_is_driven_here_is_refused_at_once(self, driven: RunStore) -> None:
        """The owner is this very process, and yet another token is refused."""
        began = time.monotonic()
        with pytest.raises(RunTakenError, match=RUN):
            driven.claim(RUN, "another token")
        assert time.monotonic() - began < 1
        assert driven.run(RUN).tries == 1

    def test_a_run_that_nobody_created_cannot_be_claimed(self, store: RunStore) -> None:
        """It is named."""
        with pytest.raises(RunNotFoundError, match=RUN):
            store.claim(RUN, ME)

    def test_of_threads_that_claim_one_run_one_gets_it(self, store: RunStore, location: str) -> None:
        """The others are refused, whichever object they ask."""
        store.create(RunRecord(run_id=RUN, flow="nightly"))
        stores, won, refused = [store, open_store(location)], list[int](), list[int]()
        together = threading.Barrier(8)

        def claim(number: int) -> None:
            together.wait()
            try:
                stores[number % 2].claim(RUN, f"token {number}")
                won.append(number)
            except RunTakenError:
                refused.append(number)

        threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stores[1].close()
        assert (len(won), len(refused)) == (1, 7)

    def test_without_a_lease_nothing_is_written(self, driven: RunStore) -> None:
        """Nor is a lease renewed that one has not; giving back what one has not is nothing."""
        for wrong in ("another token", ""):
            with pytest.raises(LeaseLostError, match=RUN):
                driven.write(RUN, wrong, [changed("Running")])
            with pytest.raises(LeaseLostError, match=RUN):
                driven.renew(RUN, wrong)
            driven.release(RUN, wrong)
        with pytest.raises(LeaseLostError):
            driven.take_slot("limit", 1, OTHER, "load")
        assert driven.steps(RUN) == []
        assert driven.renew(RUN, ME) == ""

    def test_a_run_whose_owner_was_killed_shows_as_crashed_and_is_taken_over_at_once(
        self, store: RunStore, location: str
    ) -> None:
        """While the owner lives it is refused; afterwards what the old owner writes is."""
        store.create(RunRecord(run_id=RUN, flow="nightly"))
        with Owner(location, RUN) as owner:
            store.write(RUN, OWNER, [running()])
            assert store.run(RUN).state == "Running"
            with pytest.raises(RunTakenError, match=f"{RUN}.*{owner.pid}"):
                store.claim(RUN, ME)
        assert store.run(RUN).state == "Crashed"
        assert [run.run_id for run in store.runs(states=["Crashed"])] == [RUN]
        assert store.runs(states=["Running"]) == []
        assert store.claim(RUN, ME).state == "Running"
        for old in (lambda: store.write(RUN, OWNER, [ended()]), lambda: store.renew(RUN, OWNER)):
            with pytest.raises(LeaseLostError):
                old()
        store.release(RUN, OWNER)
        assert store.renew(RUN, ME) == ""

    # Slots

    def test_a_limit_has_so_many_slots_and_no_more(self, driven: RunStore) -> None:
        """A holder that has one keeps it; what it gives back is free."""
        assert [driven.take_slot("dwh", 2, RUN, holder) for holder in "aabc"] == [True, True, True, False]
        assert driven.take_slot("api", 1, RUN, "c")
        driven.give_slots(RUN, "a")
        driven.give_slots(RUN, "nobody")
        assert driven.take_slot("dwh", 2, RUN, "c")
        driven.give_slots(RUN, "c")
        assert driven.take_slot("api", 1, RUN, "d")

    def test_runs_share_the_slots_of_a_limit(self, driven: RunStore) -> None:
        """They are all given back when a run is released."""
        driven.create(RunRecord(run_id=OTHER, flow="nightly"))
        driven.claim(OTHER, "another token")
        assert driven.take_slot("dwh", 1, RUN, "load")
        assert not driven.take_slot("dwh", 1, OTHER, "load")
        driven.release(RUN, "not its token")
        assert not driven.take_slot("dwh", 1, OTHER, "load")
        driven.release(RUN, ME)
        assert driven.take_slot("dwh", 1, OTHER, "load")

    def test_two_counts_for_one_limit_are_an_error_while_one_is_held(self, driven: RunStore) -> None:
        """It says both, and which run has the other."""
        driven.create(RunRecord(run_id=OTHER, flow="nightly"))
        driven.claim(OTHER, "another token")
        assert driven.take_slot("dwh", 3, RUN, "load")
        with pytest.raises(LimitError, match=f"dwh.*4.*3.*{RUN}"):
            driven.take_slot("dwh", 4, OTHER, "load")
        driven.give_slots(RUN, "load")
        assert driven.take_slot("dwh", 4, OTHER, "load")

    def test_the_slots_of_an_owner_that_was_killed_are_free(self, driven: RunStore, location: str) -> None:
        """They are not while it lives, and its count binds nobody after."""
        driven.create(RunRecord(run_id=OTHER, flow="nightly"))
        with Owner(location, OTHER, "dwh"):
            assert not driven.take_slot("dwh", 1, RUN, "load")
            with pytest.raises(LimitError):
                driven.take_slot("dwh", 2, RUN, "load")
        assert driven.take_slot("dwh", 2, RUN, "load")
