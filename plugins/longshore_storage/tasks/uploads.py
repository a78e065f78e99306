"""From a file or memory to an object."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING, cast

from longshore import ConfigurationError, current
from longshore_storage.errors import SourceError
from longshore_storage.locations import parse
from longshore_storage.objects import ObjectInfo, Overwrite
from longshore_storage.sources import BytesSource, FileSource, Source
from longshore_storage.tasks.places import WritingTask, place_of, said_written
from longshore_storage.transfers import upload

if TYPE_CHECKING:
    from longshore_storage.locations import Location


class _ToObject(WritingTask[ObjectInfo]):
    """Write an object from a source."""

    def _send(self, source: Source, at: Location, overwrite: Overwrite | ObjectInfo) -> ObjectInfo:
        try:
            made = upload(
                source, self._store(at), at, options=self._options(), settings=self._settings(overwrite)
            )
        finally:
            source.close()
        return said_written(made)


class UploadTask(_ToObject):
    """Copy one local file, or bytes, to an object, which is the old one or the new one as a whole.

    The checksum is computed while the bytes are read, and compared by the service before the object is there.
    Larger files go in parts, side by side; an upload that was killed goes on from the parts that arrived when
    its run is resumed. A failed one leaves no object and no unfinished upload.
    """

    def run(
        self, source: str | Path | bytes, url: str, *, overwrite: Overwrite | ObjectInfo = "always"
    ) -> ObjectInfo:
        """Upload it.

        Args:
            source: A file's path, or the bytes themselves.
            url: The object; a URL that ends in `/` is a folder, in which it gets the file's name.
            overwrite: What may become of an object that is there: `"always"`, `"never"`, `"if-unchanged"`,
                `"if-different"`, or the ObjectInfo of the version that may be replaced.

        Returns:
            The new object, with its checksum.

        Raises:
            SourceError: The file cannot be read, or changed meanwhile.
            ConditionFailedError: `overwrite` does not allow it.
            StorageError: It could not be uploaded.
        """
        if isinstance(source, bytes):
            return self._send(BytesSource(source), place_of(url), overwrite)
        path = Path(source)
        at = parse(url)
        if url.endswith("/") and path.name:
            at = at.with_key(f"{at.key.rstrip('/')}/{path.name}" if at.key else path.name)
        made = self._send(_file(path), place_of(at.url), overwrite)
        current.reads(path, bytes=made.size)
        return made


class WriteTask(_ToObject):
    """Write bytes or text to an object, which is the old one or the new one as a whole."""

    def run(self, data: bytes | str, url: str, *, overwrite: Overwrite | ObjectInfo = "always") -> ObjectInfo:
        """Write them.

        Args:
            data: Bytes, or text, which is written as UTF-8.
            url: The object.
            overwrite: What may become of an object that is there: `"always"`, `"never"`, `"if-unchanged"`,
                `"if-different"`, or the ObjectInfo of the version that may be replaced.

        Returns:
            The new object, with its checksum.

        Raises:
            ConditionFailedError: `overwrite` does not allow it.
            StorageError: It could not be written.
        """
        if not isinstance(cast("object", data), (bytes, str)):
            raise ConfigurationError(f"cannot write a {type(data).__name__} to {url!r}: give bytes, or text")
        content = data.encode() if isinstance(data, str) else data
        return self._send(BytesSource(content), place_of(url), overwrite)


def _file(path: Path) -> FileSource:
    """Open a file to be read; a pipe would be waited for, and a folder cannot be read."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SourceError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    if not stat.S_ISREG(mode):
        what = "a folder; Sync copies one" if stat.S_ISDIR(mode) else "no plain file"
        raise SourceError(f"cannot read {str(path)!r}: it is {what}")
    return FileSource(path)
