"""The part of `StoreContract` that is about what a run writes, and how it is read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from longshore.contracts.storeparts import ME, OTHER, RUN, StorePart, changed, ended, job, line, running
from longshore.stores.errors import RunNotFoundError
from longshore.stores.records import (
    FlowSeen,
    JobChanged,
    JobIntended,
    Logged,
    RunRecord,
    StepChanged,
    StoredResult,
    TransitionRecord,
)

if TYPE_CHECKING:
    from longshore.stores.interface import RunStore


class Recordings(StorePart):
    """What every run store does with what runs write into it."""

    def test_a_run_comes_back_as_it_was_created(self, store: RunStore) -> None:
        """Every field of its record is kept."""
        run = RunRecord(
            run_id=RUN, flow="nightly", name="the first", target="/flows.py:nightly", parameters='{"day": 1}',
            fingerprint='{"load": "ab"}', tags=("a", "b"), state="Scheduled", message="at two", created=5.5,
            due=7.25, schedule="0 2 * * *",
        )  # fmt: skip
        assert store.create(run)
        assert store.run(RUN) == run

    def test_an_id_is_given_to_one_run_only(self, store: RunStore) -> None:
        """A second run of an id is not created, and changes nothing."""
        assert store.create(RunRecord(run_id=RUN, flow="nightly"))
        assert not store.create(RunRecord(run_id=RUN, flow="hourly"))
        assert store.run(RUN).flow == "nightly"

    def test_a_run_is_found_by_the_beginning_of_its_id(self, driven: RunStore) -> None:
        """Four characters or more do, while they fit no other run."""
        assert driven.run(RUN[:4]).run_id == RUN
        driven.create(RunRecord(run_id=OTHER, flow="nightly"))
        assert driven.run(RUN[:6]).run_id == RUN
        with pytest.raises(RunNotFoundError, match=f"{OTHER}.*{RUN}|{RUN}.*{OTHER}"):
            driven.run(RUN[:4])

    @pytest.mark.parametrize("unknown", ["", "5f2", "5f2c", f"{RUN}0", "%", "*", "\udc80"])
    def test_a_run_that_is_not_there_is_an_error_that_names_it(self, driven: RunStore, unknown: str) -> None:
        """Neither too short a beginning nor a pattern finds anything."""
        with pytest.raises(RunNotFoundError) as caught:
            driven.run(unknown)
        assert repr(unknown) in str(caught.value)

    def test_runs_are_listed_the_newest_first(self, store: RunStore) -> None:
        """Flow, state, time and number choose among them."""
        for number in range(4):
            flow, state = ("nightly", "Pending") if number % 2 else ("hourly", "Scheduled")
            store.create(RunRecord(run_id=f"run-{number}", flow=flow, state=state, created=float(number)))

        def ids(**chosen: object) -> list[str]:
            return [run.run_id[-1] for run in store.runs(**chosen)]  # type: ignore[arg-type]

        assert ids() == ["3", "2", "1", "0"]
        assert ids(flow="nightly") == ["3", "1"]
        assert ids(states=["Scheduled"]) == ids(states=["Scheduled", "Crashed"]) == ["2", "0"]
        assert ids(before=2.0) == ["1", "0"]
        assert ids(limit=1) == ["3"]
        assert ids(flow="hourly", states=["Scheduled"], before=2.0, limit=5) == ["0"]
        assert ids(flow="weekly") == ids(limit=0) == []

    def test_a_step_stands_where_it_was_last_heard_of(self, driven: RunStore) -> None:
        """When it began and ended, what came of it; steps come in the order in which they were heard of."""
        driven.write(RUN, ME, [changed("Running", "load", time=10.0), changed("Running", "clean", time=11.0)])
        driven.write(RUN, ME, [changed("Running", "clean", 1), changed("Success", "load", time=12.0)])
        load, clean, mapped = driven.steps(RUN)
        assert (load.step, load.state, load.message) == ("load", "Success", "load is Success")
        assert (load.began, load.ended) == (10.0, 12.0)
        assert load.result == StoredResult(text="[1, 2]", size=6)
        assert (clean.step, clean.map_index, clean.state, clean.ended) == ("clean", -1, "Running", None)
        assert (mapped.step, mapped.map_index, mapped.result) == ("clean", 1, None)

    def test_a_step_that_runs_again_has_no_result_any_more(self, driven: RunStore) -> None:
        """It keeps when it began first."""
        driven.write(
            RUN, ME, [changed("Running", time=10.0), changed("Success"), changed("Running", time=20.0)]
        )
        [step] = driven.steps(RUN)
        assert (step.state, step.began, step.ended, step.result) == ("Running", 10.0, None, None)

    def test_why_a_step_failed_and_when_it_goes_on_is_kept(self, driven: RunStore) -> None:
        """Also where its result is, and that it could not be stored."""
        place = StoredResult(serializer="", place="it cannot be stored", size=3, digest="ab")
        failed = StepChanged(
            step="load", map_index=2, attempt=3, state="Retrying", message="again", time=1.5, due=4.5,
            error="OSError: no", traceback="Traceback ...", result=place,
        )  # fmt: skip
        driven.write(RUN, ME, [failed])
        [step] = driven.steps(RUN)
        assert (step.attempt, step.due, step.error, step.traceback) == (
            3,
            4.5,
            "OSError: no",
            "Traceback ...",
        )
        assert step.result == place

    def test_transitions_are_kept_as_they_happened(self, driven: RunStore) -> None:
        """Those of the run itself have no step; the run's own record follows them."""
        driven.write(RUN, ME, [running(time=9.0), changed("Running")])
        driven.write(RUN, ME, [changed("Success"), ended(time=13.0)])
        seen = [(t.step, t.state) for t in driven.transitions(RUN)]
        assert seen == [("", "Running"), ("load", "Running"), ("load", "Success"), ("", "Success")]
        assert driven.transitions(RUN)[1] == TransitionRecord(
            step="load", map_index=-1, attempt=1, state="Running", message="load is Running", time=10.0
        )
        run = driven.run(RUN)
        assert (run.state, run.message, run.started, run.ended) == ("Success", "it is over", 9.0, 13.0)

    def test_a_run_that_goes_on_has_not_ended(self, driven: RunStore) -> None:
        """It keeps when it first started."""
        driven.write(RUN, ME, [running(time=9.0), ended("Failed", time=13.0), running(time=20.0)])
        run = driven.run(RUN)
        assert (run.state, run.started, run.ended) == ("Running", 9.0, None)

    def test_the_flow_that_a_run_starts_with_replaces_what_was_known_of_it(self, driven: RunStore) -> None:
        """As when it was submitted from elsewhere."""
        driven.write(RUN, ME, [FlowSeen(fingerprint='{"load": "cd"}', target="/srv/flows.py:nightly")])
        run = driven.run(RUN)
        assert (run.fingerprint, run.target) == ('{"load": "cd"}', "/srv/flows.py:nightly")
        assert driven.transitions(RUN) == []

    def test_what_is_known_of_a_job_grows(self, driven: RunStore) -> None:
        """What a change does not say stays; open are those that are intended or submitted."""
        driven.write(RUN, ME, [JobIntended(job=job("k1")), JobIntended(job=job("k2"))])
        driven.write(RUN, ME, [JobChanged(key="k1", time=10.0, handle='"h"', state="submitted")])
        driven.write(RUN, ME, [JobChanged(key="k1", time=11.0, cursor="line 7")])
        first, second = driven.jobs(RUN)
        assert (first.handle, first.cursor, first.state, first.time) == ('"h"', "line 7", "submitted", 11.0)
        assert second == job("k2")
        driven.write(RUN, ME, [JobChanged(key="k1", time=12.0, state="Success")])
        assert [found.key for found in driven.jobs(RUN, open_only=True)] == ["k2"]
        assert [found.key for found in driven.jobs(open_only=True)] == ["k2"]
        assert [found.key for found in driven.jobs()] == ["k1", "k2"]
        assert driven.jobs(OTHER) == []

    def test_the_end_of_a_log_is_kept(self, driven: RunStore) -> None:
        """At least as many lines as were asked for, of each step, in their order."""
        for start in range(0, 100, 10):
            lines = tuple(line(str(number)) for number in range(start, start + 10))
            driven.write(RUN, ME, [Logged(lines=(*lines, line(f"clean {start}", "clean", 3)), keep=20)])
        kept = [int(found.text) for found in driven.logs(RUN, "load")]
        assert kept == list(range(100 - len(kept), 100))
        assert 20 <= len(kept) <= 50
        assert len(driven.logs(RUN, "clean", 3)) == 10
        assert driven.logs(RUN, "clean", 2) == driven.logs(OTHER) == []
        assert driven.logs(RUN)[-1] == line("clean 90", "clean", 3)

    def test_any_text_can_be_kept(self, driven: RunStore) -> None:
        """Characters that cannot be encoded do not stop a run."""
        for text in ("a\0b", "naïve 🚢", "'; DROP TABLE runs; --", "x" * 1_000_000):
            driven.write(RUN, ME, [Logged(lines=(line(text),))])
            assert driven.logs(RUN)[-1].text == text
        driven.write(RUN, ME, [changed("Running", "bad \udc80"), Logged(lines=(line("half \ud83d"),))])
        assert driven.logs(RUN)[-1].text.startswith("half ")
