"""Log records: what a program's own logging does to ours, and ours to it."""

from __future__ import annotations

import json
import logging
import logging.handlers
import pickle
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from longshore import BestEffort, Flow, InlineExecutor, ThreadExecutor, current, flow, task
from longshore.lanes import drain

HERE = InlineExecutor()
CLIENT = logging.getLogger("somebody.elses.client")


class Keeper(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def contexts(self, name: str) -> list[tuple[Any, ...]]:
        return [
            (r.flow, r.run_id, r.step, r.map_index, r.attempt)
            for r in self.records
            if r.name.startswith(name)
        ]


@pytest.fixture
def keeper(caplog: pytest.LogCaptureFixture) -> Iterator[Keeper]:
    caplog.set_level(logging.INFO)
    kept = Keeper()
    logging.getLogger().addHandler(kept)
    yield kept
    logging.getLogger().removeHandler(kept)


@pytest.fixture
def factory() -> Iterator[Any]:
    """The factory that is there; whatever a test sets is undone."""
    before = logging.getLogRecordFactory()
    yield before
    logging.setLogRecordFactory(before)


@task(retries=1)
def flaky(n: int) -> int:
    CLIENT.info("asking for %d", n)
    current.progress(0.5, "half")
    if current.attempt == 1:
        raise OSError("again")
    return n


# The context


@pytest.mark.parametrize("executor", [HERE, ThreadExecutor(2)], ids=["inline", "threads"])
def test_the_lines_of_transitions_and_progress_carry_the_context_too(keeper: Keeper, executor: Any) -> None:
    with Flow("nightly") as nightly:
        flaky.map([7])
    run = nightly.run(executor=executor)
    lines = {
        (r.getMessage().partition(" in ")[0], r.step, r.map_index, r.attempt)
        for r in keeper.records
        if r.name == "longshore.run"
    }
    assert {
        (f"flow nightly | Running (run {run.run_id})", "", None, None),
        ("flaky[0] | Running", "flaky", 0, 1),
        ("flaky[0] |  50 % half", "flaky", 0, 1),
        ("flaky[0] | Retrying", "flaky", 0, 1),
        ("flaky[0] | Running (attempt 2 of 2)", "flaky", 0, 2),
        ("flaky[0] | Success", "flaky", 0, 2),
        ("flaky | Mapped: 1 steps succeeded", "flaky", None, 1),
        ("flow nightly | Success", "", None, None),
    } <= lines
    assert {(r.flow, r.run_id) for r in keeper.records} == {("nightly", run.run_id)}


def test_what_a_flows_handlers_triggers_and_observers_log_carries_the_flow_and_the_run(
    keeper: Keeper,
) -> None:
    def watch(*_: Any) -> None:
        CLIENT.info("watching")

    def ask(states: Any) -> bool:
        CLIENT.info("asked")
        return True

    with Flow("nightly", state_handlers=(watch, BestEffort(watch))) as nightly:
        flaky.replace(trigger=ask)(1)
    run = nightly.run(executor=HERE)
    drain(5)
    said = [r for r in keeper.records if r.getMessage() in ("watching", "asked")]
    assert len(said) >= 4
    assert {(r.flow, r.run_id) for r in said} == {("nightly", run.run_id)}


def test_records_of_runs_at_once_and_inside_each_other_keep_their_own_context(keeper: Keeper) -> None:
    inside: list[str] = []

    @flow
    def small(n: int) -> Any:
        return flaky(n)

    @task
    def outer(n: int) -> int:
        inside.append(small.run(n=n, executor=HERE).run_id)
        CLIENT.info("outer %d", n)
        return n

    with Flow("large") as large:
        outer.map([1, 2, 3])
    run = large.run(executor=ThreadExecutor(3))
    contexts = keeper.contexts(CLIENT.name)
    own = [("large", run.run_id, "outer", index, 1) for index in range(3)]
    nested = [("small", run_id, "flaky", None, attempt) for run_id in inside for attempt in (1, 2)]
    assert sorted(contexts, key=str) == sorted([*own, *nested], key=str)


def test_a_programs_own_extra_goes_before_ours(keeper: Keeper) -> None:
    @task
    def train() -> None:
        CLIENT.info("loss", extra={"step": 17, "attempt": "x", "rows": 3})
        with pytest.raises(KeyError, match="Attempt to overwrite 'name'"):
            CLIENT.info("loss", extra={"name": "mine"})

    with Flow("trains") as trains:
        train()
    run = trains.run(executor=HERE)
    [record] = [r for r in keeper.records if r.name == CLIENT.name]
    assert (record.step, record.attempt, record.rows) == (17, "x", 3)
    assert (record.flow, record.run_id) == ("trains", run.run_id)


def test_formatters_queues_and_pickles_see_the_context(keeper: Keeper) -> None:
    waiting: queue.Queue[Any] = queue.Queue()
    to_queue = logging.handlers.QueueHandler(waiting)
    CLIENT.addHandler(to_queue)
    try:
        with Flow("queued") as queued:
            flaky(4)
        queued.run(executor=HERE)
    finally:
        CLIENT.removeHandler(to_queue)
    record = next(r for r in keeper.records if r.name == CLIENT.name)
    expected = {"flow": "queued", "step": "flaky", "map_index": None, "attempt": 1}
    for each in (record, waiting.get_nowait(), pickle.loads(pickle.dumps(record))):
        as_json = json.loads(json.dumps(each.__dict__, default=str))
        assert {name: as_json[name] for name in expected} == expected
    percent = logging.Formatter("%(flow)s %(step)s %(message)s")
    brace = logging.Formatter("{flow} {step} {message}", style="{")
    assert percent.format(record) == brace.format(record) == "queued flaky asking for 4"


# The factory


def test_the_factory_is_put_back_when_the_last_run_here_has_ended(factory: Any) -> None:
    inside: list[Any] = []
    both = threading.Barrier(2)

    @task
    def look() -> None:
        both.wait(10)
        inside.append(logging.getLogRecordFactory())

    with Flow("looks") as looks:
        look()
    threads = [threading.Thread(target=looks.run) for _ in range(2)]
    _ = [thread.start() for thread in threads], [thread.join() for thread in threads]
    assert len(inside) == 2
    assert factory not in inside
    assert logging.getLogRecordFactory() is factory


def test_it_is_put_back_after_a_run_that_raises(factory: Any) -> None:
    @task
    def broken() -> None:
        raise OSError("down")

    with Flow("broken") as built:
        broken()
    with pytest.raises(Exception, match="down"):
        built.run(raise_on_failure=True)
    with pytest.raises(OSError, match="down"):
        broken()
    assert logging.getLogRecordFactory() is factory


def test_a_factory_that_a_step_puts_over_ours_works_in_that_run_and_in_those_after_it(
    factory: Any, keeper: Keeper
) -> None:
    @task
    def instrument() -> None:
        ours = logging.getLogRecordFactory()

        def traced(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = ours(*args, **kwargs)
            record.trace_id = "t-1"
            return record

        logging.setLogRecordFactory(traced)

    @task
    def speak() -> None:
        CLIENT.info("hello")

    with Flow("instrumented") as instrumented:
        speak(after=instrument())
    with Flow("speaks") as speaks:
        speak()
    runs = [instrumented.run(executor=HERE), speaks.run(executor=HERE), speaks.run(executor=HERE)]
    CLIENT.info("hello")
    said = [r for r in keeper.records if r.getMessage() == "hello"]
    assert [r.run_id for r in said] == [*(run.run_id for run in runs), ""]
    assert {r.trace_id for r in said} == {"t-1"}

    logging.setLogRecordFactory(factory)  # the program takes its factory away again, and ours with it
    run = speaks.run(executor=HERE)
    assert keeper.records[-2].run_id == run.run_id
    assert logging.getLogRecordFactory() is factory


# What a script prints


def script(code: str) -> list[str]:
    """Run a script without logging configuration; return what it wrote to standard error, without times."""
    done = subprocess.run(
        [sys.executable, "-c", f"from longshore import *\nimport logging, threading, time\n{code}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    text = re.sub(r"^\d\d:\d\d:\d\d ", "", done.stderr, flags=re.MULTILINE)
    return re.sub(r" in \d+\.\d\d s", "", text).splitlines()


def test_a_step_is_named_before_its_message_whatever_the_message_is() -> None:
    lines = script(
        "@task\ndef say(n):\n    for text in ('1', 'I', '', 'two\\nlines', 'say | 0'):\n"
        "        current.log.info(text)\n"
        "with Flow('f') as f:\n    say.map([1])\n"
        "f.run(executor=InlineExecutor())\n"
    )
    begin = lines.index("INFO    say[0] | Running")
    assert lines[begin + 1 : begin + 7] == [
        "INFO    say[0] | 1",
        "INFO    say[0] | I",
        "INFO    say[0] | ",
        "INFO    say[0] | two",
        "lines",
        "INFO    say[0] | say | 0",
    ]


def test_runs_in_two_threads_print_all_their_lines_whichever_ends_first() -> None:
    lines = script(
        "@task\ndef nap(n):\n    time.sleep(n)\n    current.log.info('awake after %s', n)\n"
        "n = Parameter('n', float)\n"
        "with Flow('naps') as f:\n    nap(n)\n"
        "threads = [threading.Thread(target=f.run, kwargs={'n': n}) for n in (0.0, 0.3)]\n"
        "[t.start() for t in threads]\n[t.join() for t in threads]\n"
        "assert logging.getLogger('longshore').handlers == []\n"
    )
    assert lines.count("INFO    nap | awake after 0.0") == 1
    assert lines.count("INFO    nap | awake after 0.3") == 1
    assert lines.count("INFO    flow naps | Success") == 2


def test_a_warning_of_a_call_outside_a_flow_is_seen() -> None:
    assert script(
        "@task\ndef work():\n    current.log.info('nobody asked')\n    current.log.warning('disk is full')\n"
        "work()\n"
    ) == ["disk is full"]


def test_a_script_that_wants_silence_gets_it() -> None:
    code = "@task\ndef work():\n    current.log.warning('hm')\nwith Flow('f') as f:\n    work()\nf.run()\n"
    assert script(f"logging.getLogger('longshore').addHandler(logging.NullHandler())\n{code}") == []
    assert "WARNING work | hm" in script(code)


def test_steps_in_processes_are_named_too(tmp_path: Any) -> None:
    path = tmp_path / "processes.py"
    path.write_text(
        "from longshore import *\n"
        "@task\ndef say(n):\n    current.log.info('number %d', n)\n"
        "with Flow('f') as f:\n    say.map([5])\n"
        "if __name__ == '__main__':\n    f.run(executor=ProcessExecutor(1))\n"
    )
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60, check=True)
    assert "INFO    say[0] | number 5" in done.stderr
