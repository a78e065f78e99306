"""Channels that write down what they are told, where processes that are killed can be counted."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from longshore.alerts.channels import Channel
from longshore.alerts.errors import DeliveryError
from longshore.alerts.messages import Message, Receipt

Fault: TypeAlias = Callable[[str, int], Exception | None]
"""Says with what a call is answered: by its kind, and how many there were before."""


@dataclass(frozen=True)
class FileChannel(Channel):
    """Adds what it is told to a file, which is flushed to the disk before the call returns.

    Attributes:
        fault: Asked for each call; a `DeliveryError` that is uncertain comes after the line is written.
        before: Called before a line is written, with the kind of call.
        after: Called once it is.
    """

    scheme = "file"
    fault: ClassVar[Fault | None] = None
    before: ClassVar[Callable[[str], None] | None] = None
    after: ClassVar[Callable[[str], None] | None] = None

    path: str
    can_edit: bool = True
    can_thread: bool = True
    can_find: bool = False

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
        return self._take("send", message)

    def edit(self, receipt: Receipt, message: Message) -> None:
        self._take("edit", message)

    def reply(self, receipt: Receipt, message: Message) -> str:
        return self._take("reply", message)

    def find(self, message: Message) -> Receipt | None:
        known = [line for line in self.lines() if line["what"] == "send" and line["key"] == message.key]
        return Receipt(id=known[0]["id"]) if known else None

    def _take(self, what: str, message: Message) -> str:
        kind = type(self)
        if kind.before is not None:
            kind.before(what)
        number = len(self.lines(refused=True))
        error = kind.fault(what, number) if kind.fault is not None else None
        arrived = error is None or (isinstance(error, DeliveryError) and error.uncertain)
        self._write(
            {
                "what": what,
                "id": f"id{number}",
                "arrived": arrived,
                "now": time.time(),
                "key": message.key,
                "title": message.title,
                "status": message.status,
                "notes": message.notes,
                "fields": dict(message.fields),
                "plain": message.plain,
            }
        )
        if kind.after is not None:
            kind.after(what)
        if error is not None:
            raise error
        return f"id{number}"

    def _write(self, line: dict[str, Any]) -> None:
        with Path(self.path).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def lines(self, *, refused: bool = False) -> list[dict[str, Any]]:
        """Return what arrived; or all calls, those that were refused too."""
        path = Path(self.path)
        found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in found if refused or line["arrived"]]

    def told(self, what: str) -> list[dict[str, Any]]:
        """Return what arrived by one kind of call."""
        return [line for line in self.lines() if line["what"] == what]


def every_second(make: Callable[[], Exception]) -> Fault:
    """Return a fault that refuses the first call, the third, and so on."""
    return lambda what, number: make() if number % 2 == 0 else None
