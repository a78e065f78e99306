"""`Results`: where a store keeps what steps returned, short ones as text and large ones in files."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from longshore.errors import ConfigurationError
from longshore.held import Held
from longshore.redaction import has_secrets, redact
from longshore.stores import afar
from longshore.stores.decoding import from_text
from longshore.stores.encoding import Blobs, to_text
from longshore.stores.errors import ResultError, StoreError
from longshore.stores.folders import Folder
from longshore.stores.guards import Guard
from longshore.stores.objectfolders import ObjectFolder
from longshore.stores.records import StoredResult
from longshore.stores.serializers import Serializer, decode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from io import BufferedIOBase

INLINE: Final = 16 * 1024
_IN_TEXT: Final = 64 * 1024
"""Bytes up to which binary data stays in the text, in base64; larger ones stand behind it as they are."""
_CHUNK: Final = 1 << 20
_UNSAFE: Final = "it holds a secret"
_LONGEST_REASON: Final = 1000
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")


class Results:
    """Keep the results of runs.

    Args:
        folder: Where large results go: a folder, made when it is first needed, or a URL such as
            `s3://lake/results`, of a scheme that a plugin offers. Then the store refers to each by its whole
            URL, so that a run can be resumed on another machine.
        serializers: What may write results for which JSON has no form, in order of preference; reading one
            takes the serializer that wrote it.
        inline: Bytes of JSON text up to which a result stays in the store itself.
        durability: `process`, or `power` to flush files before they are referred to.
        connection: How to reach the URL, such as `S3Connection(profile="lake")`; by default what its plugin
            makes, which finds credentials as its SDK does.

    Raises:
        ConfigurationError: Two serializers have one name, or one has a name that cannot be a file's ending; a
            connection was given and no URL.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        serializers: Sequence[Serializer] = (),
        inline: int = INLINE,
        durability: str = "process",
        connection: Any = None,
    ) -> None:
        self._connection = connection
        self._folder = self._folder_for(folder, flush=durability == "power")
        self._serializers: dict[str, Serializer] = {}
        self._inline = inline
        for serializer in serializers:
            name = serializer.name
            if not _NAME.fullmatch(name) or name == "json" or name in self._serializers:
                raise ConfigurationError(
                    f"cannot use a serializer of name {name!r}: give each a lower-case word of its own; "
                    "'json' is taken"
                )
            self._serializers[name] = serializer

    def _folder_for(self, folder: Path | str, *, flush: bool) -> Folder | ObjectFolder:
        scheme, found, rest = str(folder).partition("://")
        if found and not isinstance(folder, Path) and scheme != "file":
            return ObjectFolder(str(folder), self._connection)
        if self._connection is not None:
            raise ConfigurationError(f"Results({str(folder)!r}) got a connection; give it a URL, 's3://...'")
        return Folder(Path(rest if scheme == "file" else folder), flush=flush)

    @property
    def shared(self) -> bool:
        """Whether other run stores may keep results in the same place."""
        return self._folder.shared

    def check(self) -> None:
        """Raise a LongshoreError if it is known already that results cannot be kept there."""
        self._folder.check()

    def put(self, run_id: str, label: str, value: Any) -> StoredResult:
        """Store a result.

        Args:
            run_id: The run it is of.
            label: What it is of in the run, for people who look at the files.
            value: The result.

        Returns:
            How to get it again. When it could not be stored, because nothing can write it or it holds a
            secret, `serializer` is empty and `place` says why.

        Raises:
            StoreError: The system did not let the file be written.
        """
        if isinstance(value, Held):
            return self._put_held(run_id, label, value)
        guard = Guard() if has_secrets() else None
        blobs = Blobs(_IN_TEXT, guard.look if guard else None)
        try:
            text = to_text(value, "result", blobs)
        except ResultError as error:
            return self._put_otherwise(run_id, label, value, str(error))
        except Exception as error:  # noqa: BLE001 - what a foreign object makes of being looked at
            return self._put_otherwise(run_id, label, value, f"{type(error).__name__}: {error}")
        if guard and guard.found_in(text):
            return StoredResult(serializer="", place=_UNSAFE)
        if not blobs.held and len(text) <= self._inline:
            return StoredResult(text=text, size=len(text))
        return self._put_file(run_id, label, "json", _file_of(text, blobs.held))

    def _put_held(self, run_id: str, label: str, held: Held) -> StoredResult:
        """Store a result that is elsewhere, without having all of it here."""
        try:
            why_not, pieces = afar.fetch(held, _IN_TEXT)
            if why_not:
                return self._put_otherwise(run_id, label, held.get(), why_not)
            return self._put_file(run_id, label, "json", pieces)
        except afar.SecretFoundError:
            return StoredResult(serializer="", place=_UNSAFE)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - its worker died, the cluster is gone
            return StoredResult(serializer="", place=redact(f"{error}")[:_LONGEST_REASON])

    def _put_otherwise(self, run_id: str, label: str, value: Any, why: str) -> StoredResult:
        for name, serializer in self._serializers.items():
            try:
                data = serializer.dumps(value)
            except Exception as error:  # noqa: BLE001 - what a serializer makes of foreign objects; said below
                why = f"{why}; nor with {name}: {type(error).__name__}: {error}"
                continue
            if has_secrets() and Guard().found_in(data):
                return StoredResult(serializer="", place=_UNSAFE)
            return self._put_file(run_id, label, name, _slices(data))
        return StoredResult(serializer="", place=redact(why)[:_LONGEST_REASON])

    def _put_file(
        self, run_id: str, label: str, ending: str, chunks: Iterator[bytes | memoryview]
    ) -> StoredResult:
        def name_of(digest: str) -> str:
            unique = hashlib.sha256(f"{label}\0{digest}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
            return f"{_cleaned(redact(label))}-{unique}.{ending}"

        place, size, digest = self._folder.put(_group(run_id), name_of, chunks)
        return StoredResult(serializer=ending, place=place, size=size, digest=digest)

    def get(self, stored: StoredResult) -> Any:
        """Return a result.

        Raises:
            ResultError: It was not stored, its file is gone or not what was written, a class that it needs is
                not imported, or the store has not the serializer that wrote it.
        """
        if not stored.serializer:
            raise ResultError(
                f"cannot read the result: it was not stored: {stored.place}; run the step again"
            )
        if not stored.place:
            return decode(stored.text)
        if stored.serializer != "json" and stored.serializer not in self._serializers:
            raise ResultError(_not_enabled(stored.serializer))
        with self._folder_of(stored.place).open(stored.place) as file:
            _check(file, stored)
            if stored.serializer == "json":
                return from_text(file.readline().decode("ascii"), "the result", file.read)
            return self._load(self._serializers[stored.serializer], file)

    def _folder_of(self, place: str) -> Folder | ObjectFolder:
        if "://" not in place:
            return self._folder
        if isinstance(self._folder, ObjectFolder):
            return self._folder.at(place)
        return ObjectFolder(place.rsplit("/", 2)[0])

    def _load(self, serializer: Serializer, file: BufferedIOBase) -> Any:
        try:
            return serializer.loads(file.read())
        except Exception as error:
            raise ResultError(
                f"cannot read the result: {serializer.name} raised {type(error).__name__}: {error}; "
                "use the versions that wrote it, or run the step again"
            ) from error

    def remove(self, run_id: str, elsewhere: Collection[str] = ()) -> tuple[int, int]:
        """Remove what is kept of a run; return how many files, and their bytes.

        Args:
            run_id: The run.
            elsewhere: Places of its results that are URLs: it may have been recorded with another folder.
        """
        group = _group(run_id)
        count, size = self._folder.remove_group(group)
        for place in elsewhere:
            folder = self._folder_of(place)
            if folder is not self._folder and isinstance(folder, ObjectFolder) and f"/{group}/" in place:
                count += folder.remove([place])
        return count, size

    def sweep(self, keep: Collection[str], older_than: float, runs: Collection[str] = ()) -> tuple[int, int]:
        """Remove files that no run refers to, and what writers left unfinished when they died.

        Args:
            keep: The places that runs refer to.
            older_than: Seconds; a younger file may be about to be referred to.
            runs: The runs that the store has. Below a URL only what is of these runs is looked at, because
                other run stores may keep theirs there too.

        Returns:
            How many files, and their bytes.
        """
        groups = {_group(run_id) for run_id in runs} if self.shared else set[str]()
        return self._folder.sweep(set(keep).__contains__, older_than, groups)


def _file_of(text: str, blobs: list[bytes | bytearray]) -> Iterator[bytes | memoryview]:
    """Yield the text as one line, and what stands behind it."""
    for start in range(0, len(text), _CHUNK):
        yield text[start : start + _CHUNK].encode("ascii")
    yield b"\n"
    for blob in blobs:
        yield from _slices(blob)


def _slices(data: bytes | bytearray) -> Iterator[memoryview]:
    whole = memoryview(data)
    for start in range(0, len(whole), _CHUNK):
        yield whole[start : start + _CHUNK]


def _check(file: BufferedIOBase, stored: StoredResult) -> None:
    """Compare a file with what was written, before anything reads it."""
    size = file.seek(0, os.SEEK_END)
    if size != stored.size:
        raise ResultError(
            f"cannot read the result {stored.place!r}: it has {size} bytes, {stored.size} were written; "
            "run the step again"
        )
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256")
    if digest.hexdigest() != stored.digest:
        raise ResultError(
            f"cannot read the result {stored.place!r}: it is not what was written; run the step again"
        )
    file.seek(0)


def _not_enabled(name: str) -> str:
    given = "PickleSerializer()" if name == "pickle" else f"the serializer of name {name!r}"
    care = ", if nobody else can write there: reading runs code" if name == "pickle" else ""
    return (
        f"cannot read the result: {name} wrote it, which this store was not given; "
        f"open the store with SQLiteStore(..., serializers=[{given}]){care}"
    )


def _cleaned(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "_", name.lower())[:60] or "_"


def _group(run_id: str) -> str:
    """Return the group of a run: its id where that is one on every file system, else made from it."""
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{7,63}", run_id):
        return run_id
    digest = hashlib.sha256(run_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{_cleaned(run_id)}-{digest}"
