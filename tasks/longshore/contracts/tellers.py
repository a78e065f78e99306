"""Processes that tell a channel and are killed: what `StoreContract` starts, and what runs there."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from longshore.contracts.owners import OWNER
from longshore.contracts.storeparts import alert, changed, incident
from longshore.stores.locations import open_store
from longshore.stores.records import AlertRaised

if TYPE_CHECKING:
    from types import TracebackType

_CODE: Final = "import sys; from longshore.contracts.tellers import {0}; {0}(*sys.argv[1:])"


class Teller:
    """Another process with the store open, which does its work when it is asked, and is killed at the end.

    Args:
        location: The store, as `open_store` takes it.
        channel: The channel.
        work: What it does, one of the functions below.
    """

    def __init__(self, location: str, channel: str, work: str = "take") -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter
            [sys.executable, "-c", _CODE.format(work), location, channel],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> Teller:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def ask(self) -> None:
        """Have it do its work."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        """Return the next line that it says; empty when it has died."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().rstrip("\n")

    def kill(self) -> None:
        """Kill it, in the midst of whatever it does."""
        self._process.kill()
        with self._process:
            pass


def take(location: str, channel: str) -> None:
    """Try to take a channel at each line of standard input, and say whether it was had."""
    store = open_store(location)
    for _ in sys.stdin:
        _say(store.take_channel(channel, f"the token of {os.getpid()}"))


def raise_and_tell(location: str, channel: str) -> None:
    """Write steps that fail, each with its alert, and take every second alert into an incident.

    The run has the channel's name for an id.
    """
    store = open_store(location)
    store.claim(channel, OWNER)
    assert store.take_channel(channel, OWNER)
    sys.stdin.readline()
    for number in itertools.count():
        raised = AlertRaised(alert=alert(channel, number))
        store.write(channel, OWNER, [changed("Failed", map_index=number), raised])
        if number % 2:
            [(key, oldest)] = store.alerts(channel, 1)
            store.write_incidents(channel, OWNER, [incident(channel, str(oldest.map_index))], [key])
        _say(number)


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()
