"""A storage plugin for tests: objects are files of one folder, under the scheme `lake`."""

from __future__ import annotations

import io
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from longshore import LongshoreError, hookimpl


class LakeError(LongshoreError):
    """The lake cannot be reached."""


class Lake:
    """The plugin, and the connection that it makes.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.broken = ""
        """Which call fails: `write`, `open`, `names`, `remove`."""
        self.calls: list[str] = []

    @hookimpl
    def longshore_storage(self) -> dict[str, Any]:
        return {"lake": lambda: self, "puddle": lambda: "no connection"}

    def folder(self, url: str) -> LakeFolder:
        return LakeFolder(self, url)

    def called(self, what: str) -> None:
        """Note a call, or fail it."""
        self.calls.append(what)
        if what.partition(" ")[0] == self.broken:
            raise LakeError("the lake is frozen; wait for spring")

    def objects(self) -> set[str]:
        """The URLs of all objects."""
        return {f"lake://{path.relative_to(self.path)}" for path in self.path.rglob("*") if path.is_file()}

    def age(self, url: str, seconds: float) -> None:
        """Make an object older."""
        path = self.path / url.removeprefix("lake://")
        when = path.stat().st_mtime - seconds
        os.utime(path, (when, when))


class LakeFolder:
    """The objects below one URL."""

    def __init__(self, lake: Lake, url: str) -> None:
        self._lake, self._path = lake, lake.path / url.removeprefix("lake://")

    def write(self, name: str, pieces: Sequence[bytes | memoryview]) -> None:
        self._lake.called(f"write {name}")
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(pieces))

    @contextmanager
    def open(self, name: str) -> Generator[io.BytesIO]:
        self._lake.called(f"open {name}")
        yield io.BytesIO((self._path / name).read_bytes())

    def names(self, beginning: str = "") -> Iterator[tuple[str, int, float]]:
        self._lake.called(f"names {beginning}")
        for path in sorted(self._path.rglob("*")):
            name = path.relative_to(self._path).as_posix()
            if path.is_file() and name.startswith(beginning):
                yield name, path.stat().st_size, path.stat().st_mtime

    def remove(self, names: Iterable[str]) -> None:
        self._lake.called("remove")
        for name in names:
            (self._path / name).unlink(missing_ok=True)
