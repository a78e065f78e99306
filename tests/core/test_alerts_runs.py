"""What the alerts of a flow tell of its runs: each transition as the driver hears of it."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alert_book import Book, BookChannel

from longshore import (
    Alert,
    Failed,
    FlowFailed,
    InlineExecutor,
    On,
    ProcessExecutor,
    Retrying,
    SQLiteStore,
    State,
    Subject,
    Success,
    ThreadExecutor,
    current,
    flow,
    flush_alerts,
    task,
)
from longshore.alerts import deliveries

CHANNEL = BookChannel("runs", can_thread=False)


@pytest.fixture(autouse=True)
def book(monkeypatch: pytest.MonkeyPatch) -> Iterator[Book]:
    """A fresh book, and deliveries that no other test has used."""
    BookChannel.books["runs"] = Book()
    monkeypatch.setattr(deliveries, "_here", deliveries.Deliveries())
    deliveries.memory.cache_clear()
    yield BookChannel.books["runs"]
    flush_alerts(0)


def told(book: Book) -> list[tuple[str, str]]:
    flush_alerts(20)
    return [(message.status, message.title) for _, _, message in book.calls]


@task
def load(n: int = 0, wrong: bool = True) -> int:
    current.log.warning("loading %d", n)
    if wrong:
        raise ValueError(f"boom {n}")
    return n


@pytest.mark.parametrize("executor", [InlineExecutor(), ThreadExecutor(2), ProcessExecutor(2)])
@pytest.mark.parametrize("recorded", [True, False])
def test_a_failed_run_is_told_wherever_its_steps_ran(
    executor: Any, recorded: bool, book: Book, tmp_path: Path
) -> None:
    @flow(state_handlers=[On(Failed, Alert(CHANNEL))])
    def nightly(day: str = "monday") -> None:
        load(3)

    nightly.run(executor=executor, store=SQLiteStore(tmp_path / "runs.db") if recorded else None)
    assert told(book) == [("failed", "nightly failed")]
    [message] = book.did("send")
    assert message.text == "1 failed: load: ValueError: boom 3"
    assert "day = 'monday'" in message.plain


@pytest.mark.parametrize("executor", [InlineExecutor(), ThreadExecutor(2), ProcessExecutor(2)])
def test_a_failed_step_is_told_with_its_inputs_and_its_log(executor: Any, book: Book) -> None:
    @flow(step_handlers=[Alert(CHANNEL)])
    def nightly() -> None:
        load(3)

    nightly.run(executor=executor)
    assert told(book) == [("failed", "nightly failed: load")]
    plain = book.did("send")[0].plain
    assert "n = 3" in plain
    assert "WARNING loading 3" in plain


def test_the_success_after_a_failure_is_told_by_an_edit(book: Book) -> None:
    @flow(step_handlers=[Alert(CHANNEL)])
    def nightly(wrong: bool) -> None:
        load(1, wrong)

    nightly.run(wrong=True)
    assert told(book) == [("failed", "nightly failed: load")]
    nightly.run(wrong=False)
    nightly.run(wrong=False)
    assert told(book)[1:] == [("recovered", "nightly recovered: load")]


def test_a_recovery_is_told_by_another_process_that_knows_of_the_failure_from_the_store(
    book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @flow(state_handlers=[Alert(CHANNEL)])
    def nightly(wrong: bool) -> None:
        load(1, wrong)

    store = SQLiteStore(tmp_path / "runs.db")
    nightly.run(wrong=True, store=store)
    assert [status for status, _ in told(book)] == ["failed"]
    monkeypatch.setattr(deliveries, "_here", deliveries.Deliveries())  # as another process would begin
    nightly.run(wrong=False, store=store)
    assert [status for status, _ in told(book)] == ["failed", "recovered"]
    details = "".join(message.plain for message in book.did("send"))
    [record] = store.runs(flow="nightly", states=("Failed",))
    assert f"longshore resume {record.run_id[:8]} --store {store.location}" in details


def test_what_changed_since_the_last_success_is_told(book: Book, tmp_path: Path) -> None:
    @flow(state_handlers=[Alert(CHANNEL)])
    def nightly(day: str, wrong: bool) -> None:
        load(1, wrong)

    store = SQLiteStore(tmp_path / "runs.db")
    nightly.run(day="monday", wrong=False, store=store)
    nightly.run(day="tuesday", wrong=True, store=store)
    told(book)
    assert "parameter day: monday → tuesday" in book.did("send")[0].plain


def test_mapped_failures_are_one_message_and_the_sum_is_not_counted(book: Book) -> None:
    @flow(step_handlers=[Alert(CHANNEL)])
    def nightly() -> None:
        load.map(list(range(200)))

    nightly.run()
    told(book)
    last = book.calls[-1][2]
    assert last.title == "nightly failed: load, 200 times"
    assert dict(last.fields)["Failures"] == "200"


def test_retries_are_told_when_asked_for_and_end_with_the_recovery(book: Book) -> None:
    tries: list[int] = []

    @task(retries=1, retry_delay=0.0)
    def flaky() -> None:
        tries.append(1)
        if len(tries) < 2:
            raise ConnectionError("nobody answers")

    @flow(step_handlers=[On((Retrying, Failed), Alert(CHANNEL))])
    def nightly() -> None:
        flaky()

    nightly.run()
    assert told(book)[-1] == ("recovered", "nightly recovered: flaky")


def test_steps_that_did_not_start_because_of_another_are_no_news(book: Book) -> None:
    @flow(step_handlers=[Alert(CHANNEL)])
    def nightly() -> None:
        load(load(1))

    nightly.run()
    assert [title for _, title in told(book)] == ["nightly failed: load"]


def test_an_alert_on_a_task_of_its_own_tells_of_it(book: Book) -> None:
    with pytest.raises(ValueError, match="boom 7"):
        load.replace(state_handlers=(Alert(CHANNEL),))(7)
    assert told(book) == [("failed", "load failed")]
    assert "n = 7" in book.did("send")[0].plain


def test_a_run_that_takes_too_long_is_told_to_be_late_and_then_to_have_ended(book: Book) -> None:
    @task
    def slow() -> None:
        time.sleep(1.6)

    @flow(state_handlers=[Alert(CHANNEL, late_after=0.2)])
    def nightly() -> None:
        slow()

    nightly.run()
    assert told(book) == [("late", "nightly is late"), ("recovered", "nightly recovered")]
    assert book.did("send")[0].text == "not done after 0.2 s; it goes on"


def test_severities_go_to_their_own_channels(book: Book) -> None:
    BookChannel.books["oncall"] = oncall = Book()

    def judge(subject: Subject, new: State) -> Any:
        return "critical" if "prod" in subject.tags else "error"

    alert = Alert({"critical": BookChannel("oncall"), "error": CHANNEL}, severity=judge)

    @flow(state_handlers=[alert], tags=["prod"])
    def important() -> None:
        load()

    @flow(state_handlers=[alert])
    def other() -> None:
        load()

    important.run()
    other.run()
    flush_alerts(20)
    assert [message.title for message in oncall.did("send")] == ["important failed"]
    assert [message.title for message in book.did("send")] == ["other failed"]


def test_a_predicate_chooses_and_one_that_is_broken_leaves_nothing_out(
    book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    def only_connections(subject: Subject, old: State, new: State) -> bool:
        return isinstance(new, Failed) and isinstance(new.error, ConnectionError)

    def broken(subject: Subject, old: State, new: State) -> bool:
        raise KeyError("no such thing")

    for rule, expected in ((only_connections, []), (broken, [("failed", "nightly failed")])):

        @flow(state_handlers=[Alert(CHANNEL, when=rule)])
        def nightly() -> None:
            load()

        nightly.run()
        assert told(book) == expected
    assert "is left out from now on: KeyError" in caplog.text


def test_any_state_can_be_told(book: Book) -> None:
    @flow(state_handlers=[On(Success, Alert(CHANNEL))])
    def nightly() -> None:
        load(1, False)

    nightly.run()
    assert told(book) == [("succeeded", "nightly succeeded")]


def test_a_run_is_what_it_is_without_the_channel_and_takes_no_longer(book: Book) -> None:
    book.faults = [ConnectionError("down")] * 100

    @flow(state_handlers=[Alert(CHANNEL)], step_handlers=[Alert(CHANNEL)])
    def nightly(wrong: bool) -> None:
        load(1, wrong)

    began = time.monotonic()
    assert nightly.run(wrong=False).succeeded
    with pytest.raises(FlowFailed, match="boom 1"):
        nightly.run(wrong=True, raise_on_failure=True)
    assert time.monotonic() - began < 5


def test_an_alert_travels_without_the_code_that_cannot() -> None:
    alert = Alert(CHANNEL, when=lambda subject, old, new: True, template=lambda message, incident: message)
    copy = pickle.loads(pickle.dumps(alert))
    assert (copy.channels, copy.when, copy.template) == ((CHANNEL,), None, None)
