"""A run that was killed, failed or cancelled goes on: what is done stays done."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flow_file import FlowFile

from longshore.stores.records import RunChanged, StepChanged

CHAIN = """
    from datetime import date

    @task
    def extract(day: date):
        did("extract")
        return {"rows": day.day, "pair": (1, day)}

    @task
    def load(found):
        did("load")
        die_unless("died")
        return found["rows"] + found["pair"][0]

    @flow
    def f(day: date):
        return load(extract(day))
"""


@pytest.fixture
def flows(tmp_path: Path) -> Iterator[FlowFile]:
    made = FlowFile(tmp_path)
    yield made
    made.store.close()


def test_what_succeeded_before_a_kill_does_not_run_again_and_its_result_is_there(flows: FlowFile) -> None:
    flows.write(CHAIN)
    assert flows.run(more="day=date(2013, 1, 14)").returncode == -9
    resumed = flows.resume()
    assert resumed.stdout.startswith("(Success()"), resumed.stderr
    assert "'load': 15" in resumed.stdout
    assert flows.effects() == {"extract": 1, "load": 2}
    assert flows.store.run("r").tries == 2


def test_a_run_that_succeeded_is_not_resumed_and_says_how_to_run_a_step_again(flows: FlowFile) -> None:
    flows.write("""
        @flow
        def f():
            task(lambda: did("only"), name="only")()
    """)
    assert flows.run().stdout.startswith("(Success()")
    refused = flows.resume()
    assert "cannot resume run 'r': it succeeded" in refused.stderr
    again = flows.resume(more="rerun=['only']")
    assert again.stdout.startswith("(Success()"), again.stderr
    assert flows.effects() == {"only": 2}


def test_a_failed_run_goes_on_from_its_failure_also_when_the_failing_step_was_repaired(
    flows: FlowFile,
) -> None:
    code = """
        @task
        def good():
            did("good")
            return 1

        @task
        def bad(x):
            did("bad")
            raise ValueError("no")

        @flow
        def f():
            bad(good())
    """
    flows.write(code)
    assert "Failed" in flows.run().stdout
    assert "Failed" in flows.resume().stdout
    flows.write(code.replace('raise ValueError("no")', "return x + 1"))
    repaired = flows.resume()
    assert "'bad': 2" in repaired.stdout, repaired.stderr
    assert flows.effects() == {"good": 1, "bad": 3}


def test_mapped_steps_that_are_done_stay_done(flows: FlowFile) -> None:
    flows.write("""
        @task
        def part(n):
            did(f"part {n}")
            if n == 3:
                time.sleep(0.3)  # the ends of the others are on record
                die_unless("died")
            return n * n

        @flow
        def f():
            total = task(sum, name="total")
            total(part.map([0, 1, 2, 3, 4]))
    """)
    assert flows.run(more="executor=ThreadExecutor(5)").returncode == -9
    resumed = flows.resume()
    assert "'total': 30" in resumed.stdout, resumed.stderr
    assert flows.effects() == {"part 0": 1, "part 1": 1, "part 2": 1, "part 3": 2, "part 4": 1}


def test_done_steps_hold_no_slot_of_their_limit(flows: FlowFile) -> None:
    flows.write("""
        @task(limit="service:1")
        def part(n):
            did(f"part {n}")
            if n == 3:
                die_unless("died")
            return n

        @flow
        def f():
            part.map([0, 1, 2, 3, 4])
    """)
    assert flows.run().returncode == -9
    resumed = flows.resume()
    assert "[0, 1, 2, 3, 4]" in resumed.stdout, resumed.stderr
    assert flows.effects() == {"part 0": 1, "part 1": 1, "part 2": 1, "part 3": 2, "part 4": 1}


def test_retries_go_on_with_the_next_attempt(flows: FlowFile) -> None:
    flows.write("""
        @task(retries=3, retry_delay=0.2)
        def shaky():
            did(f"attempt {current.attempt}")
            if current.attempt == 2:
                die_unless("died")
            if current.attempt < 4:
                raise ConnectionError("reset")
            return current.attempt

        @flow
        def f():
            shaky()
    """)
    assert flows.run().returncode == -9
    resumed = flows.resume()
    assert "'shaky': 4" in resumed.stdout, resumed.stderr
    assert flows.effects() == {"attempt 1": 1, "attempt 2": 2, "attempt 3": 1, "attempt 4": 1}


@pytest.mark.gate("D8")
def test_a_wait_for_the_next_attempt_is_not_longer_when_the_clock_was_set_back(flows: FlowFile) -> None:
    flows.write("""
        @flow
        def f():
            task(lambda: did("tried"), name="shaky", retries=1)()
    """)
    assert flows.run().stdout.startswith("(Success()")
    ahead = time.time() + 3600  # what the clock said then
    flows.store.claim("r", "t")
    waiting = StepChanged(
        step="shaky", map_index=-1, attempt=1, state="Retrying", message="", time=ahead, due=ahead + 0.2
    )
    ended = RunChanged(state="Cancelled", message="", time=ahead, finished=True)
    flows.store.write("r", "t", [waiting, ended])
    flows.store.release("r", "t")
    resumed = flows.resume()
    assert resumed.stdout.startswith("(Success()"), resumed.stderr
    assert flows.effects() == {"tried": 2}


UNKNOWN = """
    @task(repeatable=False)
    def post():
        did("post")
        die_unless("died")
        return "posted"

    @flow
    def f():
        task(lambda x: did(f"after {x}"), name="after")(post())
