"""The part of `StoreContract` that is about alerts, and about who tells a channel of them."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from longshore.contracts.owners import OWNER
from longshore.contracts.storeparts import (
    LONG_AGO,
    ME,
    OTHER,
    RUN,
    StorePart,
    alert,
    changed,
    ended,
    incident,
)
from longshore.contracts.tellers import Teller
from longshore.stores.errors import LeaseLostError
from longshore.stores.locations import open_store
from longshore.stores.records import AlertRaised, Pruned, RunRecord

if TYPE_CHECKING:
    from longshore.stores.interface import RunStore
    from longshore.stores.records import Change

OPS: Final = "harbour://ops"
DATA: Final = "harbour://data"
_KILLS: Final = 4


class Tellings(StorePart):
    """What every run store does with what channels are to be told."""

    # Alerts

    def test_alerts_come_back_as_they_were_raised(self, driven: RunStore) -> None:
        """The oldest first, each channel's on its own; with a run's changes or apart from any run."""
        raised = [replace(alert(OPS, number), text=f"OSError: {number}") for number in range(5)]
        driven.add_alerts([raised[0], alert(DATA, 9)])
        driven.write(RUN, ME, [changed("Failed"), *(AlertRaised(alert=one) for one in raised[1:4])])
        driven.add_alerts(raised[4:])
        driven.add_alerts([])
        found = driven.alerts(OPS, 10)
        assert [one for _, one in found] == raised
        assert [number for number, _ in found] == sorted({number for number, _ in found})
        assert driven.alerts(OPS, 2) == found[:2]
        assert [one for _, one in driven.alerts(DATA, 10)] == [alert(DATA, 9)]
        assert driven.alerts("harbour://", 10) == driven.alerts(OPS, 0) == []

    def test_an_alert_is_there_if_and_only_if_the_change_is_that_it_tells_of(self, driven: RunStore) -> None:
        """Who does not drive the run any more writes neither."""
        both: list[Change] = [changed("Failed"), AlertRaised(alert=alert(OPS, 1))]
        with pytest.raises(LeaseLostError):
            driven.write(RUN, "another token", both)
        assert (driven.steps(RUN), driven.alerts(OPS, 10)) == ([], [])
        driven.write(RUN, ME, both)
        assert (len(driven.steps(RUN)), len(driven.alerts(OPS, 10))) == (1, 1)

    def test_a_killed_process_leaves_each_alert_once_with_its_step_or_in_an_incident(
        self, store: RunStore, location: str
    ) -> None:
        """Killed wherever it is: no alert without its step, none in an incident that still waits as well."""
        for kill in range(_KILLS):
            channel, told = f"harbour://{kill}", ""
            store.create(RunRecord(run_id=channel, flow="nightly"))
            with Teller(location, channel, "raise_and_tell") as teller:
                teller.ask()
                while told != str(10 + kill):
                    told = teller.hear()
            waiting = [one.map_index for _, one in store.alerts(channel, 100_000)]
            taken = [int(one.incident.rpartition(" ")[2]) for one in store.incidents(channel)]
            assert sorted(waiting + taken) == [step.map_index for step in store.steps(channel)]
            assert len(waiting) + len(taken) > 10 + kill

    # Incidents

    def test_incidents_come_back_as_they_were_last_written(self, store: RunStore) -> None:
        """The oldest first, of one channel or of all; chosen by what is open, and what waits."""
        first, second = incident(OPS, "a", opened=20.0), incident(OPS, "b", opened=10.0, waiting=False)
        closed, elsewhere = incident(OPS, "c", opened=30.0, is_open=False), incident(DATA, "d", opened=5.0)
        assert store.take_channel(OPS, ME)
        assert store.take_channel(DATA, ME)
        store.write_incidents(OPS, ME, [first, second, closed], [])
        store.write_incidents(DATA, ME, [elsewhere], [])
        assert store.incidents(OPS) == [second, first, closed]
        assert store.incidents() == [elsewhere, second, first, closed]
        assert store.incidents(OPS, open_only=True) == [second, first]
        assert store.incidents(waiting_only=True) == [elsewhere, first, closed]
        assert store.incidents(OPS, open_only=True, waiting_only=True) == [first]
        newer = replace(first, open=False, waiting=False, updated=99.0, body='{"told": 2}')
        store.write_incidents(OPS, ME, [newer], [])
        assert store.incidents(OPS) == [second, newer, closed]
        assert store.incidents("harbour://") == []

    def test_alerts_that_an_incident_took_in_do_not_wait_any_more(self, driven: RunStore) -> None:
        """Only those that were named, and only of that channel."""
        driven.add_alerts([alert(OPS, number) for number in range(3)] + [alert(DATA, 3)])
        [(first, _), (_, second), (third, _)] = driven.alerts(OPS, 10)
        [(elsewhere, _)] = driven.alerts(DATA, 10)
        assert driven.take_channel(OPS, ME)
        driven.write_incidents(OPS, ME, [incident(OPS, "a")], [first, third, elsewhere])
        assert [one for _, one in driven.alerts(OPS, 10)] == [second]
        assert len(driven.alerts(DATA, 10)) == 1

    def test_channels_that_have_something_to_tell_are_named(self, store: RunStore) -> None:
        """They have alerts, or incidents that wait; each once."""
        assert store.waiting_channels() == []
        assert store.take_channel(OPS, ME)
        store.write_incidents(OPS, ME, [incident(OPS, "a", waiting=False)], [])
        assert store.waiting_channels() == []
        store.write_incidents(OPS, ME, [incident(OPS, "a")], [])
        store.add_alerts([alert(OPS, 1), alert(DATA, 2), alert(DATA, 3)])
        assert sorted(store.waiting_channels()) == [DATA, OPS]

    # Who tells a channel

    def test_one_process_tells_a_channel_and_gives_it_back(self, store: RunStore, location: str) -> None:
        """Another channel is another matter; giving back what one has not is nothing."""
        other = open_store(location)
        assert [store.take_channel(OPS, ME), store.take_channel(OPS, ME)] == [True, True]
        assert not other.take_channel(OPS, OWNER)
        assert other.take_channel(DATA, OWNER)
        other.give_channel(OPS, OWNER)
        assert not other.take_channel(OPS, OWNER)
        store.give_channel(OPS, ME)
        store.give_channel("harbour://", ME)
        assert other.take_channel(OPS, OWNER)
        assert not store.take_channel(OPS, "a new token")
        other.close()

    def test_of_processes_that_take_a_channel_one_gets_it_and_its_death_frees_it(
        self, store: RunStore, location: str
    ) -> None:
        """At once: nobody waits for the end of its lease."""
        with Teller(location, OPS) as one, Teller(location, OPS) as two:
            for teller in (one, two):
                teller.ask()
            answers = {one: one.hear(), two: two.hear()}
            assert sorted(answers.values()) == ["False", "True"]
            assert not store.take_channel(OPS, ME)
            winner, loser = (one, two) if answers[one] == "True" else (two, one)
            winner.kill()
            loser.ask()
            assert loser.hear() == "True"
        assert store.take_channel(OPS, ME)

    def test_of_threads_that_take_a_channel_one_gets_it(self, store: RunStore, location: str) -> None:
        """Whichever object they ask."""
        stores, won = [store, open_store(location)], list[int]()
        together = threading.Barrier(8)

        def take(number: int) -> None:
            together.wait()
            if stores[number % 2].take_channel(OPS, f"token {number}"):
                won.append(number)

        threads = [threading.Thread(target=take, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stores[1].close()
        assert len(won) == 1

    def test_who_does_not_tell_a_channel_changes_nothing_of_it(self, store: RunStore) -> None:
        """Neither one that never did, nor one whose channel another has now, or nobody."""
        store.add_alerts([alert(OPS, 1)])
        waiting = store.alerts(OPS, 10)
        for step in (
            lambda: None,
            lambda: store.take_channel(OPS, ME),
            lambda: store.give_channel(OPS, ME),
            lambda: store.take_channel(OPS, OWNER),
        ):
            step()
            wrong = OWNER if store.take_channel(OPS, ME) else ME
            with pytest.raises(LeaseLostError, match=OPS):
                store.write_incidents(OPS, wrong, [incident(OPS, "a")], [waiting[0][0]])
            store.give_channel(OPS, ME)
        with pytest.raises(LeaseLostError, match=DATA):
            store.write_incidents(DATA, OWNER, [], [])
        assert (store.alerts(OPS, 10), store.incidents()) == (waiting, [])

    # All of it

    def test_any_text_can_be_told(self, store: RunStore) -> None:
        """Characters that cannot be encoded do not stop anybody; the rest comes back as it was."""
        for text in ("a\0b", "naïve 🚢", "'; DROP TABLE alerts; --", "x" * 1_000_000, "bad \udc80"):
            store.add_alerts([replace(alert(text, 1), text=text, body=text)])
            assert store.take_channel(text, ME)
            assert not store.take_channel(text, "another")
            [(number, found)] = store.alerts(text, 10)
            store.write_incidents(text, ME, [replace(incident(text, text), body=text)], [number])
            [told] = store.incidents(text)
            assert store.alerts(text, 10) == []
            if text.isprintable() or "\0" in text:
                assert (found.channel, found.text, found.body) == (text, text, text)
                assert (told.channel, told.body) == (text, text)
            assert found.text.startswith(text[:3])
            store.give_channel(text, ME)
            assert store.take_channel(text, "another")

    def test_incidents_that_are_over_go_when_they_are_old_and_alerts_that_wait_stay(
        self, driven: RunStore
    ) -> None:
        """Also when the run is gone that an alert tells of: no alert is lost."""
        driven.write(RUN, ME, [changed("Failed"), AlertRaised(alert=alert(OPS, 1)), ended(time=10.0)])
        driven.release(RUN, ME)
        assert driven.take_channel(OPS, ME)
        kept = [
            incident(OPS, "open", is_open=True, waiting=False, updated=10.0),
            incident(OPS, "waiting", is_open=False, waiting=True, updated=10.0),
            incident(OPS, "young", is_open=False, waiting=False, updated=LONG_AGO),
        ]
        over = incident(OPS, "over", is_open=False, waiting=False, updated=10.0)
        driven.write_incidents(OPS, ME, [*kept, over], [])
        assert driven.prune(10.0) == Pruned()
        assert len(driven.incidents()) == 4
        assert driven.prune(11.0) == Pruned(runs=1)
        assert driven.incidents() == kept
        assert [one.run_id for _, one in driven.alerts(OPS, 10)] == [RUN]
        assert driven.create(RunRecord(run_id=OTHER, flow="nightly"))
        driven.write_incidents(OPS, ME, [], [number for number, _ in driven.alerts(OPS, 10)])
