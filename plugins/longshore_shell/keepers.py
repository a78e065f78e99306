"""A keeper: a fork of the supervisor that starts one command at a time and ends its tree."""

from __future__ import annotations

import os
import select
import signal
import socket
import time

from longshore_shell.messages import ORDER, passed, receive, send
from longshore_shell.trees import Alarm, become_subreaper, descendants, kill, terminate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from longshore_shell.boards import Board

GRACE_OF_THE_DEAD = 2.0
"""Seconds that commands get when their worker has died."""
STRAGGLERS = 0.25
"""Seconds that the children of an ended command get to end by themselves before they count as left over."""
IDLE = 2
"""Seconds that a keeper without work stays."""
STUCK = 5.0
"""Seconds of SIGKILL after which the worker is told what would not die."""
STEP = 0.02
"""Seconds between two looks while a tree is ended."""


class Command:
    """One command and everything that descends from it, until nothing of it is left."""

    def __init__(self, keeper: Keeper, control: socket.socket) -> None:
        self.keeper = keeper
        self.control = control
        self.pid = 0
        self.ended = False
        self.name_at: float | None = None
        self.stop_at: float | None = None
        self.killing_since: float | None = None
        self.drains: list[int] = []
        self.poll = select.poll()
        self.poll.register(keeper.alarm.read, select.POLLIN)
        self.poll.register(control, select.POLLIN)
        keeper.watch_worker(self.poll)

    def start(self, descriptors: list[int]) -> bool:
        stage = "folder"
        try:
            argv, path, environment, folder, umask = receive(self.control)
            os.chdir(folder)
            os.umask(umask)
            stage = "start"
            self.pid = os.posix_spawn(
                path,
                argv,
                environment,
                file_actions=[(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(descriptors)],
                setsid=True,
                setsigmask=[],
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # Python ignores these two
            )
        except EOFError:
            return False
        except OSError as error:
            send(self.control, "failed", stage, error.errno)
            return False
        finally:
            for fd in descriptors:
                os.close(fd)
        return True

    def keep(self) -> None:
        """Serve the command until nothing of it is left."""
        while not self.reap():
            for fd, _ in self.poll.poll(self.until_next_look()):
                if fd == self.keeper.alarm.read:
                    self.keeper.alarm.clear()
                elif fd in self.drains:
                    self.drain(fd)
                elif fd == self.control.fileno():
                    self.obey()
                else:
                    self.worker_died()
            self.name_leftovers()
            self.press()
        if self.killing_since is not None or self.ended:
            send(self.control, "gone")

    def reap(self) -> bool:
        """Collect the ended; True when nothing is left."""
        usage = None
        status = 0
        while True:
            try:
                pid, code, resources = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                left = False
                break
            if pid == 0:
                left = True
                break
            if pid == self.pid:
                status, usage = code, resources
        if usage is not None:
            self.ended = True
            if left:
                self.name_at = time.monotonic() + STRAGGLERS
            else:
                self.keeper.board.rest(self.keeper.place)
            cpu = usage.ru_utime + usage.ru_stime
            send(self.control, "ended", status, cpu, usage.ru_maxrss * 1024, left)
        return not left

    def obey(self) -> None:
        try:
            data, ancillary, _, _ = self.control.recvmsg(
                ORDER.size, socket.CMSG_SPACE(8), socket.MSG_CMSG_CLOEXEC
            )
        except OSError:
            data, ancillary = b"", []
        if len(data) < ORDER.size:
            self.poll.unregister(self.control)
            self.stop(GRACE_OF_THE_DEAD)
            return
        order, grace = ORDER.unpack(data)
        if order == b"S":
            self.stop(grace)
        else:
            self.poll.unregister(self.control)
            self.drains = passed(ancillary)
            for fd in self.drains:
                self.poll.register(fd, select.POLLIN)

    def drain(self, fd: int) -> None:
        """Read and forget what leftovers still write: a closed pipe would end them before their time."""
        if not os.read(fd, 65536):
            self.poll.unregister(fd)
            self.drains.remove(fd)
            os.close(fd)

    def worker_died(self) -> None:
        self.keeper.unwatch_worker(self.poll)
        self.stop(GRACE_OF_THE_DEAD)

    def stop(self, grace: float) -> None:
        due = time.monotonic() + grace
        if self.stop_at is None:
            terminate(os.getpid())
        self.stop_at = due if self.stop_at is None else min(self.stop_at, due)

    def name_leftovers(self) -> None:
        """Tell the worker what is left of an ended command, once its stragglers have had their time."""
        if self.name_at is not None and time.monotonic() >= self.name_at:
            names = sorted(descendants(os.getpid()).items())
            self.name_at = (
                None if names else time.monotonic() + STEP
            )  # those that end now are collected first
            if names:
                send(self.control, "left", names)

    def press(self) -> None:
        """Kill what did not end within its grace."""
        if self.stop_at is None or time.monotonic() < self.stop_at:
            return
        kill(os.getpid())
        if self.killing_since is None:
            self.killing_since = time.monotonic()
        elif self.killing_since and time.monotonic() > self.killing_since + STUCK:
            send(self.control, "stuck", sorted(descendants(os.getpid()).items()))
            self.killing_since = 0.0

    def until_next_look(self) -> float | None:
        """Milliseconds until there is something to do without being told."""
        looks = [at for at in (self.name_at, self.stop_at) if at is not None]
        if self.killing_since is not None:
            looks = [time.monotonic() + (STEP if self.killing_since else 1.0)]
        return max(0.0, min(looks) - time.monotonic()) * 1000 + 1 if looks else None


def has_ended(process: int | None) -> bool:
    """Whether a process has ended, by its pidfd."""
    if process is None:
        return False
    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(0))


class Keeper:
    """A fork of the supervisor that serves commands, one at a time."""

    def __init__(self, requests: socket.socket, worker: int | None, board: Board, place: int) -> None:
        self.requests = requests
        self.worker = worker
        self.board = board
        self.place = place
        self.supervisor = os.getppid()
        self.alarm = Alarm()
        become_subreaper()

    def run(self) -> NoReturn:
        try:
            while self.serve():
                pass
        finally:
            os._exit(0)

    def serve(self) -> bool:
        """Take one request and see it through; False when there will be no more."""
        try:  # not poll(): that would wake every idle keeper for one request
            data, ancillary = self.requests.recvmsg(1, socket.CMSG_SPACE(16), socket.MSG_CMSG_CLOEXEC)[:2]
        except BlockingIOError:  # nothing for IDLE seconds; the first idle keeper stays
            return (
                self.board.first_idle() == self.place
                and os.getppid() == self.supervisor
                and not has_ended(self.worker)
            )
        if not data:
            return False
        self.board.take(self.place)
        control, *descriptors = passed(ancillary)
        with socket.socket(fileno=control) as channel:
            command = Command(self, channel)
            if command.start(descriptors):
                command.keep()
        os.chdir("/")
        self.board.rest(self.place)
        return True

    def watch_worker(self, poll: select.poll) -> None:
        poll.register(self.requests, 0)  # its end, not what is in it
        if self.worker is not None:
            poll.register(self.worker, select.POLLIN)

    def unwatch_worker(self, poll: select.poll) -> None:
        poll.unregister(self.requests)
        if self.worker is not None:
            poll.unregister(self.worker)
