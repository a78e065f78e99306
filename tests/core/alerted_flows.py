"""Flows that tests serve, and a channel that writes down which process told it what."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from longshore import Alert, Channel, Message, flow, task
from longshore.serving.children import MARK

TOLD = Path(os.environ["ALERTED_FOLDER"]) / "told.txt"
IN_CHILD = MARK in os.environ


@dataclass(frozen=True)
class Note(Channel):
    """Writes a line; by the name `deadly` it kills the process that does a run before it is told."""

    scheme = "note"
    name: str

    def send(self, message: Message) -> None:
        if self.name == "deadly" and IN_CHILD:
            os.kill(os.getpid(), signal.SIGKILL)
        with TOLD.open("a") as stream:
            stream.write(f"{self.name}|{'child' if IN_CHILD else 'server'}|{message.title}\n")


@task
def fail() -> None:
    raise ValueError("boom")


@flow
def plain() -> None:
    fail()


@flow(state_handlers=[Alert(Note("switch"), on=(), silent_after=1.0)])
def unheard() -> None:
    fail()


@flow(state_handlers=[Alert(Note("deadly"), silent_after=60.0)])
def stranded() -> None:
    fail()
