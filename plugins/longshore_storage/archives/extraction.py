"""Members of an archive become files, folders and links below one folder, or named errors."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from longshore import current
from longshore.heldfiles import NO_LINK
from longshore_storage.archives.members import Content, parsing
from longshore_storage.errors import TransferCancelled, UnsafeMemberError, UnsafeNameError
from longshore_storage.names import check_key, check_lengths, enter_folder, held_parent

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from longshore_storage.archives.allowances import Allowance
    from longshore_storage.archives.members import Member

_PIECE: Final = 256 << 10
_DEEPEST: Final = 200
_LATEST: Final = 1 << 33
"""Seconds since the epoch up to which every file system has times: the year 2242."""


class Extraction:
    """Writes members below one folder, which nobody else writes to.

    Args:
        archive: For messages.
        root: The folder's descriptor.
        target: Where the folder goes.
        allowance: How much may be written.
    """

    def __init__(self, archive: str, root: int, target: Path, allowance: Allowance) -> None:
        self._archive, self._root, self._target = archive, root, target
        self._allowance = allowance
        self._folders: dict[str, tuple[int, float] | None] = {}
        self.files = 0

    def write(self, member: Member) -> None:
        """Make what a member is.

        Raises:
            UnsafeNameError: Its name is no safe one.
            UnsafeMemberError: It is a device, a set-user-ID program, a link that leads out, or there already.
            TooLargeError: It is too much.
        """
        name = _cleaned(member.name)
        if not name:
            return
        self._check(member, name)
        if member.kind == "folder":
            self._make_folders(name)
            self._folders[name] = (member.mode, member.modified)
            return
        self._allowance.add_thing()
        self._make_folders(name.rpartition("/")[0])
        with held_parent(self._root, name) as (folder, last), self._alone(name):
            if member.kind == "file":
                self._write_file(member, folder, last)
            elif member.kind == "link":
                os.symlink(member.target, last, dir_fd=folder)
            else:
                self._link(member, folder, last)

    def finish(self) -> None:
        """Give the folders their permissions and times, the inner ones first."""
        for name, told in reversed(sorted(self._folders.items())):  # noqa: C413 - read as it is meant
            if told is not None:
                mode, modified = told
                with held_parent(self._root, name) as (parent, last):
                    folder = enter_folder(parent, last, name)
                    try:
                        os.fchmod(folder, (mode | stat.S_IRWXU) & stat.S_IMODE(os.fstat(folder).st_mode))
                        _set_time(folder, modified)
                    finally:
                        os.close(folder)

    def _check(self, member: Member, name: str) -> None:
        segments = check_key(name)
        check_lengths(self._target, name, segments)
        if len(segments) > _DEEPEST:
            raise UnsafeNameError(
                f"cannot make a file of the key {name[:200]!r}...: it is in more than {_DEEPEST} folders"
            )
        if member.kind == "other":
            raise self._unsafe(name, "is a device, a pipe or the like")
        if member.kind == "file" and member.mode & (stat.S_ISUID | stat.S_ISGID):
            raise self._unsafe(name, "would run as another user (set-user-ID or set-group-ID)")
        if member.kind == "link":
            self._check_link(name, member.target, len(segments) - 1)

    def _check_link(self, name: str, target: str, depth: int) -> None:
        """Refuse a link that leads out of the folder, by itself or through others that are taken.

        Behind a name no `..` is taken: the name may be a link too, and then leads up from elsewhere.
        """
        segments = [segment for segment in target.split("/") if segment not in ("", ".")]
        ups = next((at for at, segment in enumerate(segments) if segment != ".."), len(segments))
        inside = not target.startswith("/") and ups <= depth and ".." not in segments[ups:]
        if not (target and inside) or "\0" in target or "\\" in target:
            raise self._unsafe(name, f"is a link to {target!r}, which may be outside")

    def _make_folders(self, name: str) -> None:
        if not name or name in self._folders:
            return
        self._make_folders(name.rpartition("/")[0])
        self._allowance.add_thing()
        with held_parent(self._root, name) as (parent, last):
            os.close(enter_folder(parent, last, name))
        self._folders[name] = None

    def _write_file(self, member: Member, folder: int, name: str) -> None:
        with parsing(self._archive):
            content = Content(member.open(), self._archive)
        # The mask of the process counts, as for any new file.
        mode = (member.mode & 0o777) | stat.S_IRUSR | stat.S_IWUSR
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINK, mode, dir_fd=folder)
        try:
            while data := content.read(_PIECE):
                if current.cancelled:
                    raise TransferCancelled(f"cannot go on: {current.cancel_reason}")
                self._allowance.add(len(data))
                _write(descriptor, data)
            _set_time(descriptor, member.modified)
        finally:
            os.close(descriptor)
        self.files += 1

    def _link(self, member: Member, folder: int, name: str) -> None:
        to = _cleaned(member.target)
        with held_parent(self._root, to) as (other, last):
            try:
                found = os.stat(last, dir_fd=other, follow_symlinks=False)
            except FileNotFoundError:
                raise self._unsafe(name, f"is a link to {to!r}, which did not come before it") from None
            if not stat.S_ISREG(found.st_mode):
                raise self._unsafe(name, f"is a link to {to!r}, which is no file")
            os.link(last, name, src_dir_fd=other, dst_dir_fd=folder, follow_symlinks=False)
        self.files += 1

    @contextmanager
    def _alone(self, name: str) -> Generator[None]:
        try:
            yield
        except FileExistsError as error:
            raise self._unsafe(name, "is there twice, or takes the place of a folder") from error

    def _unsafe(self, name: str, what: str) -> UnsafeMemberError:
        return UnsafeMemberError(f"cannot unpack {self._archive!r}: {name!r} {what}; nothing was unpacked")


def _cleaned(name: str) -> str:
    """Return a name without what says nothing: `./` before it, and the slash behind a folder's."""
    while name.startswith("./"):
        name = name[2:]
    name = name[:-1] if name.endswith("/") and name != "/" else name
    return "" if name == "." else name


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _set_time(descriptor: int, modified: float) -> None:
    if 0 < modified < _LATEST:  # no NaN either
        try:
            os.utime(descriptor, (modified, modified))
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EPERM):
                raise
