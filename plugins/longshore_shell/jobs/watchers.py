"""The watcher of one job: the process that starts its command, takes its output, and outlives the worker.

Run by a bare interpreter, with a socket to the worker as its standard input, on which it gets the request and
says whether the job was started; everything after that goes through the job's folder. It is the subreaper of
the command's tree, so `waitpid` saying "no child" proves that nothing is left.

Only who has the lock of the folder starts the command, only while the worker that asks is alive, and only
after it has written down that it does. So a command is started once at most; and when a worker has died, and
there is neither lock nor `start`, it will not be started any more.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import time

from longshore_shell.jobs import records
from longshore_shell.jobs.commands import SCRIPT_DESCRIPTOR, Command
from longshore_shell.messages import passed, receive, send
from longshore_shell.trees import Alarm, become_subreaper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WAIT = 0.005


class Watcher:
    """Decides whether it is the one that starts the command, and does it."""

    def __init__(self, folder: str, channel: socket.socket, request: dict[str, Any], stdin: int) -> None:
        self.folder = folder
        self.channel = channel
        self.request = request
        self.stdin = stdin
        self.lock = records.Lock(folder)

    def run(self) -> None:
        """Start the job, if nobody has and somebody still wants it, and see it through."""
        if self.claim():
            self.start()
        else:
            send(self.channel, "started")

    def claim(self) -> bool:
        """Become the one who starts it; whoever has the lock either has started it or is about to die."""
        while not self.lock.take():
            if records.exists(self.folder, records.START) or self.worker_is_gone():
                return False
            time.sleep(_WAIT)
        return not records.exists(self.folder, records.START) and not self.worker_is_gone()

    def worker_is_gone(self) -> bool:
        try:
            return not self.channel.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def start(self) -> None:
        stage = "job folder"
        try:
            control, alarm = self.open_control(), Alarm()
            os.close(self.create(records.OUTPUTS))
            log, script = self.create(records.LOG), self.write_script()
            stage = "output file"
            copy = self.open_copy()
            command = Command(self.folder, self.request, alarm, control, log, copy)
            stage = "folder"
            os.chdir(self.request["folder"])
            stage = "job folder"
            self.write_start()
        except OSError as error:
            send(self.channel, "failed", stage, error.errno)
            return
        become_subreaper()
        command.start(self.request, self.stdin, script)
        self.let_go()
        command.see_through()

    def open_control(self) -> int:
        path = f"{self.folder}/{records.CONTROL}"
        try:  # noqa: SIM105 - contextlib takes 3 ms to import
            os.mkfifo(path, 0o600)
        except FileExistsError:
            pass  # of a watcher that was killed before the start
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)  # for writing too: it never ends then

    def create(self, name: str) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        return os.open(f"{self.folder}/{name}", flags, 0o600)

    def open_copy(self) -> int | None:
        path: str | None = self.request["output_file"]
        if path is None:
            return None
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def write_script(self) -> int | None:
        """Write the script where the command looks for it; return its descriptor when that is no file."""
        script: bytes | None = self.request["script"]
        if script is None:
            return None
        private: bool = self.request["private"]
        if private:
            fd = os.memfd_create("script")
        else:
            path = f"{self.folder}/{records.SCRIPT}"
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o700)
        with open(fd, "wb") as file:  # noqa: PTH123
            file.write(script)
            file.flush()
            return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, SCRIPT_DESCRIPTOR + 1) if private else None

    def write_start(self) -> None:
        start = {
            **self.request["said"],
            "watcher": os.getpid(),
            "boot": records.boot_id(),
            "host": os.uname().nodename,
            "time": time.time(),
        }
        records.write_record(self.folder, records.START, start, durable=True)
        records.sync_folder(os.path.dirname(self.folder))  # noqa: PTH120

    def let_go(self) -> None:
        """Tell the worker that the job is started, and let go of everything that it has to do with."""
        os.chdir("/")
        self.request.clear()
        send(self.channel, "started")
        self.channel.close()


def main() -> None:
    """Leave the worker, take its request, and see the job through."""
    os.closerange(3, 1 << 20)
    if os.fork():
        os._exit(0)  # the worker collects this process; the other one belongs to nobody
    os.umask(0o077)
    channel = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.close(null)
    try:
        data, ancillary = channel.recvmsg(1, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)[:2]
        request = receive(channel)[0] if data else None
    except (EOFError, ConnectionError):
        return  # the worker has died, and another one will ask
    if request is not None:
        Watcher(sys.argv[1], channel, request, passed(ancillary)[0]).run()
