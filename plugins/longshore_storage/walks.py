"""Files below a folder, one by one, in the order in which an object store lists keys."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore import current
from longshore_storage.errors import AccessDeniedError, SourceError
from longshore_storage.localfaults import who
from longshore_storage.transfers.partials import is_partial

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Found:
    """What a walk came to.

    Args:
        path: From the root of the file system; that of a folder ends with a slash.
        status: Of the file; None for a folder.
    """

    path: str
    status: os.stat_result | None


def walk(beginning: str, *, after: str = "", deep: bool = True) -> Iterator[Found]:
    """Yield the files whose absolute paths begin so, and the folders before what is in them.

    The order is that of the paths' UTF-8 bytes. In memory are the names of the folders on the way to the
    current file, never the tree. A link to a file counts as the file; a link to a folder is left out with a
    warning, so no walk goes in circles or leaves its tree. Left out are also unfinished transfers, and what
    is neither file nor folder. A file that goes while the walk passes may be there or not.

    Args:
        beginning: Matches as text: `/data/x` is also the beginning of `/data/xyz`.
        after: Leave out every path up to this one.
        deep: Otherwise what is in the folders is left out.

    Raises:
        AccessDeniedError: A folder may not be read.
    """
    base = beginning[: beginning.rfind("/") + 1]
    first, last = os.fsencode(beginning), os.fsencode(after)
    open_folders = [_names(base, first, last)]
    while open_folders:
        path = next(open_folders[-1], None)
        if path is None:
            open_folders.pop()
        elif not path.endswith(b"/"):
            yield from _file(os.fsdecode(path))
        else:
            if path > last:
                yield Found(os.fsdecode(path), None)
            if deep:
                open_folders.append(_names(os.fsdecode(path), b"", last))


def _names(folder: str, first: bytes, last: bytes) -> Iterator[bytes]:
    """Return the paths in one folder that are to be looked at, sorted; those of folders with a slash."""
    base = os.fsencode(folder)
    paths: list[bytes] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                # The slash sorts `a.txt` before what is in `a/`, as the bytes of their keys do.
                slash = "/" if entry.is_dir(follow_symlinks=False) else ""
                path = base + os.fsencode(entry.name + slash)
                ahead = path > last or (slash and last.startswith(path))
                if ahead and path.startswith(first) and not is_partial(entry.name):
                    paths.append(path)
    except (FileNotFoundError, NotADirectoryError):
        return iter(())
    except PermissionError as error:
        raise AccessDeniedError(f"cannot list {folder!r}: {who()} may not read this folder") from error
    except OSError as error:
        raise SourceError(f"cannot list {folder!r}: {error.strerror or error}") from error
    paths.sort(reverse=True)
    return _taken(paths)


def _taken(paths: list[bytes]) -> Iterator[bytes]:
    while paths:
        yield paths.pop()


def _file(path: str) -> Iterator[Found]:
    try:
        status = os.stat(path)  # noqa: PTH116 - a million times
    except OSError as error:
        if isinstance(error, PermissionError):
            raise AccessDeniedError(f"cannot look at {path!r}: {who()} may not read its folder") from error
        return  # gone meanwhile, or a link to nothing
    if stat.S_ISREG(status.st_mode):
        yield Found(path, status)
    elif stat.S_ISDIR(status.st_mode):
        current.log.warning("left out %r: it is a link to a folder", path)
