"""How a channel is told of incidents: once each, not too often, whatever becomes of the channel."""

from __future__ import annotations

import dataclasses
import itertools
import json

import pytest
from alert_book import BookChannel, Rig

from longshore.alerts.errors import DeliveryError
from longshore.alerts.messages import Message, Receipt

LONG = json.dumps({"tail": ["INFO    loading", "WARNING slow"], "inputs": {"day": "'x'"}})


@pytest.fixture
def rig() -> Rig:
    return Rig(BookChannel("slack"))


def test_a_failure_is_one_message_with_the_log_beneath_it(rig: Rig) -> None:
    rig.happen(body=LONG)
    rig.pass_time(10)
    [sent], [details] = rig.book.did("send"), rig.book.did("reply")
    assert (sent.title, sent.text, sent.status, sent.details) == (
        "nightly failed: load",
        "boom",
        "failed",
        (),
    )
    assert [detail.title for detail in details.details] == ["Log, last lines", "Inputs"]
    assert "WARNING slow" in details.plain


def test_a_message_follows_what_becomes_of_the_step(rig: Rig) -> None:
    for number, kind in enumerate(("retrying", "retrying", "failed", "recovered")):
        rig.happen(kind, body=json.dumps({"attempt": min(number + 2, 3), "attempts": 3}))
        rig.pass_time(30)
    edits = rig.book.did("edit")
    assert [m.status for m in (*rig.book.did("send"), *edits)] == [
        "retrying",
        "retrying",
        "failed",
        "recovered",
    ]
    assert ("Attempt", "2 of 3") in rig.book.did("send")[0].fields
    assert edits[-1].title == "nightly recovered: load"
    assert edits[-1].severity == "info"
    assert {m.key for m in edits} == {rig.book.did("send")[0].key}


def test_what_happens_within_a_second_is_one_call(rig: Rig) -> None:
    for index in range(100):
        rig.happen(index=index, text=f"boom {index}")
    rig.pass_time(60)
    assert [call for call, _, _ in rig.book.calls] == ["send"]
    assert "100 times" in rig.book.did("send")[0].title
    fields = dict(rig.book.did("send")[0].fields)
    assert fields["First failure"] == "load[0]: boom 0"
    assert fields["Last failure"] == "load[99]: boom 99"


def test_many_failures_add_up_although_few_calls_are_made(rig: Rig) -> None:
    for index in range(1_000):
        rig.happen(index=index)
        if index % 10 == 9:
            rig.pass_time(0.1)
    rig.pass_time(60)
    assert len(rig.book.did("send")) == 1
    assert len(rig.book.did("edit")) <= 6
    assert dict(rig.book.did("edit")[-1].fields)["Failures"] == "1,000"


def test_calls_are_a_second_apart(rig: Rig) -> None:
    for step in range(40):
        rig.happen(step=f"step {step}", body=LONG)
        rig.pass_time(0.3)
    rig.pass_time(600)
    times = [time for _, time, _ in rig.book.calls]
    assert min(b - a for a, b in itertools.pairwise(times)) >= 0.99


@pytest.mark.parametrize("can_edit", [True, False])
def test_a_storm_of_incidents_is_five_messages_in_five_minutes_and_no_incident_is_left_out(
    can_edit: bool,
) -> None:
    rig = Rig(BookChannel("storm", can_edit=can_edit, can_thread=can_edit))
    for step in range(500):
        rig.happen(step=f"step {step}")
    rig.pass_time(299)
    assert len(rig.book.did("send")) == 5
    digest = (rig.book.did("edit") or rig.book.did("send"))[-1]
    assert digest.title == "496 more incidents in a short time"
    assert digest.text == "496 failed"
    assert "step 499" in digest.plain
    rig.pass_time(900)
    assert len(rig.book.did("send")) == 5
    assert not rig.courier.waiting


def test_incidents_after_a_digest_join_it_or_wait_for_their_turn() -> None:
    for can_edit, sends, edits in ((True, 5, 1), (False, 5, 0)):
        rig = Rig(BookChannel("storm", can_edit=can_edit, can_thread=can_edit))
        for step in range(6):
            rig.happen(step=f"step {step}")
        rig.pass_time(60)
        rig.happen(step="another")
        rig.pass_time(60)
        assert (len(rig.book.did("send")), len(rig.book.did("edit"))) == (sends, edits)
        rig.pass_time(600)
        told = " ".join(message.plain for _, _, message in rig.book.calls)
        assert "another" in told
        assert not rig.courier.waiting


