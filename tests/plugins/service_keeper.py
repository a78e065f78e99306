"""Runs a server while somebody holds a lock on a file: `service_keeper.py LEASE LOG FILES COMMAND...`.

The test processes of one run share the server: each holds a shared lock, which the system takes away when
the process dies. FILES is the server's folder, which goes with it.
"""

from __future__ import annotations

import ctypes
import fcntl
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

_DIES_WITH_US = 1  # PR_SET_PDEATHSIG


def main(lease: str, log: str, files: str, *command: str) -> None:
    libc = ctypes.CDLL(None)
    with Path(log).open("wb") as output, Path(lease).open("rb") as held:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=lambda: libc.prctl(_DIES_WITH_US, signal.SIGKILL),
        )
        while server.poll() is None and _in_use(held.fileno()):
            time.sleep(0.2)
        _end(server)
    shutil.rmtree(files, ignore_errors=True)


def _in_use(lease: int) -> bool:
    try:
        fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(2)
    except subprocess.TimeoutExpired:
        server.kill()  # it has nothing that anybody needs
        server.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
