"""The folder of a job from outside: whether the job was started, how it stands, and what a dead watcher left.

A job is in one of these states, and every kill leads from one of them to another:

| lock | `start` | `end` | the job |
|---|---|---|---|
| free | no | no | was not started, and will not be unless somebody submits it |
| taken | no | no | is about to be started, or will not be: whoever asks waits for it |
| taken | yes | no | runs |
| free | yes | no | has lost its watcher, or went down with the machine: it is settled by whoever looks |
| any | yes | yes | has ended |
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
import uuid
from pathlib import Path
from typing import Any, Final

from longshore import ConfigurationError, JobNotFoundError, JobUnreachableError
from longshore_shell.jobs import records
from longshore_shell.jobs.remains import end_remains
from longshore_shell.messages import ORDER

KEPT: Final = 7 * 24 * 3600.0
"""Seconds after which the folder of an ended job is removed by a later submission, if nobody has before."""
_TIDIED_EVERY: Final = 3600.0
_START_PATIENCE: Final = 60.0
"""Seconds that a watcher may take from the lock to the start."""
_WAIT: Final = 0.005
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_GONE: Final = ".gone"


def default_jobs_folder() -> str:
    """Return where jobs are kept: `longshore/jobs` in `$XDG_STATE_HOME`, or in `~/.local/state`."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):  # noqa: PTH117 - the XDG Base Directory Specification: ignore a relative one
        state = str(Path.home() / ".local" / "state")
    return f"{state}/longshore/jobs"


class JobFolder:
    """One job's folder."""

    def __init__(self, path: str) -> None:
        self.path = path

    @classmethod
    def of(cls, jobs_folder: str, key: str) -> JobFolder:
        """Return the folder of the job with a key.

        Raises:
            ConfigurationError: The key is no plain name.
        """
        if not _KEY.fullmatch(key) or key.endswith(_GONE):
            raise ConfigurationError(
                f"cannot use {key!r} as a job's key: give letters, digits, '_', '.' and '-', 200 at most"
            )
        return cls(f"{os.path.abspath(jobs_folder)}/{key}")  # noqa: PTH100

    def file(self, name: str) -> str:
        """Return the path of one of its files."""
        return f"{self.path}/{name}"

    def make(self) -> None:
        """Make it, readable by its owner alone, unless it is there."""
        parent = Path(self.path).parent
        parent.mkdir(0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            Path(self.path).mkdir(0o700)

    def was_started(self) -> bool:
        """Tell whether the command was started, or may have been; waits for one that is about to be.

        Raises:
            JobUnreachableError: Its watcher is stopped just before it starts the command.
        """
        until = time.monotonic() + _START_PATIENCE
        while True:
            locked = records.is_locked(self.path)  # looked at first: a quick job is over soon
            if records.exists(self.path, records.START):
                return True
            if not locked:
                return False
            if time.monotonic() > until:
                raise JobUnreachableError(
                    f"cannot say whether the job in {self.path!r} was started: its watcher does not go on"
                )
            time.sleep(_WAIT)

    def end(self) -> dict[str, Any] | None:
        """Return how the job ended; None while it runs.

        Raises:
            JobNotFoundError: There is no such job.
            JobUnreachableError: It was started on another host.
        """
        end = records.read_record(self.path, records.END)
        if end is not None:
            return end
        if records.is_locked(self.path):
            return None
        if not records.exists(self.path, records.START):
            raise JobNotFoundError(f"there is no job in {self.path!r}")
        return self._settle()

    def _settle(self) -> dict[str, Any] | None:
        """End what a dead watcher left, and write down how that was."""
        lock = records.Lock(self.path)
        try:
            if not lock.take():
                return None  # somebody else does
            end = records.read_record(self.path, records.END)
            if end is None:
                end = self._lost(self.start())
                records.write_record(self.path, records.END, end, durable=True)
        finally:
            lock.close()
        return end

    def _lost(self, start: dict[str, Any]) -> dict[str, Any]:
        lost: dict[str, Any] = {"kind": "lost", "survivors": [], "time": time.time()}
        if start["boot"] == records.boot_id():
            survivors = end_remains(self.file(records.OUTPUTS), self._leader())
            why = "the process that watched it was killed"
            return {**lost, "why": why, "survivors": sorted(survivors.items())}
        here = os.uname().nodename
        if start["host"] == here:
            return {**lost, "why": "the machine was restarted"}
        raise JobUnreachableError(
            f"cannot see from host {here!r} how the job in {self.path!r} stands: it was started on host "
            f"{start['host']!r}; go on there"
        )

    def _leader(self) -> tuple[int, int] | None:
        process = records.read_record(self.path, records.PROCESS)
        return None if process is None or process["ticks"] is None else (process["pid"], process["ticks"])

    def start(self) -> dict[str, Any]:
        """Return what is recorded of its start."""
        start = records.read_record(self.path, records.START)
        if start is None:
            raise JobNotFoundError(f"there is no job in {self.path!r}")
        return start

    def stop(self, grace: float) -> None:
        """Have the job's watcher end everything; where it has died, do that here."""
        if records.exists(self.path, records.END):
            return
        try:
            self._order(ORDER.pack(b"S", grace))
        except OSError:  # there is no watcher, or it has just died
            with contextlib.suppress(JobNotFoundError):
                self.end()

    def _order(self, order: bytes) -> None:
        fd = os.open(self.file(records.CONTROL), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(fd, order)
        finally:
            os.close(fd)

    def discard(self) -> None:
        """Remove the folder of an ended job."""
        if not records.exists(self.path, records.END):
            return
        gone = f"{self.path}.{uuid.uuid4().hex}{_GONE}"  # as a whole: half a folder would tell something else
        with contextlib.suppress(FileNotFoundError):
            Path(self.path).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)


def tidy(jobs_folder: str) -> None:
    """Remove what is left of jobs that ended long ago, once an hour at most."""
    stamp = Path(jobs_folder) / ".tidied"
    now = time.time()
    with contextlib.suppress(OSError):
        if stamp.exists() and stamp.stat().st_mtime > now - _TIDIED_EVERY:
            return
        stamp.touch(0o600)
        for path in Path(jobs_folder).iterdir():
            _tidy_one(path, now - KEPT)


def _tidy_one(path: Path, before: float) -> None:
    with contextlib.suppress(OSError, JobNotFoundError, JobUnreachableError):
        if path.name.endswith(_GONE):
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_dir() and path.stat().st_mtime < before:
            folder = JobFolder(str(path))
            if not folder.was_started():
                shutil.rmtree(
                    path, ignore_errors=True
                )  # its worker died before the start, and nobody came back
            elif folder.end() is not None:
                folder.discard()
