"""Private files, held by their writer while it lives."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from longshore.heldfiles import NO_LINK, hold

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NO_LINK", "hold", "open_private"]


def open_private(path: Path, *, make: bool) -> int | None:
    """Open a file of ours alone for reading and writing; None if it is not there and not to be made."""
    flags = os.O_RDWR | NO_LINK
    if not make:
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            return None
    try:
        return os.open(path, flags | os.O_CREAT, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, flags | os.O_CREAT, 0o600)
