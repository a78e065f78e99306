"""A call whose answer never came is made again once, and marked; where it can be seen, never (row N5)."""

from __future__ import annotations

from collections import Counter

import pytest
from alert_book import BookChannel, Rig

from longshore.alerts.errors import DeliveryError
from longshore.alerts.messages import Message, Receipt

AGAIN = "This may have been told before: an earlier try was not answered."


class Unsure:
    """Has every call of one kind arrive and its answer be lost, so many times in a row.

    Attributes:
        arrived: The messages that people can see, by the kind of call.
    """

    def __init__(self, rig: Rig, kind: str, times: int) -> None:
        self.arrived: list[tuple[str, Message]] = []
        self._rig, self._kind, self._times = rig, kind, times
        rig.book.answer = self.answer  # type: ignore[method-assign]

    def answer(self, kind: str, message: Message) -> str:
        if kind == self._kind and self._times:
            self._times -= 1
            self._show(kind, message)
            raise DeliveryError("connection reset", uncertain=True)
        return self._show(kind, message)

    def _show(self, kind: str, message: Message) -> str:
        self.arrived.append((kind, message))
        name = f"id{len(self.arrived)}"
        if kind == "send":
            self._rig.book.found.setdefault(message.key, Receipt(id=name))
        return name

    def seen(self, kind: str) -> list[Message]:
        return [message for what, message in self.arrived if what == kind]


def happen(rig: Rig, kind: str) -> None:
    """Have a call of that kind made."""
    rig.happen(body='{"tail": ["a line"]}' if kind == "reply" else "")
    rig.pass_time(30)
    if kind == "edit":
        rig.happen("recovered", severity="info")
    rig.pass_time(1_200)


@pytest.mark.gate("N5")
@pytest.mark.parametrize("kind", ["send", "reply"])
@pytest.mark.parametrize("times", [1, 2, 9])
@pytest.mark.parametrize("restarts", [False, True])
def test_what_may_have_arrived_is_told_once_more_at_most_and_says_so(
    kind: str, times: int, restarts: bool
) -> None:
    rig = Rig(BookChannel("deaf"))
    unsure = Unsure(rig, kind, times)
    rig.happen(body='{"tail": ["a line"]}' if kind == "reply" else "")
    for _ in range(20):
        rig.pass_time(30)
        if restarts:
            rig.restart()
    rig.pass_time(1_200)
    shown = unsure.seen(kind)
    assert [AGAIN in message.notes for message in shown] == [False, True]
    assert len({message.key for message in shown}) == 1
    assert rig.courier.waiting == []


@pytest.mark.gate("N5")
@pytest.mark.parametrize("times", [1, 2, 9])
def test_an_edit_that_may_have_been_made_is_made_again_and_changes_nothing(times: int) -> None:
    rig = Rig(BookChannel("deaf"))
    unsure = Unsure(rig, "edit", times)
    happen(rig, "edit")
    assert len(unsure.seen("send")) == 1
    assert {(message.status, message.notes) for message in unsure.seen("edit")} == {("recovered", ())}
    assert rig.courier.waiting == []


@pytest.mark.gate("N5")
@pytest.mark.parametrize("times", [1, 2, 9])
def test_where_the_channel_can_be_searched_nothing_is_told_twice(times: int) -> None:
    rig = Rig(BookChannel("searched", can_find=True))
    unsure = Unsure(rig, "send", times)
    happen(rig, "edit")
    assert [(message.status, message.notes) for message in unsure.seen("send")] == [("failed", ())]
    assert [message.status for message in unsure.seen("edit")] == ["recovered"]


@pytest.mark.gate("N5")
@pytest.mark.parametrize("can_find", [False, True])
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_digest_that_may_have_arrived_is_told_once_more_at_most(
    can_find: bool, times: int, restarts: bool
) -> None:
    rig = Rig(BookChannel("deaf", can_find=can_find, can_edit=False, can_thread=False))
    unsure = Unsure(rig, "send", 0)
    for number in range(30):
        rig.happen(step=f"step {number}")
    while len(unsure.seen("send")) < 4:
        rig.pass_time(1)
    unsure._times = times
    for _ in range(8):
        rig.pass_time(200)
        if restarts:
            rig.restart()
    told = Counter(message.key for message in unsure.seen("send"))
    digests = [message for message in unsure.seen("send") if "more incidents" in message.title]
    assert [AGAIN in message.notes for message in digests] == ([False] if can_find else [False, True])
    assert {count for key, count in told.items() if key != digests[0].key} == {1}
    assert digests[-1].title == "26 more incidents in a short time"
    assert rig.courier.work() is None
    assert rig.courier.waiting == []
