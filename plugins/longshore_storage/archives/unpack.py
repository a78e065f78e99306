"""`Unpack`: an archive to a folder, whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from longshore import ConfigurationError, Task, current
from longshore_storage.archives.allowances import Allowance
from longshore_storage.archives.extraction import Extraction
from longshore_storage.archives.staging import staging_for
from longshore_storage.archives.streams import Forward, decompressed
from longshore_storage.archives.tars import tar_members
from longshore_storage.archives.zips import zip_members
from longshore_storage.errors import UnsafeNameError
from longshore_storage.localfaults import reading, writing
from longshore_storage.locations import parse
from longshore_storage.objects import ObjectInfo

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from longshore_storage.archives.members import Member

GIB: Final = 1 << 30
_KINDS: Final = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\0": "xz", b"PK\3\4": "zip", b"PK\5\6": "zip"}


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """What came out of an archive.

    Args:
        path: The folder.
        files: How many; folders and symbolic links are not counted.
        size: Bytes of all files.
    """

    path: Path
    files: int
    size: int


class Unpack(Task[Unpacked]):
    """Unpack a tar or zip archive to a folder, whole or not at all.

    What is in it says which kind it is: tar, also compressed by gzip, bzip2 or xz, or zip. It is unpacked in
    a hidden folder beside the target and moved into place when all of it, with its checksums, was read, so
    a failed task leaves nothing and changes nothing.

    Nothing comes out that could do harm: a name that is absolute or has `..`, a backslash or control
    characters, a link that leads out of the folder or passes through another one with `..`, a device, a
    set-user-ID program, or one name twice is an error. Owners are not restored; permissions are, within the
    umask, and times.

    Args:
        merge: Whether to unpack into a folder that has something in it: each file is moved into place whole,
            also over one that is there; links in the folder are never followed; everything else stays.
            Otherwise the folder must be new or empty.
        max_size: Bytes that may come out.
        max_count: Files, folders and links that may come out.
        max_ratio: Bytes that may come out for each byte of the archive, beyond the first 16 MiB.

    Example:
        >>> Unpack()("stations.tar.gz", "stations").files
        142
    """

    merge: bool = False
    max_size: int = 16 * GIB
    max_count: int = 100_000
    max_ratio: float = 200.0

    def check(self) -> None:
        for name in ("max_size", "max_count", "max_ratio"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(
                    f"{self.name}({name}={getattr(self, name)!r}): give a number above 0"
                )

    def run(self, archive: str | os.PathLike[str] | ObjectInfo, target: str | os.PathLike[str]) -> Unpacked:
        """Unpack the archive.

        Args:
            archive: A local file, or what a download returned.
            target: The folder, made if it is missing; a link is followed.

        Raises:
            ArchiveError: The archive is cut or damaged, or of no known kind.
            UnsafeNameError: A name in it is no safe one.
            UnsafeMemberError: Something else in it is not safe.
            TooLargeError: More would come out than is allowed.
            ObjectExistsError: There is something in the folder, without `merge`.
            TargetError: The folder cannot be written.
        """
        source, folder = _local(archive), Path(target)
        with reading(str(source)):
            file = source.open("rb")
        with file:
            allowance = Allowance(
                str(source),
                os.fstat(file.fileno()).st_size,
                max_size=self.max_size,
                max_count=self.max_count,
                max_ratio=self.max_ratio,
            )
            with writing(str(folder)), staging_for(folder, merge=self.merge) as staging:
                extraction = Extraction(str(source), staging.tree, folder, allowance)
                with _members(file, str(source), allowance) as members, _named(str(source)):
                    for member in members:
                        extraction.write(member)
                extraction.finish()
                staging.place()
        current.reads(source)
        current.writes(f"{folder}/", bytes=allowance.size)
        return Unpacked(path=folder, files=extraction.files, size=allowance.size)


@contextmanager
def _members(file: IO[bytes], archive: str, allowance: Allowance) -> Generator[Iterator[Member]]:
    beginning = file.read(8)
    file.seek(0)
    kind = next((kind for magic, kind in _KINDS.items() if beginning.startswith(magic)), "")
    if kind == "zip":
        with zip_members(file, archive, allowance) as members:
            yield members
    else:
        yield tar_members(Forward(decompressed(file, kind), archive, allowance), archive)


@contextmanager
def _named(archive: str) -> Generator[None]:
    try:
        yield
    except UnsafeNameError as error:
        raise UnsafeNameError(f"cannot unpack {archive!r}: {error}") from error


def _local(archive: str | os.PathLike[str] | ObjectInfo) -> Path:
    if isinstance(archive, ObjectInfo):
        if archive.path is not None:
            return archive.path
        archive = archive.url
    at = parse(archive)
    if at.scheme != "file":
        raise ConfigurationError(f"cannot unpack {at.url!r}: it is not a local file; download it first")
    return at.path
