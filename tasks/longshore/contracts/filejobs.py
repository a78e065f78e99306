"""A job whose other system is a folder."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longshore.jobs.protocol import JobFinished, JobRunning, LogLine
from longshore.jobs.tasks import Job

if TYPE_CHECKING:
    from collections.abc import Iterator


class FileJob(Job[int]):
    """A job whose other system is a folder.

    Args:
        folder: The folder.
    """

    folder: str

    def submit(self, key: str, /, n: int) -> dict[str, str]:
        """Start it."""
        Path(self.folder).mkdir(exist_ok=True)
        place = Path(self.folder) / f"{key}.job"
        with place.open("x") as file:
            json.dump({"n": n, "due": time.time() + 0.5}, file)
        return {"place": str(place)}

    def find(self, key: str) -> dict[str, str] | None:
        place = Path(self.folder) / f"{key}.job"
        return {"place": str(place)} if place.exists() else None

    def poll(self, handle: dict[str, str]) -> JobRunning | JobFinished:
        return JobFinished() if time.time() >= self._read(handle)["due"] else JobRunning()

    def result(self, handle: dict[str, str]) -> int:
        n: int = self._read(handle)["n"]
        return n

    def logs(self, handle: dict[str, str], since: str | None) -> Iterator[LogLine]:
        if since is None:
            yield LogLine(text="working", cursor="1")

    def cancel(self, handle: dict[str, str]) -> None:
        """Do nothing: it ends by itself."""

    def _read(self, handle: dict[str, str]) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(Path(handle["place"]).read_text())
        return read
