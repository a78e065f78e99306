"""What is in a tar archive."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, Any, Literal, cast

from longshore_storage.archives.members import Member, Readable, parsing
from longshore_storage.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from longshore_storage.archives.streams import Forward


def tar_members(stream: Forward, archive: str) -> Iterator[Member]:
    """Yield what is in a tar archive, in its order.

    Args:
        stream: The archive, decompressed.
        archive: For messages.

    Raises:
        ArchiveError: It is cut, damaged, or none. `tarfile` takes damage behind the first member for the end.
    """
    with parsing(archive):
        opened = tarfile.open(  # noqa: SIM115 - there is nothing to close: the stream is not its own
            fileobj=cast("IO[bytes]", stream), mode="r:", encoding="utf-8", errors="surrogateescape"
        )
    while True:
        with parsing(archive):
            info = opened.next()
        if info is None:
            break
        cast("Any", opened).members.clear()  # it would keep every one
        if info.size < 0:
            raise ArchiveError(f"cannot read archive {archive!r}: {info.name!r} has a size below zero")
        yield _member(opened, info)
    stream.finish()


def _member(opened: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    def content() -> Readable:
        file = opened.extractfile(info)
        assert file is not None
        return file

    return Member(
        name=info.name,
        kind=_kind(info),
        mode=info.mode,
        modified=float(info.mtime),
        target=info.linkname,
        open=content,
    )


def _kind(info: tarfile.TarInfo) -> Literal["file", "folder", "link", "hard link", "other"]:
    if info.isreg():
        return "file"
    if info.isdir():
        return "folder"
    if info.issym():
        return "link"
    return "hard link" if info.islnk() else "other"
