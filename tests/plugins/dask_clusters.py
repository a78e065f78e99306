"""Clusters for tests: a scheduler and workers, each a process of its own that can be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from s3_servers import free_port

_DASK = (sys.executable, "-m", "distributed.cli.dask_scheduler")
_WORKER = (sys.executable, "-m", "distributed.cli.dask_worker")


class LoneCluster:
    """A scheduler and workers without nannies.

    Args:
        folder: For their files.
        workers: How many.
    """

    def __init__(self, folder: Path, workers: int = 2) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.workers: list[subprocess.Popen[bytes]] = []
        self._count = workers

    def __enter__(self) -> Self:
        self.scheduler = self._start(
            *_DASK, "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard", "--no-jupyter"
        )
        self._wait()
        for _ in range(self._count):
            self.add_worker()
        return self

    def _wait(self) -> None:
        give_up = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < give_up, (self.folder / "log").read_text()
                time.sleep(0.05)

    def add_worker(self, *options: str) -> subprocess.Popen[bytes]:
        """Start one more worker."""
        worker = self._start(
            *_WORKER, self.address, "--no-nanny", "--nthreads", "2", "--no-dashboard", "--host", "127.0.0.1",
            "--local-directory", str(self.folder), *options,
        )  # fmt: skip
        self.workers.append(worker)
        return worker

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            )

    def __exit__(self, *_: object) -> None:
        for process in (*self.workers, self.scheduler):
            process.send_signal(signal.SIGKILL)
            process.wait()


def gone(pid: int, seconds: float = 15.0) -> bool:
    """Whether a process is gone, soon."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
