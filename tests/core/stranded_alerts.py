"""Twenty steps fail at once, and the process gets a signal: `stranded_alerts STORE|- CHANNEL FAULT FLUSH`."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from alert_channels import FileChannel

from longshore import (
    Alert,
    Channel,
    DeliveryError,
    Flow,
    Message,
    SQLiteStore,
    ThreadExecutor,
    all_finished,
    current,
    task,
)
from longshore.alerts import deliveries

STEPS = 20


@dataclass(frozen=True)
class StrandedChannel(Channel):
    """Speaks to a port where somebody takes the connection, and never says a word."""

    scheme = "stranded"
    servers: ClassVar[dict[int, socket.socket]] = {}

    port: int

    def send(self, message: Message) -> None:
        """Wait for an answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(message.plain.encode())
            connection.recv(1)
        raise DeliveryError("the connection ended without an answer", uncertain=True)

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator[StrandedChannel]:
        """Listen while the block lasts."""
        with contextlib.closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as server:
            server.settimeout(60)
            channel = cls(server.getsockname()[1])
            cls.servers[channel.port] = server
            yield channel

    @contextmanager
    def called(self) -> Iterator[None]:
        """Wait for a call, which goes on while the block lasts."""
        connection, _ = self.servers[self.port].accept()
        with connection:
            yield


@task
def fail(fails: bool) -> None:
    if fails:
        raise ValueError("boom")


@task(trigger=all_finished)
def hold(until_stopped: bool) -> None:
    if until_stopped:
        stopped = threading.Event()
        with current.on_cancel(stopped.set):
            print("ready", flush=True)
            stopped.wait(60)


def stranded(channel: Channel | None, *, fails: bool = True, count: int = STEPS, holds: bool = False) -> Flow:
    """Return a flow of steps that fail, and one that waits to be stopped."""
    watchers = () if channel is None else (Alert(channel),)
    with Flow("stranded") as made:
        before = [
            fail.replace(name=f"step {number}", state_handlers=watchers)(fails) for number in range(count)
        ]
        hold(holds, after=before)  # type: ignore[call-overload]
    return made


def answers(fault: str) -> Callable[[str, int], Exception | None]:
    """Return with what the channel answers."""
    if fault == "an hour":
        return lambda what, number: None if number < 2 else DeliveryError("429", retry_after=3_600.0)
    if fault == "down":
        return lambda what, number: DeliveryError("refused")
    return lambda what, number: None


def main() -> None:
    """Fail, say so, and wait for the signal."""
    path, address, fault, seconds = sys.argv[1:]
    deliveries.FLUSH = float(seconds)  # type: ignore[misc]
    FileChannel.fault = staticmethod(answers(fault))  # type: ignore[assignment]
    kind = FileChannel if address.startswith("file:") else StrandedChannel
    store = None if path == "-" else SQLiteStore(path)
    stranded(kind.of_address(address), holds=True).run(store=store, executor=ThreadExecutor(4))


if __name__ == "__main__":
    main()
