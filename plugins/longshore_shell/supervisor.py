"""The supervisor: a small process beside each worker, which starts its commands and ends their trees.

Run as a file by a bare interpreter, with a socket to the worker as its standard input; it imports nothing of
Longshore. A *keeper*, a fork of the supervisor, serves one command at a time. Both are subreapers: what a command
leaves behind becomes a child of its keeper, so `waitpid` saying "no child" proves that nothing is left, and the
orphans of a killed keeper become children of the supervisor, which kills them. A keeper whose command left
nothing serves the next one, so in the steady state a command costs no fork but its own.

The worker sends a keeper four descriptors (control, standard input, output, error) and on the control socket one
request; the keeper answers there with the messages `failed`, `ended`, `gone`, `stuck`. When the worker dies, by anything,
its sockets close and its pidfd becomes readable, and every tree is ended.
"""

from __future__ import annotations

import ctypes
import marshal
import os
import select
import signal
import socket
import struct
import sys
import time
from typing import Any, NoReturn

PR_SET_CHILD_SUBREAPER = 36
ORDER = struct.Struct("!cd")  # what a worker says to a keeper: b"S" stop with a grace, b"R" release
WORD = struct.Struct("!i?")  # what a keeper says to the supervisor: its pid, whether it is busy
GRACE_OF_THE_DEAD = 2.0  # seconds that commands get when their worker has died
IDLE = 2.0  # seconds that a keeper without work stays
STUCK = 5.0  # seconds of SIGKILL after which the worker is told what would not die
STEP = 0.02  # seconds between two looks while a tree is ended


def processes() -> dict[int, tuple[int, str]]:
    """Every process that /proc shows: its parent and its name."""
    found: dict[int, tuple[int, str]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs the start of the supervisor 10 ms
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:  # noqa: PTH123
                    stat = file.read()
            except OSError:
                continue  # it has ended meanwhile
            name, _, rest = stat.partition(b" (")[2].rpartition(b") ")
            fields = rest.split(b" ", 2)
            if fields[0] not in b"ZX":
                found[int(entry)] = (int(fields[1]), name.decode("utf-8", "backslashreplace"))
    return found


def descendants(root: int, apart: set[int] | None = None) -> dict[int, str]:
    """The living descendants of a process with their names, leaving out the trees that begin in `apart`."""
    seen = processes()
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in seen.items():
        children.setdefault(parent, []).append(pid)
    below: dict[int, str] = {}
    waiting = [root]
    while waiting:
        for pid in children.get(waiting.pop(), ()):
            if not apart or pid not in apart:
                below[pid] = seen[pid][1]
                waiting.append(pid)
    return below


def send_signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        pass  # it has ended, or belongs to somebody else (sudo)


def terminate(root: int) -> None:
    for pid in descendants(root):
        send_signal(pid, signal.SIGTERM)
        send_signal(pid, signal.SIGCONT)  # a stopped process sees no SIGTERM


def kill(root: int, apart: set[int] | None = None) -> None:
    """Stop the whole tree first, so that nothing can fork out of reach, then kill it."""
    stopped: set[int] = set()
    for _ in range(50):
        new = descendants(root, apart).keys() - stopped
        if not new:
            break
        for pid in new:
            send_signal(pid, signal.SIGSTOP)
        stopped |= new
    for pid in stopped:
        send_signal(pid, signal.SIGKILL)


class Alarm:
    """A descriptor that becomes readable when a child of this process ends."""

    def __init__(self) -> None:
        self.read, self.write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self.write, warn_on_full_buffer=False)

    def clear(self) -> None:
        try:
            os.read(self.read, 4096)
        except BlockingIOError:
            pass

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self.read)
        os.close(self.write)


def become_subreaper() -> None:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def receive(control: socket.socket) -> Any:
    """One message: four bytes of length, then marshalled plain values."""
    size = int.from_bytes(receive_exactly(control, 4), "big")
    return marshal.loads(receive_exactly(control, size))  # noqa: S302 - from our own worker, over a private socket


