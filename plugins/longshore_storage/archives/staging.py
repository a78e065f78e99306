"""The hidden folder in which an archive is unpacked, and from which it is moved into place."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import stat
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from longshore.heldfiles import flush_folder, hold, is_at
from longshore_storage.errors import ObjectExistsError, TargetError
from longshore_storage.names import enter_folder
from longshore_storage.transfers.partials import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_TREE: Final = "tree"
_FOLDER: Final = (
    os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)


class Staging:
    """A folder of ours alone, locked while it is used; what a killed process left in it is gone.

    Args:
        folder: Descriptor of the hidden folder; the tree is a folder in it.
        target: Where the tree goes.
        inside: Whether the hidden folder is in the target.
        tree: The tree's descriptor.
    """

    def __init__(self, folder: int, target: Path, tree: int, *, inside: bool) -> None:
        self._folder, self._target, self._inside = folder, target, inside
        self.tree = tree

    def place(self) -> None:
        """Move the tree to the target: whole, or into the folder that is there, file by file.

        Raises:
            TargetError: A file stands where a folder should be, or a folder where a file should. Nothing
                was moved.
        """
        _flush(self.tree)
        if not self._inside:
            os.rename(_TREE, self._target, src_dir_fd=self._folder)
            flush_folder(self._target.parent)
            return
        into = os.open(self._target, _FOLDER)
        try:
            _check_fits(self.tree, into, "")
            _merge(self.tree, into, "")
            os.fsync(into)
        finally:
            os.close(into)


@contextmanager
def staging_for(target: Path, *, merge: bool) -> Generator[Staging]:
    """Have a hidden folder beside the target, or in it if it is there.

    Args:
        target: The folder to be, or that is there; a link is followed.
        merge: Whether it may be there with something in it.

    Raises:
        ObjectExistsError: It may not, and is.
        TargetError: It is no folder, or is being unpacked to.
    """
    real = target.resolve()
    there = real.exists()
    if there and not real.is_dir():
        raise TargetError(f"cannot unpack to {str(target)!r}: it is there, and no folder")
    kept = hashlib.sha256(os.fsencode(real.name)).hexdigest()[:16]
    path = real / f".unpacked{SUFFIX}" if there else real.parent / f".{kept}-unpacked{SUFFIX}"
    if there and not merge and any(name != path.name for name in os.listdir(real)):  # noqa: PTH208 - names only
        raise ObjectExistsError(
            f"cannot unpack to {str(target)!r}: something is in it already; "
            "choose a new folder, or say Unpack(merge=True)"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _held(path, target)
    try:
        tree = enter_folder(descriptor, _TREE, str(target))
        try:
            yield Staging(descriptor, real, tree, inside=there)
        finally:
            os.close(tree)
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def _held(path: Path, target: Path) -> int:
    """Open the hidden folder, locked and empty."""
    while True:
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        try:
            descriptor = os.open(path, _FOLDER)
        except FileNotFoundError:  # removed by whoever had it, just now
            continue
        try:
            found = os.fstat(descriptor)
            if sys.platform != "win32" and found.st_uid != os.geteuid():
                raise TargetError(f"cannot unpack to {str(target)!r}: {str(path)!r} is not ours; remove it")
            if hold(descriptor, path):
                os.fchmod(descriptor, 0o700)
                shutil.rmtree(_TREE, ignore_errors=True, dir_fd=descriptor)
                return descriptor
            if is_at(descriptor, path):
                busy = TargetError(f"cannot unpack to {str(target)!r}: another task is unpacking to it")
                busy.retryable = True
                raise busy
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # whoever held it has removed it between our open and our lock


def _check_fits(tree: int, into: int, below: str) -> None:
    for name, is_folder in _entries(tree):
        try:
            mode = os.stat(name, dir_fd=into, follow_symlinks=False).st_mode
        except FileNotFoundError:
            continue
        if is_folder != stat.S_ISDIR(mode):
            what = "is no folder" if is_folder else "is a folder"
            raise TargetError(f"cannot unpack {below + name!r}: what is there {what}; remove one of the two")
        if is_folder:
            with _both(tree, into, name) as (inner, inner_into):
                _check_fits(inner, inner_into, f"{below}{name}/")


def _merge(tree: int, into: int, below: str) -> None:
    """Move what is in one folder to another one, following no links in either."""
    for name, is_folder in _entries(tree):
        if is_folder and _is_there(name, into):
            with _both(tree, into, name) as (inner, inner_into):
                _merge(inner, inner_into, f"{below}{name}/")
        else:
            os.rename(name, name, src_dir_fd=tree, dst_dir_fd=into)


def _entries(folder: int) -> list[tuple[str, bool]]:
    with os.scandir(folder) as entries:
        return sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)


def _is_there(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


@contextmanager
def _both(one: int, other: int, name: str) -> Generator[tuple[int, int]]:
    inner = os.open(name, _FOLDER, dir_fd=one)
    try:
        inner_other = os.open(name, _FOLDER, dir_fd=other)
        try:
            yield inner, inner_other
        finally:
            os.close(inner_other)
    finally:
        os.close(inner)


def _flush(folder: int) -> None:
    """Have everything written survive the loss of power: one call for all files, not one for each."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None) if sys.platform == "linux" else None
    if syncfs is None:
        os.sync()
    elif syncfs(folder) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