"""


@pytest.mark.gate("D2")
def test_what_cannot_be_repeated_is_unknown_after_a_kill_until_somebody_says_what_happened(
    flows: FlowFile,
) -> None:
    flows.write(UNKNOWN)
    assert flows.run().returncode == -9
    unsure = flows.resume()
    assert "Failed" in unsure.stdout
    assert flows.effects() == {"post": 1}
    record = flows.step("post")
    assert record.state == "Unknown"
    assert "longshore resume r --rerun 'post'" in record.message
    assert "longshore resume r --accept 'post'" in record.message
    assert "Unknown" in flows.store.run("r").message or "post" in flows.store.run("r").message
    again = flows.resume(more="rerun=['post']")
    assert again.stdout.startswith("(Success()"), again.stderr
    assert flows.effects() == {"post": 2, "after posted": 1}


def test_a_mapped_step_by_its_name_means_those_of_its_steps_that_are_not_done(flows: FlowFile) -> None:
    flows.write("""
        @task(repeatable=False)
        def post(n):
            did(f"post {n}")
            if n == 1:
                time.sleep(0.5)  # the ends of the others are on record
                die_unless("died")
            return n

        @flow
        def f():
            post.map([0, 1, 2])
    """)
    assert flows.run().returncode == -9
    assert "Failed" in flows.resume().stdout
    assert flows.step("post", 1).state == "Unknown"
    again = flows.resume(more="rerun=['post']")
    assert again.stdout.startswith("(Success()"), again.stderr
    assert flows.effects() == {"post 0": 1, "post 1": 2, "post 2": 1}


def test_an_accepted_step_counts_as_done_with_the_result_that_is_given(flows: FlowFile) -> None:
    flows.write(UNKNOWN)
    assert flows.run().returncode == -9
    accepted = flows.resume(more="accept={'post': 'by hand'}")
    assert accepted.stdout.startswith("(Success()"), accepted.stderr
    assert flows.effects() == {"post": 1, "after by hand": 1}


def test_a_step_that_does_not_exist_cannot_be_run_again_or_accepted(flows: FlowFile) -> None:
    flows.write(UNKNOWN)
    assert flows.run().returncode == -9
    assert "there is no step 'pots' (did you mean 'post'?)" in flows.resume(more="rerun=['pots']").stderr
    assert "there is no step 'pots' (did you mean 'post'?)" in flows.resume(more="accept=['pots']").stderr


RESOURCE = """
    class Cluster(Resource):
        def setup(self):
            did("set up")
            return "cluster"

        def cleanup(self, cluster):
            did("clean up")

    @task
    def work(where, n):
        did(f"work {n}")
        if n == 2 and not (HERE / "again").exists():
            (HERE / "again").touch()
            STOP()
        return n

    @flow
    def f():
        with Cluster() as cluster:
            first = work.replace(name="first")(cluster, 1)
            work.replace(name="second")(cluster, 2, after=first)