def test_a_channel_that_cannot_edit_is_told_of_the_recovery_by_another_message() -> None:
    rig = Rig(BookChannel("hook", can_edit=False, can_thread=False))
    rig.happen(body=LONG)
    rig.pass_time(10)
    rig.happen("recovered", severity="info")
    rig.pass_time(10)
    first, second = rig.book.did("send")
    assert "WARNING slow" in first.plain  # there is no thread for it
    assert (second.status, second.title) == ("recovered", "nightly recovered: load")
    assert first.key != second.key


def test_a_recovery_that_nobody_asked_for_is_no_message_of_its_own() -> None:
    rig = Rig(BookChannel("hook", can_edit=False, can_thread=False))
    rig.happen(body=json.dumps({"mute": True}))
    rig.pass_time(10)
    rig.happen("recovered", severity="info")
    rig.pass_time(10)
    assert len(rig.book.did("send")) == 1
    assert not rig.courier.waiting


def test_a_channel_with_threads_alone_is_told_beneath_the_first_message() -> None:
    rig = Rig(BookChannel("mail", can_edit=False, can_thread=True))
    rig.happen()
    rig.pass_time(10)
    rig.happen("recovered", severity="info")
    rig.pass_time(10)
    assert [call for call, _, _ in rig.book.calls] == ["send", "reply"]


def test_another_run_within_the_hour_is_the_same_message_and_a_later_one_another(rig: Rig) -> None:
    rig.happen()
    rig.pass_time(1_800)
    rig.happen(run_id="run-2")
    rig.pass_time(4_000)
    assert (len(rig.book.did("send")), len(rig.book.did("edit"))) == (1, 1)
    assert dict(rig.book.did("edit")[-1].fields)["Failures"] == "2 in 2 runs"
    rig.happen(run_id="run-3")
    rig.pass_time(10)
    assert len(rig.book.did("send")) == 2


def test_retry_after_is_waited_out_and_never_cut_short(rig: Rig) -> None:
    rig.book.faults = [DeliveryError("too many", retry_after=30.0)]
    rig.happen()
    start = rig.now
    rig.pass_time(20)
    assert rig.book.calls == []
    rig.restart()  # another process keeps to it too
    rig.pass_time(60)
    [(_, time, _)] = rig.book.calls
    assert 30 <= time - start <= 34


def test_while_the_channel_is_down_it_is_tried_less_and_less_often(rig: Rig) -> None:
    rig.book.faults = [DeliveryError("refused") for _ in range(1_000)]
    rig.happen()
    rig.pass_time(3_600)
    assert 50 <= 1_000 - len(rig.book.faults) <= 150  # a minute apart in the end
    rig.book.faults = []
    rig.pass_time(120)
    [sent] = rig.book.did("send")
    assert sent.notes == ("Told 1 h 00 min late: refused",)


def test_a_channel_that_refuses_is_tried_every_five_minutes(rig: Rig) -> None:
    rig.book.faults = [DeliveryError("invalid_auth", retryable=False) for _ in range(100)]
    rig.happen()
    rig.pass_time(3_600)
    assert 10 <= 100 - len(rig.book.faults) <= 14


def test_an_answer_that_never_came_is_followed_by_one_marked_repeat(rig: Rig) -> None:
    rig.book.faults = [DeliveryError("reset", uncertain=True)]
    rig.happen()
    rig.pass_time(600)
    first, second = rig.book.did("send")
    assert (first.notes, first.key) == ((), second.key)
    assert "may have been told before" in second.notes[0]
    assert rig.book.probes == 1


def test_nothing_is_sent_again_before_the_service_answers(rig: Rig) -> None:
    rig.book.faults = [DeliveryError("reset", uncertain=True), *(TimeoutError("nobody") for _ in range(50))]
    rig.happen()
    rig.pass_time(600)
    assert len(rig.book.calls) == 1
    rig.book.faults = []
    rig.pass_time(600)
    assert len(rig.book.did("send")) == 2


