"""A channel that writes down what it is told, and courier tests' own clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from longshore.alerts.channels import Channel
from longshore.alerts.couriers import Courier
from longshore.alerts.errors import DeliveryError
from longshore.alerts.messages import Message, Receipt
from longshore.alerts.spools import MemorySpool
from longshore.stores.records import AlertRecord


class Book:
    """What channels of one name were told: calls, each with its time, and the messages as they stand."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, float, Message]] = []
        self.faults: list[Exception | None] = []
        self.found: dict[str, Receipt] = {}
        self.probes = 0
        self.clock: Callable[[], float] = lambda: 0.0

    def did(self, what: str) -> list[Message]:
        """The messages of one kind of call that were accepted, or may have been."""
        return [message for kind, _, message in self.calls if kind == what]

    def answer(self, what: str, message: Message) -> str:
        """Take a call, as the next fault says."""
        fault = self.faults.pop(0) if self.faults else None
        if fault is None or (isinstance(fault, DeliveryError) and fault.uncertain):
            self.calls.append((what, self.clock(), message))
        if fault is not None:
            raise fault
        return f"id{len(self.calls)}"


@dataclass(frozen=True)
class BookChannel(Channel):
    """Writes into the book of its name."""

    scheme = "book"
    books: ClassVar[dict[str, Book]] = {}

    name: str
    can_edit: bool = True
    can_thread: bool = True
    can_find: bool = False

    @property
    def book(self) -> Book:
        return self.books.setdefault(self.name, Book())

    @property
    def edits(self) -> bool:
        return self.can_edit

    @property
    def threads(self) -> bool:
        return self.can_thread

    @property
    def finds(self) -> bool:
        return self.can_find

    def send(self, message: Message) -> str:
        return self.book.answer("send", message)

    def edit(self, receipt: Receipt, message: Message) -> None:
        self.book.answer("edit", message)

    def reply(self, receipt: Receipt, message: Message) -> str:
        return self.book.answer("reply", message)

    def find(self, message: Message) -> Receipt | None:
        return self.book.found.get(message.key)

    def probe(self) -> None:
        self.book.probes += 1
        if self.book.faults and self.book.faults[0] is not None:
            raise self.book.faults[0]


@dataclass
class Rig:
    """A courier with a clock that only `pass_time` moves."""

    channel: BookChannel
    spool: Any = field(default_factory=MemorySpool)
    now: float = 1_000_000.0

    def __post_init__(self) -> None:
        BookChannel.books[self.channel.name] = Book()
        self.book.clock = lambda: self.now
        self.courier = Courier(self.channel, self.spool, clock=lambda: self.now)

    @property
    def book(self) -> Book:
        return self.channel.book

    def happen(self, kind: str = "failed", step: str = "load", index: int = -1, **more: Any) -> None:
        """Have something told."""
        values: dict[str, Any] = {"run_id": "run-1", "severity": "error", "text": "boom", "flow": "nightly"}
        alert = AlertRecord(
            channel=self.channel.address, step=step, kind=kind, time=self.now, map_index=index,
            **(values | more),
        )  # fmt: skip
        self.spool.add_alerts([alert])

    def pass_time(self, seconds: float, *, hurry: bool = False) -> None:
        """Have the courier work for so long."""
        end = self.now + seconds
        while self.now <= end:
            wait = self.courier.work(hurry=hurry)
            if wait is None:
                break
            self.now += min(max(0.01, min(wait, 1.0)), max(0.001, end - self.now + 0.001))
        self.now = end

    def restart(self) -> None:
        """Go on as another process would."""
        self.courier = Courier(self.channel, self.spool, clock=lambda: self.now)