"""


def test_what_was_set_up_and_not_cleaned_up_is_used_again(flows: FlowFile) -> None:
    flows.write(RESOURCE.replace("STOP()", "os.kill(os.getpid(), 9)"))
    assert flows.run().returncode == -9
    resumed = flows.resume()
    assert resumed.stdout.startswith("(Success()"), resumed.stderr
    assert flows.effects() == {"set up": 1, "work 1": 1, "work 2": 2, "clean up": 1}


def test_what_was_cleaned_up_is_set_up_again_for_the_steps_that_are_left(flows: FlowFile) -> None:
    flows.write(RESOURCE.replace("STOP()", 'raise ValueError("not yet")'))
    assert "Failed" in flows.run().stdout
    resumed = flows.resume()
    assert resumed.stdout.startswith("(Success()"), resumed.stderr
    assert flows.effects() == {"set up": 2, "work 1": 1, "work 2": 2, "clean up": 2}


@pytest.mark.gate("D10")
def test_a_done_step_that_is_no_longer_what_it_was_is_never_used_without_a_word(flows: FlowFile) -> None:
    flows.write(CHAIN)
    assert flows.run(more="day=date(2013, 1, 14)").returncode == -9
    flows.write(CHAIN.replace('"rows": day.day', '"rows": day.month'))
    refused = flows.resume()
    assert "flow 'f' is no longer what was recorded" in refused.stderr
    assert "step 'extract': its code" in refused.stderr
    assert "longshore resume r --changed rerun" in refused.stderr
    assert flows.effects() == {"extract": 1, "load": 1}

    kept = flows.resume(more="changed='keep'")
    assert "'load': 15" in kept.stdout, kept.stderr
    assert "its result is kept" in kept.stderr


@pytest.mark.gate("D10")
def test_changed_steps_and_all_behind_them_run_again_when_asked(flows: FlowFile) -> None:
    flows.write(CHAIN)
    assert flows.run(more="day=date(2013, 1, 14)").returncode == -9
    flows.write(CHAIN.replace('"rows": day.day', '"rows": day.month'))
    again = flows.resume(more="changed='rerun'")
    assert "'load': 2" in again.stdout, again.stderr
    assert flows.effects() == {"extract": 2, "load": 2}


@pytest.mark.gate("D10")
def test_steps_may_be_added_and_taken_out_before_a_resume(flows: FlowFile) -> None:
    flows.write(CHAIN)
    assert flows.run(more="day=date(2013, 1, 14)").returncode == -9
    new = 'task(lambda: did("new"), name="new")()'
    flows.write(CHAIN.replace("return load(", f"{new}\n        return load("))
    resumed = flows.resume()
    assert "'load': 15" in resumed.stdout, resumed.stderr
    assert "step 'new' was added" in resumed.stderr
    assert flows.effects() == {"extract": 1, "load": 2, "new": 1}


def test_a_run_of_another_flow_or_with_another_id_is_refused(flows: FlowFile) -> None:
    flows.write(CHAIN + "\n    @flow\n    def other():\n        task(lambda: 1, name='one')()\n")
    assert flows.run(more="day=date(2013, 1, 14)").returncode == -9
    assert "is one of flow 'f', not of 'other'" in flows.resume("other").stderr
    unknown = flows.call("f.resume('nosuchrun', store='runs.db')")
    assert "nosuchrun" in unknown.stderr
    twice = flows.run(more="day=date(2013, 1, 14)")
    assert "there is one of this id" in twice.stderr
    assert "longshore resume r" in twice.stderr


def test_a_final_failure_is_told_once_over_a_kill_and_a_resume(flows: FlowFile) -> None:
    flows.write("""
        from longshore import On, Failed

        def tell(subject, old, new):
            did(f"told of {subject.name}")

        @task(state_handlers=[On(Failed, tell)], repeatable=False)
        def post():
            die_unless("died")

        @task(state_handlers=[On(Failed, tell)])
        def bad():
            raise ValueError("no")

        @flow
        def f():
            bad()
            post()
    """)
    assert flows.run(more="executor=InlineExecutor()").returncode == -9
    assert "Failed" in flows.resume(more="rerun=[]").stdout
    told = flows.effects()
    assert told["told of post"] == 1
    assert "Failed" in flows.resume().stdout
    assert flows.effects()["told of post"] == 1


@pytest.mark.gate("C5")
def test_a_run_that_was_interrupted_at_any_moment_is_resumed_to_its_end(
    flows: FlowFile, gate_count: Callable[[int, int], int]
) -> None:
    flows.write("""
        @task
        def part(n):
            did("start")
            time.sleep(0.05)
            if current.cancelled:
                raise InterruptedError("stopped")
            did(f"end {n}")
            return n

        @flow
        def f():
            return task(sum, name="total")(part.map(list(range(40))))
    """)
    chance = random.Random(5)
    for turn in range(gate_count(3, 100)):
        (flows.folder / "effects").unlink(missing_ok=True)
        code = f"from flows import *\nf.run(store='runs.db', run_id='turn{turn}', executor=ThreadExecutor(4))"
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=flows.folder, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(flows.folder)},
        )  # fmt: skip
        end = time.monotonic() + 20
        while not flows.effects() and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(chance.random() * 0.4)
        process.send_signal(chance.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
        assert process.wait(18) != 0
        record = flows.store.run(f"turn{turn}")
        assert (record.state, record.lease) == ("Cancelled", None)
        resumed = flows.call(f"f.resume('turn{turn}', store='runs.db').result")
        assert resumed.stdout == "780\n", resumed.stderr
        ends = {what: count for what, count in flows.effects().items() if what.startswith("end")}
        assert ends == {f"end {n}": 1 for n in range(40)}
