"""Files below a folder, in the order of their names' UTF-8 bytes, a folder at a time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from longshore_storage.transfers.partials import is_partial

if TYPE_CHECKING:
    from collections.abc import Iterator


Found = tuple[str, "os.DirEntry[str]"]


def walk(root: str, start: str = "", *, recursive: bool = True, after: str = "") -> Iterator[Found]:
    """Yield the names of files below a folder, with `/` between their parts, and their entries.

    Names are in the order of their UTF-8 bytes, as object stores have them. Links to files count as files;
    links to folders are not followed, so a walk ends and never leaves the folder. The hidden files of
    unfinished transfers are left out. At most one folder for each level is in memory.

    Args:
        root: The folder; one that is not there is empty.
        start: What the names begin with; it may end within a name.
        recursive: Otherwise folders are yielded too, with `/` at the end, and not looked into.
        after: Begin with the name that follows this one.
    """
    yield from _walk(root, "", start, recursive, after)


def _walk(root: str, inside: str, start: str, recursive: bool, after: str) -> Iterator[Found]:
    for name, entry in _entries(root, inside):
        if not _may_hold(name, start) or (after and not _follows(name, after)):
            continue
        if not name.endswith("/"):
            if name.startswith(start):
                yield name, entry
        elif not recursive and name.startswith(start):
            yield name, entry
        else:
            yield from _walk(root, name, start, recursive, after)


def _entries(root: str, inside: str) -> list[tuple[str, os.DirEntry[str]]]:
    """Return the entries of a folder as names from the root, folders with `/` at the end, in order."""
    try:
        with os.scandir(os.path.join(root, inside)) as found:  # noqa: PTH118 - names may hold what paths drop
            entries = [entry for entry in found if not is_partial(entry.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    named = [
        (f"{inside}{entry.name}{'/' if entry.is_dir(follow_symlinks=False) else ''}", entry)
        for entry in entries
        if not (entry.is_symlink() and entry.is_dir())
    ]
    return sorted(named, key=lambda pair: os.fsencode(pair[0]))


def _may_hold(name: str, start: str) -> bool:
    return name.startswith(start) or (name.endswith("/") and start.startswith(name))


def _follows(name: str, after: str) -> bool:
    """Tell whether a file follows a name, or a folder may hold one that does."""
    return os.fsencode(name) > os.fsencode(after) or (name.endswith("/") and after.startswith(name))
