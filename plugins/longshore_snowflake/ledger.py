"""The record of loads and unloads whose files are in a stage, so that none stay there for ever unseen.

One small file for each, private to its owner, in `$LONGSHORE_STATE/snowflake-loads`. The process that loads
holds it locked; the system takes the lock from the dead. A load that a resumed run goes on with takes its
record over; `longshore sweep` removes what the others left.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from longshore import Leftover, LongshoreError, current, decode, encode
from longshore.heldfiles import NO_LINK, hold
from longshore_snowflake.connections import SnowflakeConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ENDING: Final = ".json"
_ours: Final[dict[Path, int]] = {}
"""The records that this process holds, with their open files."""


def begin(connection: SnowflakeConnection, root: str) -> None:
    """Write down that files go into a folder of a stage."""
    path = _path(connection, root)
    if path in _ours:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, 0o600)
    if not hold(descriptor, path):  # another process works on the same load
        os.close(descriptor)
        return
    record = {
        "connection": encode(connection, "the connection"),
        "root": root,
        "run_id": current.run_id if current.recorded else "",
        "store": current.recorded_in,
        "began": time.time(),
    }
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(record).encode(), 0)
    _ours[path] = descriptor


def done(connection: SnowflakeConnection, root: str) -> None:
    """Take a folder off the record: its files were removed."""
    path = _path(connection, root)
    path.unlink(missing_ok=True)
    descriptor = _ours.pop(path, None)
    if descriptor is not None:
        os.close(descriptor)


def leftovers(remove: Callable[[SnowflakeConnection, str], None]) -> Iterator[Leftover]:
    """Yield the folders that no process works on.

    Args:
        remove: Removes what is in a folder.
    """
    with suppress(FileNotFoundError):
        for path in sorted(_folder().glob(f"*{_ENDING}")):
            record = None if path in _ours else _read(path)
            if record is not None:
                yield Leftover(
                    kind="staged files",
                    label=f"{record['root']} ({record['connection'].account or 'the default account'})",
                    end=partial(_end, path, remove),
                    since=record["began"],
                    run_id=record["run_id"],
                    store=record["store"],
                )


def _end(path: Path, remove: Callable[[SnowflakeConnection, str], None]) -> bool:
    """Remove the files of a record; return False when a process works on them again."""
    record = _read(path)
    if record is None:
        return not path.exists()
    remove(record["connection"], record["root"])
    path.unlink(missing_ok=True)
    return True


def _read(path: Path) -> dict[str, Any] | None:
    """Return a record that nobody holds; None for one that is held, gone or damaged."""
    try:
        descriptor = os.open(path, os.O_RDWR | NO_LINK)
    except OSError:
        return None
    try:
        if not hold(descriptor, path):
            return None
        record: dict[str, Any] = json.loads(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
        record["connection"] = decode(record["connection"], "the connection")
    except (ValueError, TypeError, KeyError, LongshoreError):
        return None
    finally:
        os.close(descriptor)
    return record if isinstance(record["connection"], SnowflakeConnection) else None


def _folder() -> Path:
    chosen = os.environ.get("LONGSHORE_STATE", "")
    if chosen:
        return Path(chosen) / "snowflake-loads"
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():  # the specification says to pass over one that is not
        state = Path.home() / ".local" / "state"
    return state / "longshore" / "snowflake-loads"


def _path(connection: SnowflakeConnection, root: str) -> Path:
    name = hashlib.sha256(f"{connection!r}\n{root}".encode()).hexdigest()[:40]
    return _folder() / f"{name}{_ENDING}"
