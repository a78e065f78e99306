"""`Pack`: files and folders to an archive."""

from __future__ import annotations

import io
import os
import stat
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Literal, cast

from longshore import ConfigurationError, Task, current
from longshore_storage import checksums
from longshore_storage.archives.writers import Entry, Growing, Writer, tar_writer, zip_writer
from longshore_storage.errors import SourceError
from longshore_storage.localfaults import reading, writing
from longshore_storage.localreads import info_of
from longshore_storage.localwrites import real_target, replacing
from longshore_storage.locations import parse
from longshore_storage.objects import Condition, ObjectInfo
from longshore_storage.sources import FileSource
from longshore_storage.transfers.comparing import checksum_of
from longshore_storage.walks import Found, walk

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

Place = str | os.PathLike[str]
Format = Literal["", "tar", "tar.gz", "zip"]

_ENDINGS: Final[dict[str, Format]] = {".tar": "tar", ".tar.gz": "tar.gz", ".tgz": "tar.gz", ".zip": "zip"}
_BUFFER: Final = 1 << 20


class Pack(Task[ObjectInfo]):
    """Pack files and folders into a tar or zip archive, which appears whole or not at all.

    Members are in the order of their names' bytes, and have no owners. A link to a file is packed as the
    file; links to folders are left out with a warning, and unfinished transfers without one.

    Args:
        format: `"tar"`, `"tar.gz"` or `"zip"`; empty to go by the target's name.
        reproducible: Whether equal files make equal archives: all times are 1980-01-01, all permissions 644
            or 755.
        overwrite: `"always"` replaces an archive that is there, and keeps its permissions; `"never"` is an
            error when there is one.

    Example:
        >>> Pack(reproducible=True)("stations", "stations.tar.gz").checksum
        'crc64nvme:9fJKqg1mXn4='
    """

    format: Format = ""
    reproducible: bool = False
    overwrite: Literal["always", "never"] = "always"

    def check(self) -> None:
        if self.format not in ("", *_ENDINGS.values()):
            raise ConfigurationError(f"{self.name}(format={self.format!r}): give 'tar', 'tar.gz' or 'zip'")
        if self.overwrite not in ("always", "never"):
            raise ConfigurationError(f"{self.name}(overwrite={self.overwrite!r}): give 'always' or 'never'")

    def run(self, sources: Place | Sequence[Place], target: Place) -> ObjectInfo:
        """Pack the files.

        Args:
            sources: One folder, of which the contents are packed; one file; or several of both, each under
                its own name.
            target: The archive.

        Raises:
            SourceError: A file cannot be read, or changed while it was.
            ObjectNotFoundError: There is no such file.
            TargetError: The archive cannot be written.
            ObjectExistsError: It is there, and `overwrite="never"`.
        """
        at = parse(target)
        if at.scheme != "file":
            raise ConfigurationError(
                f"cannot pack to {at.url!r}: it is not a local file; upload it afterwards"
            )
        kind = self.format or _kind_of(at.key)
        condition = Condition(absent=self.overwrite == "never")
        algorithm = checksums.best()
        with writing(at.key):
            real = real_target(at)
            with replacing(at, condition) as turn:
                raw = Growing(turn.partial)
                with (
                    io.BufferedWriter(raw, _BUFFER) as file,
                    _writer(cast("IO[bytes]", file), kind) as writer,
                ):
                    for name, found in _members(sources, real):
                        self._add(writer, name, found)
                checksum = checksum_of(turn.partial, algorithm)
                turn.place()
            for source in _several(sources):
                current.reads(parse(source).url)
            info = info_of(at.key, real.stat())
            current.writes(at.key, bytes=info.size)
            return replace(info, checksum=checksum, verified=algorithm, path=Path(at.key))

    def _add(self, writer: Writer, name: str, found: Found) -> None:
        if found.status is None:
            writer.add(self._entry(name, Path(found.path).stat(), None))
            return
        source = FileSource(Path(found.path))
        try:
            writer.add(self._entry(name, os.fstat(source.fileno()), source))
            source.check()
        finally:
            source.close()

    def _entry(self, name: str, status: os.stat_result, source: FileSource | None) -> Entry:
        if self.reproducible:
            runs = source is None or status.st_mode & stat.S_IXUSR
            return Entry(name=name, mode=0o755 if runs else 0o644, modified=_FIXED, source=source)
        return Entry(name=name, mode=status.st_mode & 0o777, modified=status.st_mtime, source=source)


_FIXED: Final = 315532800.0  # 1980-01-01, the first day of zip


@contextmanager
def _writer(file: IO[bytes], kind: Format) -> Generator[Writer]:
    if kind == "zip":
        with zip_writer(file) as zips:
            yield zips
    else:
        with tar_writer(file, kind.removeprefix("tar").removeprefix(".")) as tars:
            yield tars


def _kind_of(path: str) -> Format:
    for ending, kind in _ENDINGS.items():
        if path.lower().endswith(ending):
            return kind
    endings = ", ".join(_ENDINGS)
    raise ConfigurationError(
        f"cannot tell which archive {path!r} should be: end its name with one of {endings}, or say format="
    )


def _several(sources: Place | Sequence[Place]) -> list[Place]:
    return [sources] if isinstance(sources, (str, os.PathLike)) else list(sources)


def _members(sources: Place | Sequence[Place], target: Path) -> Iterator[tuple[str, Found]]:
    """Yield names in the archive, and what they are, leaving the archive itself out."""
    one = isinstance(sources, (str, os.PathLike))
    tops = sorted((parse(path).path for path in _several(sources)), key=lambda path: os.fsencode(path.name))
    for before, after in pairwise(tops):
        if before.name == after.name:
            raise SourceError(
                f"cannot pack {str(before)!r} and {str(after)!r}: they have one name; rename one of the two"
            )
    for top in tops:
        with reading(str(top)):
            status = top.stat()
        if stat.S_ISDIR(status.st_mode):
            yield from _below(top, top if one else top.parent, target)
        else:
            info_of(str(top), status)  # refuses devices
            yield top.name, Found(str(top), status)


def _below(folder: Path, base: Path, target: Path) -> Iterator[tuple[str, Found]]:
    if folder != base:
        yield folder.name, Found(f"{folder}/", None)
    old = target.stat() if target.exists() else None
    skipped = len(str(base).rstrip("/")) + 1
    for found in walk(f"{str(folder).rstrip('/')}/"):
        if found.status is None or old is None or not os.path.samestat(found.status, old):
            yield found.path[skipped:].rstrip("/"), found