def receive_exactly(control: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = control.recv(size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)


def send(control: socket.socket, *message: Any) -> None:
    data = marshal.dumps(message)
    try:
        control.sendall(len(data).to_bytes(4, "big") + data)
    except OSError:
        pass  # nobody listens any more: the tree is ended all the same


class Command:
    """One command and everything that descends from it, until nothing of it is left."""

    def __init__(self, keeper: Keeper, control: socket.socket) -> None:
        self.keeper = keeper
        self.control = control
        self.pid = 0
        self.ended = False
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
            names = sorted(descendants(os.getpid()).items()) if left else []
            if not left:
                self.keeper.say(busy=False)
            cpu = usage.ru_utime + usage.ru_stime
            send(self.control, "ended", status, cpu, usage.ru_maxrss * 1024, names)
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

    def press(self) -> None:
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
        if self.stop_at is None:
            return None
        if self.killing_since is None:
            return max(0.0, self.stop_at - time.monotonic()) * 1000 + 1
        return (STEP if self.killing_since else 1.0) * 1000


def passed(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    return [
        fd
        for level, kind, data in ancillary
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
        for (fd,) in struct.iter_unpack("i", data[: len(data) // 4 * 4])
    ]


class Keeper:
    """A fork of the supervisor that serves commands, one at a time."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.requests = supervisor.requests
        self.worker = supervisor.worker
        self.told = supervisor.told
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
        poll = select.poll()
        poll.register(self.requests, select.POLLIN)
        if self.worker is not None:
            poll.register(self.worker, select.POLLIN)
        events = poll.poll(IDLE * 1000)
        if not events or any(fd == self.worker for fd, _ in events):
            return False
        try:
            data, ancillary = self.requests.recvmsg(
                1, socket.CMSG_SPACE(16), socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT
            )[:2]
        except BlockingIOError:
            return True  # another keeper was quicker
        if not data:
            return False
        self.say(busy=True)
        control, *descriptors = passed(ancillary)
        with socket.socket(fileno=control) as channel:
            command = Command(self, channel)
            if command.start(descriptors):
                command.keep()
        os.chdir("/")
        self.say(busy=False)
        return True

    def say(self, *, busy: bool) -> None:
        os.write(self.told, WORD.pack(os.getpid(), busy))

    def watch_worker(self, poll: select.poll) -> None:
        poll.register(self.requests, 0)  # its end, not what is in it
        if self.worker is not None:
            poll.register(self.worker, select.POLLIN)

    def unwatch_worker(self, poll: select.poll) -> None:
        poll.unregister(self.requests)
        if self.worker is not None:
            poll.unregister(self.worker)


class Supervisor:
    """Forks keepers as they are needed and outlives its worker until every tree has ended."""

    def __init__(self, worker: int, folder: str) -> None:
        self.folder = folder
        self.requests = socket.socket(fileno=0)
        self.worker = watch(worker)
        self.hear, self.told = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.idle: dict[int, bool] = {}
        self.sweeping = False
        self.alarm = Alarm()
        become_subreaper()

    def run(self) -> None:
        while not self.worker_is_gone():
            self.listen()
            self.reap()
        while self.reap():
            self.sweeping = True
            time.sleep(STEP)
        self.remove_folder()

    def worker_is_gone(self) -> bool:
        """Wait for the next event; True when it is the worker's end."""
        poll = select.poll()
        poll.register(self.alarm.read, select.POLLIN)
        poll.register(self.hear, select.POLLIN)
        poll.register(self.requests, 0 if any(self.idle.values()) else select.POLLIN)
        if self.worker is not None:
            poll.register(self.worker, select.POLLIN)
        events = dict(poll.poll(STEP * 1000 if self.sweeping else None))
        self.alarm.clear()
        if self.worker in events or events.get(0, 0) & (select.POLLHUP | select.POLLERR):
            return True
        self.listen()
        if events.get(0) and not any(self.idle.values()):
            self.fork_keeper()
        return False

    def listen(self) -> None:
        try:
            words = os.read(self.hear, 4096 // WORD.size * WORD.size)
        except BlockingIOError:
            return
        for pid, busy in WORD.iter_unpack(words):
            if pid in self.idle:
                self.idle[pid] = not busy

    def fork_keeper(self) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            self.refuse(error)
            return
        if pid == 0:
            self.alarm.close()
            os.close(self.hear)
            Keeper(self).run()
        self.idle[pid] = True

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
                if self.idle.pop(pid, None) is not None and status:
                    self.sweeping = True
        except ChildProcessError:
            self.sweeping = False
            return False
        if self.sweeping:
            kill(os.getpid(), set(self.idle))
            self.sweeping = bool(descendants(os.getpid(), set(self.idle)))
        return True

    def remove_folder(self) -> None:
        import shutil

        shutil.rmtree(self.folder, ignore_errors=True)


def watch(worker: int) -> int | None:
    """A descriptor that becomes readable when the worker ends; None where the system has none (Linux before 5.3)."""
    try:
        return os.pidfd_open(worker)
    except OSError:
        return None


def main() -> None:
    worker, folder = int(sys.argv[1]), sys.argv[2]
    os.closerange(3, 1 << 20)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, lambda number, frame: None)  # we end with the worker; a handler, as exec resets it
    if os.getppid() == worker:
        Supervisor(worker, folder).run()


if __name__ == "__main__":
    main()
