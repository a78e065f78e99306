"""Processes that drive a run and are killed: what `StoreContract` starts, and what runs there."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from longshore.stores.locations import open_store

if TYPE_CHECKING:
    from types import TracebackType

OWNER: Final = "another process"
"""The token under which the process drives the run."""
_CODE: Final = "import sys; from longshore.contracts.owners import main; main(*sys.argv[1:])"


class Owner:
    """Another process, which has claimed a run and lives until the block ends, or until it is killed.

    Args:
        location: The store, as `open_store` takes it.
        run_id: The run.
        limit: A limit of which it takes the only slot; none when empty.
    """

    def __init__(self, location: str, run_id: str, limit: str = "") -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter
            [sys.executable, "-c", _CODE, location, run_id, limit],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        self.pid = self._process.pid

    def __enter__(self) -> Owner:
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said == b"it is mine\n", "the other process could not claim the run"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """Kill it: it has no time to give anything back."""
        self._process.kill()
        with self._process:
            pass


def main(location: str, run_id: str, limit: str) -> None:
    """Drive a run until standard input ends; the entry point of the process."""
    store = open_store(location)
    store.claim(run_id, OWNER)
    if limit:
        assert store.take_slot(limit, 1, run_id, "the only step")
    sys.stdout.write("it is mine\n")
    sys.stdout.flush()
    sys.stdin.read()
