"""The supervisor: a small process beside each worker, which starts its commands and ends their trees.

Run by a bare interpreter, with a socket to the worker as its standard input; it and what it imports use
nothing but the standard library, and little of that. A *keeper*, a fork of the supervisor, serves one command
at a time. Both are subreapers: what a command leaves behind becomes a child of its keeper, so `waitpid`
saying "no child" proves that nothing is left, and the orphans of a killed keeper become children of the
supervisor, which kills them. A keeper whose command left nothing serves the next one, so in the steady state
a command costs no fork but its own.

The worker sends a keeper four descriptors (control, standard input, output, error) and on the control socket
one request; the keeper answers there with the messages `failed`, `ended`, `left`, `gone`, `stuck`. When the
worker dies, by anything, its sockets close and its pidfd becomes readable, and every tree is ended.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import sys
import time

from longshore_shell.boards import Board
from longshore_shell.keepers import IDLE, STEP, Keeper
from longshore_shell.messages import passed, send
from longshore_shell.trees import Alarm, become_subreaper, descendants, kill


class Supervisor:
    """Forks keepers as they are needed and outlives its worker until every tree has ended."""

    def __init__(self, worker: int, folder: str) -> None:
        self.folder = folder
        self.requests = socket.socket(fileno=0)
        self.requests.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", IDLE, 0))
        self.worker = watch(worker)
        self.board = Board()
        self.keepers: dict[int, int] = {}  # their places on the board by pid
        self.sweeping = False
        self.alarm = Alarm()
        become_subreaper()

    def run(self) -> None:
        while not self.worker_is_gone():
            self.reap()
        while self.reap():
            self.sweeping = True
            time.sleep(STEP)
        self.remove_folder()

    def worker_is_gone(self) -> bool:
        """Wait for the next event; True when it is the worker's end."""
        poll = select.poll()
        poll.register(self.alarm.read, select.POLLIN)
        poll.register(self.board.bell, select.POLLIN)
        poll.register(self.requests, 0 if self.board.first_idle() >= 0 else select.POLLIN)
        if self.worker is not None:
            poll.register(self.worker, select.POLLIN)
        events = dict(poll.poll(STEP * 1000 if self.sweeping else None))
        self.alarm.clear()
        if self.worker in events or events.get(0, 0) & (select.POLLHUP | select.POLLERR):
            return True
        self.board.clear_bell()
        if (events.get(0) or self.board.bell in events) and self.board.first_idle() < 0:
            self.fork_keeper(asked=0 in events)
        return False

    def fork_keeper(self, *, asked: bool) -> None:
        """Make a keeper, for a request that waits or for the next to come."""
        place = self.board.claim()
        try:
            pid = os.fork()
        except OSError as error:
            self.board.free(place)
            if asked:
                self.refuse(error)
            return
        if pid == 0:
            self.alarm.close()
            Keeper(self.requests, self.worker, self.board, place).run()
        self.keepers[pid] = place

    def refuse(self, error: OSError) -> None:
        """No keeper can be made: say so to the one who asked."""
        ancillary = self.requests.recvmsg(1, socket.CMSG_SPACE(16), socket.MSG_CMSG_CLOEXEC)[1]
        control, *descriptors = passed(ancillary)
        for fd in descriptors:
            os.close(fd)
        with socket.socket(fileno=control) as channel:
            send(channel, "failed", "start", error.errno)

    def reap(self) -> bool:
        """Collect the ended and kill the orphans of killed keepers; False when no child is left."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                place = self.keepers.pop(pid, None)
                if place is not None:
                    self.board.free(place)
                    self.sweeping = self.sweeping or status != 0
        except ChildProcessError:
            self.sweeping = False
            return False
        if self.sweeping:
            kill(os.getpid(), set(self.keepers))
            self.sweeping = bool(descendants(os.getpid(), set(self.keepers)))
        return True

    def remove_folder(self) -> None:
        import shutil

        shutil.rmtree(self.folder, ignore_errors=True)


def watch(worker: int) -> int | None:
    """A descriptor that becomes readable when the worker ends; None on a Linux before 5.3, which has none."""
    try:
        return os.pidfd_open(worker)
    except OSError:
        return None


def main() -> None:
    worker, folder = int(sys.argv[1]), sys.argv[2]
    os.closerange(3, 1 << 20)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(
            number, lambda number, frame: None
        )  # we end with the worker; a handler, as exec resets it
    supervisor = Supervisor(worker, folder)
    if os.getppid() == worker:
        supervisor.run()
    else:  # it has ended already
        supervisor.remove_folder()
