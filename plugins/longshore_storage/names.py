"""From the key of an object to a file below a folder: always inside it, or a named error.

A key is taken as it stands. `%2e%2e` is six characters, and dots that only look like dots (U+2024, U+FF0E)
are letters like others: no file system reads them as `..`. Below the folder no link is followed, wherever
it leads; the folder itself may be one.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from longshore_storage.errors import UnsafeNameError
from longshore_storage.transfers.partials import is_partial

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_DRIVE: Final = re.compile(r"[A-Za-z]:")
_DEVICES: Final = re.compile(r"(?i)(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:\.|\Z)")
"""Names that Windows keeps for devices, also with an ending ("Naming Files, Paths, and Namespaces")."""
_NOT_ON_WINDOWS: Final = '<>:"|?*'
_ON_WINDOWS: Final = os.name == "nt"
_LONGEST_NAME: Final = 255
_LONGEST_PATH: Final = 4096
_FOLDER: Final = (
    os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)


def safe_path(root: Path, key: str) -> Path:
    """Return the file that a key is below a folder.

    What is on the way is looked at now: somebody who may write to the folder can put a link there afterwards.
    Where others may, write with `held_parent`, which nobody can lead away.

    Args:
        root: The folder; need not be there.
        key: Segments between slashes, as an object store lists it.

    Returns:
        A path below the folder's real one, which is either nothing yet or a plain file.

    Raises:
        UnsafeNameError: The key is no safe name, or something that is in the folder already is in its way.
    """
    segments = check_key(key)
    real = root.resolve()
    check_lengths(real, key, segments)
    path = real
    for number, segment in enumerate(segments, 1):
        path = path / segment
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            break
        _check_way(key, path, mode, last=number == len(segments))
    return real.joinpath(*segments)


def check_key(key: str, *, windows: bool = _ON_WINDOWS) -> list[str]:
    """Return the segments of a key that is safe as the name of a file below any folder.

    Args:
        key: As an object store lists it.
        windows: Whether to refuse the names, too, that Windows reserves.

    Raises:
        UnsafeNameError: It is not safe; says why.
    """
    why = _whole_wrong(key)
    segments = key.split("/")
    for segment in segments:
        why = why or _segment_wrong(segment) or (_windows_wrong(segment) if windows else "")
    if why:
        raise UnsafeNameError(
            f"cannot make a file of the key {key!r}: {why}; rename the object or leave it out"
        )
    return segments


@contextmanager
def held_parent(root: int, key: str) -> Generator[tuple[int, str]]:
    """Open the folder that a key's file belongs in, making what is missing, and follow no link on the way.

    Each folder is opened in the one before, so a folder that is exchanged for a link meanwhile leads nowhere.

    Args:
        root: Descriptor of the folder that nothing leaves.
        key: As in `safe_path`.

    Returns:
        The folder's descriptor, for `dir_fd`, and the file's name.

    Raises:
        UnsafeNameError: The key is no safe name, or a file or a link is on the way.
    """
    *folders, name = check_key(key)
    descriptor = os.dup(root)
    try:
        for folder in folders:
            inner = enter_folder(descriptor, folder, key)
            os.close(descriptor)
            descriptor = inner
        yield descriptor, name
    finally:
        os.close(descriptor)


def enter_folder(parent: int, name: str, key: str) -> int:
    """Open a folder in another one, making it if it is missing; a link is refused.

    Args:
        parent: The other folder's descriptor.
        name: The folder's own name.
        key: For messages.
    """
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=parent)
    try:
        return os.open(name, _FOLDER, dir_fd=parent)
    except NotADirectoryError as error:  # Linux says so of links too
        raise UnsafeNameError(
            f"cannot make a file of the key {key!r}: {name!r} on the way is a file or a link; remove it"
        ) from error


def fold(key: str) -> str:
    """Return what is the same for keys that a file system without a sense of case takes for one."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", key).casefold())


def _whole_wrong(key: str) -> str:
    if not key:
        return "it is empty"
    if key.startswith("/"):
        return "it is absolute"
    if _DRIVE.match(key):
        return "it begins with the letter of a drive"
    if "\\" in key:
        return "it has a backslash"
    if key.endswith("/"):
        return "it ends with a slash, as the marker of a folder does"
    return ""


def _segment_wrong(segment: str) -> str:
    if not segment:
        return "it has two slashes in a row"
    if segment in (".", ".."):
        return f"it has a segment {segment!r}"
    if any(unicodedata.category(character) == "Cc" for character in segment):
        return "it has a NUL or another control character"
    if any(unicodedata.category(character) == "Cs" for character in segment):
        return "it is not Unicode"
    if is_partial(segment):
        return f"{segment!r} is the name of an unfinished transfer"
    return ""


def _windows_wrong(segment: str) -> str:
    if _DEVICES.match(segment):
        return f"Windows keeps the name {segment!r} for a device"
    if segment[-1] in " .":
        return "Windows takes no name that ends with a dot or a space"
    if any(character in _NOT_ON_WINDOWS for character in segment):
        return f"Windows takes no name with any of {_NOT_ON_WINDOWS}"
    return ""


def check_lengths(root: Path, key: str, segments: list[str]) -> None:
    """Raise UnsafeNameError if a key's names, or its path, are longer than the file system takes.

    Args:
        root: The folder; need not be there.
        key: For messages.
        segments: Of the key.
    """
    longest_name, longest_path = _limits_of(root)
    for segment in segments:
        size = len(os.fsencode(segment))
        if size > longest_name:
            raise UnsafeNameError(
                f"cannot make a file of the key {key!r}: a name has {size} bytes, "
                f"and the file system takes {longest_name}; rename the object or leave it out"
            )
    size = len(os.fsencode(root.joinpath(*segments))) + 1
    if size > longest_path:
        raise UnsafeNameError(
            f"cannot make a file of the key {key!r}: its path has {size} bytes, "
            f"and the system takes {longest_path}; choose a folder with a shorter path"
        )


def _limits_of(folder: Path) -> tuple[int, int]:
    """Return the longest name and path that the file system of a folder takes, in bytes."""
    for place in (folder, *folder.parents):
        try:
            return os.pathconf(place, "PC_NAME_MAX"), os.pathconf(place, "PC_PATH_MAX")
        except FileNotFoundError:
            continue
        except (OSError, ValueError, AttributeError):
            break
    return _LONGEST_NAME, _LONGEST_PATH


def _check_way(key: str, path: Path, mode: int, *, last: bool) -> None:
    """Refuse what stands where the key's file, or a folder above it, should be."""
    if stat.S_ISLNK(mode):
        what = "is a link, and links below the folder are never followed"
    elif last and stat.S_ISDIR(mode):
        what = "is a folder"
    elif last and not stat.S_ISREG(mode):
        what = "is no plain file"
    elif not last and not stat.S_ISDIR(mode):
        what = "is a file, so nothing can be below it"
    else:
        return
    raise UnsafeNameError(
        f"cannot make a file of the key {key!r}: {str(path)!r} {what}; remove or rename one"
    )
