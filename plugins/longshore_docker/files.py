"""The files of a container: what it finds when it starts, and what it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from longshore_docker.archives import File, outputs_files, pack, read_file, user_number
from longshore_docker.inputs import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore import Secret
    from longshore_docker.client import Engine

_FOLDER: Final = "/run/secrets"


def for_start(engine: Engine, container: str, secrets: Mapping[str, Secret], about: dict[str, Any]) -> bytes:
    """Return the archive of a container's outputs file and secrets, which belong to its user."""
    found = outputs_files()
    if secrets:
        owner = _owner(engine, container, str(about["Config"].get("User") or ""))
        found.append(File(_FOLDER, 0o755))
        found += [
            File(f"{_FOLDER}/{name}", 0o400, secret.get().encode(), owner) for name, secret in secrets.items()
        ]
    return pack(found)


def without_secrets(secrets: Mapping[str, Secret]) -> bytes:
    """Return the archive that empties the secrets of a container that stays."""
    return pack(File(f"{_FOLDER}/{name}", 0o400, b"") for name in secrets)


def outputs(engine: Engine, container: str, shown: str) -> bytes:
    """Return what a container wrote to its outputs file; nothing when that is gone.

    Raises:
        OutputsError: Something else is in its place.
    """
    return _read(engine, container, OUTPUTS, shown)


def _read(engine: Engine, container: str, path: str, shown: str) -> bytes:
    chunks = engine.archive(container, path)
    first = next(chunks, b"")
    if not first:
        return b""

    def all_chunks() -> Any:
        yield first
        yield from chunks

    return read_file(all_chunks(), path, shown)


def _owner(engine: Engine, container: str, user: str) -> int:
    """Return the number of a container's user, by the image's own `/etc/passwd`."""
    name = user.partition(":")[0]
    if not name or name.isdigit():
        return int(name or 0)
    number = user_number(_read(engine, container, "/etc/passwd", f"container {container[:12]}"), name)
    return 0 if number is None else number  # the engine will say that there is no such user