def test_two_answers_that_never_came_are_enough(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.happen()

    def lose(what: str, message: Message) -> str:
        rig.book.calls.append((what, rig.now, message))
        raise DeliveryError("reset", uncertain=True)

    rig.book.answer = lose  # type: ignore[method-assign]
    rig.pass_time(3_600)
    assert len(rig.book.did("send")) == 2
    assert "may have been told something twice, or not at all" in caplog.text
    assert not rig.courier.waiting


def test_a_channel_that_can_be_searched_is_not_told_twice() -> None:
    rig = Rig(BookChannel("search", can_find=True))
    rig.book.faults = [DeliveryError("reset", uncertain=True)]
    rig.happen()
    rig.pass_time(1.5)
    [sent] = rig.book.did("send")
    rig.book.found[sent.key] = Receipt(id="there")
    rig.pass_time(600)
    assert len(rig.book.did("send")) == 1
    rig.happen("recovered", severity="info")
    rig.pass_time(60)
    assert [message.status for message in rig.book.did("edit")] == ["recovered"]


def test_a_search_that_finds_nothing_means_another_message_without_a_mark() -> None:
    rig = Rig(BookChannel("search", can_find=True))
    rig.book.faults = [DeliveryError("reset", uncertain=True)]
    rig.happen()
    rig.pass_time(600)
    assert [message.notes for message in rig.book.did("send")] == [(), ()]


def test_a_process_that_died_while_it_told_leaves_a_doubt(rig: Rig) -> None:
    class Killed(BaseException):
        pass

    def die(what: str, message: Message) -> str:
        rig.book.calls.append((what, rig.now, message))
        raise Killed

    usual, rig.book.answer = rig.book.answer, die  # type: ignore[method-assign]
    rig.happen()
    with pytest.raises(Killed):
        rig.pass_time(10)
    rig.book.answer = usual  # type: ignore[method-assign]
    rig.restart()
    rig.pass_time(60)
    first, second = rig.book.did("send")
    assert (first.notes, len(second.notes)) == ((), 1)
    rig.pass_time(600)
    assert len(rig.book.did("send")) == 2


def test_a_message_that_somebody_removed_is_followed_by_another_one(rig: Rig) -> None:
    rig.happen()
    rig.pass_time(10)
    rig.book.faults = [DeliveryError("message_not_found", retryable=False)]
    rig.happen("recovered", severity="info")
    rig.pass_time(900)
    assert [message.status for message in rig.book.did("send")] == ["failed", "recovered"]


def test_long_texts_that_a_thread_refuses_come_in_the_message_itself(rig: Rig) -> None:
    rig.book.faults = [None, DeliveryError("thread_not_found", retryable=False)]
    rig.happen(body=LONG)
    rig.pass_time(900)
    assert rig.book.did("reply") == []
    assert "WARNING slow" in rig.book.did("edit")[-1].plain


def test_quiet_hours_hold_back_all_but_what_is_critical(rig: Rig) -> None:
    rig.now = 1_700_000_000.0  # 22:13 in UTC
    quiet = json.dumps({"quiet": "22:00-07:00"})
    rig.happen(step="load", body=quiet)
    rig.happen("silent", step="", severity="critical", body=quiet)
    rig.pass_time(3_600)
    assert [message.status for message in rig.book.did("send")] == ["silent"]
    rig.pass_time(9 * 3_600)
    assert [message.status for message in rig.book.did("send")] == ["silent", "failed"]


def test_a_process_that_ends_gathers_no_more(rig: Rig) -> None:
    rig.happen(body=LONG)
    rig.courier.work(hurry=True)
    assert len(rig.book.did("send")) == 1


def test_a_template_replaces_the_message_and_one_that_fails_does_not_lose_it(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.courier.templates["nightly"] = lambda message, incident: dataclasses.replace(
        message, title=f"{incident.flow}/{incident.step}: {incident.failures}"
    )
    rig.happen()
    rig.pass_time(10)
    assert rig.book.did("send")[0].title == "nightly/load: 1"
    rig.courier.templates["nightly"] = lambda message, incident: 1 / 0  # type: ignore[return-value]
    rig.happen(step="other")
    rig.pass_time(10)
    assert rig.book.did("send")[1].title == "nightly failed: other"
    assert "a template failed: ZeroDivisionError" in caplog.text
