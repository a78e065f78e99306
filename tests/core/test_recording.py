"""What a run leaves on record while it goes, and what happens when it cannot be recorded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flow_file import FlowFile

from longshore import Flow, LeaseLostError, Secret, SQLiteStore, current, flow, task
from longshore.stores.leases import Clock
from longshore.testing import Canary, canary

__all__ = ["canary"]


@pytest.fixture
def flows(tmp_path: Path) -> Iterator[FlowFile]:
    made = FlowFile(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    made = SQLiteStore(tmp_path / "runs.db")
    yield made
    made.close()


def until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.02)


@task(retries=1)
def shaky(n: int) -> int:
    current.log.warning("try %d of %d", current.attempt, n)
    if current.attempt == 1:
        raise ConnectionError("reset")
    return n + 1


@flow(tags=("daily",))
def counting(n: int = 1) -> int:
    return shaky(n)


def test_a_run_its_steps_their_attempts_results_and_logs_are_on_record(store: SQLiteStore) -> None:
    run = counting.run(n=3, store=store, run_id="r")
    assert run.succeeded
    record = store.run("r")
    assert (record.flow, record.state, record.tries, record.tags) == ("counting", "Success", 1, ("daily",))
    assert record.parameters == '{"n":3}'
    assert record.target == f"{Path(__file__).resolve()}:counting"
    assert record.started is not None
    assert record.ended is not None
    assert record.lease is None
    [step] = store.steps("r")
    assert (step.step, step.state, step.attempt) == ("shaky", "Success", 2)
    assert step.result is not None
    assert store.results.get(step.result) == 4
    entered = [(t.step, t.attempt, t.state) for t in store.transitions("r")]
    assert entered == [
        ("", 1, "Running"), ("shaky", 1, "Running"), ("shaky", 1, "Retrying"), ("shaky", 2, "Running"),
        ("shaky", 2, "Success"), ("", 1, "Success"),
    ]  # fmt: skip
    assert [(line.attempt, line.text) for line in store.logs("r")] == [(1, "try 1 of 3"), (2, "try 2 of 3")]


def test_a_failure_is_on_record_with_its_error_and_traceback(store: SQLiteStore) -> None:
    def divide() -> None:
        raise ZeroDivisionError("by nothing")

    with Flow("broken") as built:
        task(divide)()
    built.run(store=store, run_id="r")
    [step] = store.steps("r")
    assert (step.state, step.message) == ("Failed", "ZeroDivisionError: by nothing")
    assert 'raise ZeroDivisionError("by nothing")' in step.traceback
    assert store.run("r").state == "Failed"


def test_a_run_in_a_store_is_the_same_as_one_without(store: SQLiteStore) -> None:
    with Flow("map") as built:
        task(sum, name="total")(shaky.replace(retries=2).map([1, 2, 3]))
    alone, recorded = built.run(), built.run(store=store)
    assert alone.results["total"] == recorded.results["total"] == 9
    assert dict(alone.states) == dict(recorded.states)
    assert [s.map_index for s in store.steps(recorded.run_id) if s.step == "shaky"] != []


@pytest.mark.gate("S1")
def test_no_secret_is_in_any_byte_of_the_store(store: SQLiteStore, tmp_path: Path, canary: Canary) -> None:
    def leak(secret: Secret) -> dict[str, str]:
        current.log.warning("it is %s", secret.get())
        return {"password": secret.get()}

    def fail(secret: Secret) -> None:
        raise ValueError(f"refused {secret.get()}")

    with Flow("leaky") as built:
        task(leak)(canary.secret)
        task(fail)(canary.secret)
    built.run(store=store)
    store.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    canary.assert_absent(*(path.read_bytes() for path in files))


@pytest.mark.gate("S1")
def test_a_secret_that_only_a_worker_process_knows_is_not_stored(
    flows: FlowFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", "canary-5f4e3d2c1b0a")
    flows.write("""
        @task
        def leak(secret):
            return {"password": secret.get()}

        @flow
        def f():
            leak(Secret("env:CANARY"))
    """)
    answer = flows.run(more="executor=ProcessExecutor(1)")
    assert answer.stdout.startswith("(Success()"), answer.stderr
    assert "the result of leak is not stored: it holds a secret" in answer.stderr
    flows.store.close()
    left = [path for path in flows.folder.rglob("*") if path.is_file()]
    assert not [path for path in left if b"canary-5f4e3d2c1b0a" in path.read_bytes()]


def test_a_run_is_cancelled_from_another_process(flows: FlowFile) -> None:
    flows.write("""
        @task
        def wait():
            did("began")
            while not current.cancelled:
                time.sleep(0.02)
            raise InterruptedError("stopped")

        @flow
        def f():
            wait()
    """)
    answers: list[subprocess.CompletedProcess[str]] = []
    runner = threading.Thread(target=lambda: answers.append(flows.run()))
    runner.start()
    until(flows.effects)
    flows.store.request_cancel("r", "no longer needed")
    runner.join(30)
    assert "no longer needed" in answers[0].stderr
    assert flows.store.run("r").state == "Cancelled"
    assert flows.step("wait").state == "Cancelled"


@pytest.mark.gate("D5")
@pytest.mark.parametrize("what", ["a result", "states and logs"])
def test_a_full_disk_ends_the_run_which_names_it_and_leaves_the_record_readable(
    flows: FlowFile, what: str
) -> None:
    flows.write("""
        import resource

        @task
        def good():
            return "kept"

        @task
        def big(n):
            return "x" * n

        @task
        def chatty(n):
            for i in range(n):
                current.log.warning("line %d %s", i, "x" * 1000)
            return n

        @flow
        def result():
            task(lambda x: did("behind"), name="behind")(big(30_000_000, after=good()))

        @flow
        def states():
            task(lambda x: did("behind"), name="behind")(chatty(5_000, after=good()))

        def fill(flow):
            resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
            return flow.run(store="runs.db", run_id="r", executor=InlineExecutor()).state
    """)
    name = "result" if what == "a result" else "states"
    answer = flows.call(f"fill({name})")
    assert answer.stdout.startswith("Failed"), answer.stderr
    assert "runs.db" in answer.stdout
    assert not flows.effects(), "a step ran that was not on record"
    good = flows.step("good").result
    assert good is not None
    assert flows.store.results.get(good) == "kept"
    assert flows.store.run("r").state in ("Crashed", "Running", "Failed")


class _Later(Clock):
    """A clock on which every lease that lives now has ended."""

    def boot_time(self) -> float:
        return super().boot_time() + 3600

    def wall(self) -> float:
        return super().wall() + 3600


@pytest.mark.gate("D6")
def test_a_late_owner_is_fenced_it_stops_and_writes_nothing_more(store: SQLiteStore, tmp_path: Path) -> None:
    began, stopped = threading.Event(), threading.Event()

    def wait() -> None:
        with current.on_cancel(stopped.set):
            began.set()
            assert stopped.wait(20)

    with Flow("late") as built:
        task(lambda x: x, name="behind")(task(wait)())
    errors: list[BaseException] = []

    def drive() -> None:
        try:
            built.run(store=store, run_id="r")
        except BaseException as error:
            errors.append(error)

    driver = threading.Thread(target=drive)
    driver.start()
    assert began.wait(10)
    thief = SQLiteStore(tmp_path / "runs.db", clock=_Later())
    thief.claim("r", "thief")
    before = store.transitions("r")
    driver.join(20)
    assert [type(error) for error in errors] == [LeaseLostError]
    assert store.transitions("r") == before
    assert stopped.is_set()
    thief.close()


@pytest.mark.gate("D6")
def test_of_many_that_start_one_run_one_does_and_the_others_are_told_at_once(flows: FlowFile) -> None:
    flows.write("""
        import threading

        @task
        def work():
            did("work")
            until = time.monotonic() + 40
            while (HERE / "effects").read_text().count("refused") < 7 and time.monotonic() < until:
                time.sleep(0.02)
            did("worked")

        @flow
        def f():
            work()

        def start():
            did("start")
            try:
                f.run(store="runs.db", run_id="r")
            except (RunExistsError, RunTakenError):
                did("refused late" if "worked" in (HERE / "effects").read_text() else "refused")

        def race():
            threads = [threading.Thread(target=start) for _ in range(4)]
            [thread.start() for thread in threads]
            [thread.join() for thread in threads]
    """)
    racers = [threading.Thread(target=flows.call, args=("race()",)) for _ in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert flows.effects() == {"start": 8, "work": 1, "worked": 1, "refused": 7}


HOLDERS = "from flows import *\nholders.run(store='runs.db', executor=ThreadExecutor(6))"


@pytest.mark.gate("C8")
def test_a_limit_counts_over_all_runs_of_a_store_also_when_a_holder_is_killed(flows: FlowFile) -> None:
    flows.write("""
        @task(limit="service:3")
        def use(n):
            did("begin")
            time.sleep(0.1)
            did("end")

        @task(limit="service:3")
        def hold(n):
            did("held")
            time.sleep(60)

        @flow
        def users():
            use.map(list(range(12)))

        @flow
        def holders():
            hold.map(list(range(6)))
    """)
    path = {**os.environ, "PYTHONPATH": str(flows.folder)}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDERS],
        cwd=flows.folder, env=path, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: flows.effects()["held"] == 3)
    users = [
        threading.Thread(target=flows.call, args=("users.run(store='runs.db', executor=ThreadExecutor(6))",))
        for _ in range(2)
    ]
    for user in users:
        user.start()
    time.sleep(1.5)
    assert flows.effects() == {"held": 3}, "more than three held a slot"
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    for user in users:
        user.join()
    at_once = most = 0
    for line in (flows.folder / "effects").read_text().split()[3:]:
        at_once += 1 if line == "begin" else -1
        most = max(most, at_once)
    assert flows.effects() == {"held": 3, "begin": 24, "end": 24}
    assert most == 3
