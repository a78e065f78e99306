"""The command of a job: started, its output taken, and seen through until nothing of it is left."""

from __future__ import annotations

import os
import select
import signal
import sys
import time

from longshore_shell.jobs import records
from longshore_shell.jobs.streams import Log, Progress, Stream
from longshore_shell.jobs.trees import Tree
from longshore_shell.messages import ORDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from longshore_shell.jobs.streams import Redactor
    from longshore_shell.trees import Alarm

SCRIPT_DESCRIPTOR = 9
"""Where a command finds a script that lies in no file; below it are the streams, and what scripts use."""
_READ_SIZE = 64 * 1024
_READS = 16
"""How often one stream is read before the other has its turn."""
_FULL_DISK_WAIT = 1.0


class Command:
    """A job's command, from its start to the record of its end."""

    def __init__(
        self, folder: str, request: dict[str, Any], alarm: Alarm, control: int, log: int, copy: int | None
    ) -> None:
        self.folder = folder
        self.grace: float = request["grace"]
        self.alarm = alarm
        self.control = control
        self.told = False  # to end, by a signal
        self.refused: int | None = None  # why it could not be started
        self.tree: Tree | None = None
        self.began = time.monotonic()
        self.log = Log(log, request["log_limit"])
        self.progress = Progress(folder)
        out, err = make_redactors(request["secrets"], request["path"])
        self.streams = (
            Stream(b"o", self.log, self.progress, copy, out),
            Stream(b"e", self.log, None, copy, err),
        )
        self.reads: dict[int, Stream] = {}
        self.poll = select.poll()
        self.poll.register(alarm.read, select.POLLIN)
        self.poll.register(control, select.POLLIN)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, self.be_told)

    def be_told(self, number: int, frame: object) -> None:
        if number == signal.SIGTERM:  # the machine goes down; the others are meant for a terminal's processes
            self.told = True

    def start(self, request: dict[str, Any], stdin: int, script: int | None) -> None:
        """Start it, or remember why that cannot be."""
        given = [(stdin, 0), *((self.open_stream(stream), n) for n, stream in enumerate(self.streams, 1))]
        if script is not None:
            given.append((script, SCRIPT_DESCRIPTOR))
        os.umask(request["umask"])
        try:
            pid = os.posix_spawn(
                request["program"],
                request["argv"],
                request["environment"],
                file_actions=[(os.POSIX_SPAWN_DUP2, fd, number) for fd, number in given],
                setsid=True,
                setsigmask=[],
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # Python ignores these two
            )
        except OSError as error:
            self.refused = error.errno
        else:
            self.tree = Tree(pid, self.grace)
            self.note(pid)
        finally:
            os.umask(0o077)
            for fd, _ in given:
                os.close(fd)

    def open_stream(self, stream: Stream) -> int:
        read, write = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(read, False)
        self.reads[read] = stream
        self.poll.register(read, select.POLLIN)
        return write

    def note(self, pid: int) -> None:
        """Write down which process it is; without that, what is left of it is found by its environment."""
        process = {"pid": pid, "ticks": records.start_ticks(pid)}
        try:  # noqa: SIM105 - contextlib takes 3 ms to import
            records.write_record(self.folder, records.PROCESS, process)
        except OSError:
            pass

    def see_through(self) -> None:
        """Take its output until nothing of it is left, and record how it ended."""
        if self.tree is None:
            end: dict[str, Any] = {"kind": "refused", "number": self.refused}
        else:
            self.watch(self.tree)
            end = {"kind": "ended", **self.tree.end()}
        for stream in self.streams:
            stream.finish()
        self.log.finish()
        self.remove_script()
        self.sync_outputs()
        tails = {"stdout_tail": self.streams[0].tail.text(), "stderr_tail": self.streams[1].tail.text()}
        self.write_end({**end, **tails, "duration": time.monotonic() - self.began, "time": time.time()})

    def watch(self, tree: Tree) -> None:
        while not (tree.reap() or tree.press()):
            for fd, _ in self.poll.poll(self.until_next_look(tree)):
                if fd in self.reads:
                    self.read(fd)
                elif fd == self.alarm.read:
                    self.alarm.clear()
                else:
                    self.obey(tree)
            if self.told:
                tree.stop("told")
            if self.progress.due is not None and self.progress.due <= time.monotonic():
                self.progress.write()
        for fd in list(self.reads):
            self.read(fd, to_the_end=tree.is_gone)

    def until_next_look(self, tree: Tree) -> float | None:
        """Milliseconds until there is something to do without being told."""
        looks = [at for at in (tree.due, self.progress.due) if at is not None]
        return max(0.0, min(looks) - time.monotonic()) * 1000 + 1 if looks else None

    def read(self, fd: int, *, to_the_end: bool = False) -> None:
        turns = _READS
        while turns or to_the_end:
            turns -= 1
            try:
                data = os.read(fd, _READ_SIZE)
            except BlockingIOError:
                return
            if not data:
                self.poll.unregister(fd)
                del self.reads[fd]
                os.close(fd)
                return
            self.reads[fd].feed(data)

    def obey(self, tree: Tree) -> None:
        data = os.read(self.control, ORDER.size)
        if len(data) == ORDER.size:
            tree.stop("cancelled", ORDER.unpack(data)[1])

    def remove_script(self) -> None:
        try:  # noqa: SIM105
            os.unlink(f"{self.folder}/{records.SCRIPT}")  # noqa: PTH108
        except OSError:
            pass  # there is none

    def sync_outputs(self) -> None:
        """Have the outputs survive a loss of power before the end does."""
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(f"{self.folder}/{records.OUTPUTS}", flags)
        except OSError:
            return  # the command has put something else there
        try:  # noqa: SIM105
            os.fsync(fd)
        except OSError:
            pass
        os.close(fd)

    def write_end(self, end: dict[str, Any]) -> None:
        """Write how it ended, on a full disk once that has room; a folder that was removed wants none."""
        while True:
            try:
                records.write_record(self.folder, records.END, end, durable=True)
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(_FULL_DISK_WAIT)
            else:
                return


def make_redactors(secrets: list[str], path: list[str]) -> tuple[Redactor | None, Redactor | None]:
    """Return what masks the worker's secrets in each stream; without secrets Longshore is not imported."""
    if not secrets:
        return None, None
    sys.path[:] = path
    from longshore import StreamRedactor, register_secret

    for value in secrets:
        register_secret(value)
    return StreamRedactor(), StreamRedactor()
