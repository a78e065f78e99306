"""`DockerMount`: what a container sees of the engine's host."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Literal

from longshore import ConfigurationError
from longshore_docker.errors import DockerInputError
from longshore_docker.inputs import text_of


@dataclass(frozen=True)
class DockerMount:
    """A folder or file of the engine's host, a volume, or memory, at a place in the container.

    A path that does not exist is refused; Docker's `-v` would make a folder there that belongs to root.

    Args:
        source: For `bind` a path, relative to the folder that we run in; for `volume` its name, made when
            there is none, or empty for one of the container's own; for `tmpfs` nothing.
        target: The absolute path in the container.
        read_only: Whether the container may only read it.
        kind: What it is.

    Example:
        >>> DockerMount("data", "/data", read_only=True)
        DockerMount(source='data', target='/data', read_only=True, kind='bind')
    """

    source: str | Path
    target: str
    read_only: bool = False
    kind: Literal["bind", "volume", "tmpfs"] = "bind"

    def __post_init__(self) -> None:
        if self.kind not in ("bind", "volume", "tmpfs"):
            raise ConfigurationError(f"{self!r}: kind is 'bind', 'volume' or 'tmpfs'")
        if not self.target.startswith("/"):
            raise ConfigurationError(f"{self!r}: give the target as an absolute path in the container")
        if self.kind == "bind" and not str(self.source):
            raise ConfigurationError(f"{self!r}: give the path of the source")

    def as_engine_takes_it(self, *, local: bool) -> dict[str, Any]:
        """Return the mount in the engine's words.

        Args:
            local: Whether the engine sees our files.

        Raises:
            DockerInputError: The source is not there.
        """
        source = text_of(self.source, "the source of a mount")
        if self.kind == "bind":
            source = self._existing(source) if local else source
            if not PurePath(source).is_absolute():
                raise DockerInputError(
                    f"cannot mount {source!r} at {self.target!r}: the engine is elsewhere; give a whole path"
                )
        mount = {"Type": self.kind, "Target": text_of(self.target, "the target of a mount")}
        return {**mount, "Source": source, "ReadOnly": self.read_only}

    def _existing(self, source: str) -> str:
        path = os.path.abspath(source)  # noqa: PTH100 - a link stays one, for the engine to follow
        if not os.path.lexists(path):
            make = f"mkdir -p {shlex.quote(path)}"
            raise DockerInputError(
                f"cannot mount {path!r} at {self.target!r}: it does not exist; run: {make}"
            )
        return path
