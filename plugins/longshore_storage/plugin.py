"""What the storage kit offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longshore import Leftover, Task, hookimpl
from longshore_storage import (
    Copy,
    Delete,
    Exists,
    List,
    LocalConnection,
    Move,
    Pack,
    Read,
    ReadText,
    Sync,
    Unpack,
    Wait,
    Write,
    checksums,
)
from longshore_storage.transfers import ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@hookimpl
def longshore_tasks() -> list[type[Task[Any]]]:
    """Return the tasks."""
    return [Copy, Move, Sync, Read, ReadText, Write, List, Delete, Exists, Wait, Pack, Unpack]


@hookimpl
def longshore_storage() -> Mapping[str, Callable[[], Any]]:
    """Return what reaches this machine's files."""
    return {"file": LocalConnection}


@hookimpl
def longshore_sweep() -> Iterable[Leftover]:
    """Tell which multipart uploads were begun here and not finished."""
    return ledger.leftovers()


@hookimpl
def longshore_doctor() -> Iterable[tuple[str, bool, str]]:
    """Tell which checksums can be computed."""
    native = [name for name in ("crc64nvme", "crc32c") if checksums.available(name)]
    yield "checksums", True, f"{', '.join([*native, 'crc32'])}; files are compared by {checksums.best()}"
