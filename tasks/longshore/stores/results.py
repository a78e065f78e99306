"""`Results`: where a store keeps what steps returned, short ones as text and large ones in files."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from longshore.errors import ConfigurationError
from longshore.redaction import has_secrets, redact, redact_bytes
from longshore.stores.decoding import from_text
from longshore.stores.encoding import Blobs, to_text
from longshore.stores.errors import ResultError
from longshore.stores.folders import Folder
from longshore.stores.records import StoredResult
from longshore.stores.serializers import Serializer, decode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from io import BufferedReader

INLINE: Final = 16 * 1024
_IN_TEXT: Final = 64 * 1024
"""Bytes up to which binary data stays in the text, in base64; larger ones stand behind it as they are."""
_CHUNK: Final = 1 << 20
_OVERLAP: Final = 256
"""Bytes: no form of a secret that is searched is longer."""
_UNSAFE: Final = "it holds a secret"
_LONGEST_REASON: Final = 1000
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")


class Results:
    """Keep the results of runs.

    Args:
        folder: Where large results go; made when it is first needed.
        serializers: What may write results for which JSON has no form, in order of preference; reading one
            takes the serializer that wrote it.
        inline: Bytes of JSON text up to which a result stays in the store itself.
        durability: `process`, or `power` to flush files before they are referred to.

    Raises:
        ConfigurationError: Two serializers have one name, or one has a name that cannot be a file's ending.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        serializers: Sequence[Serializer] = (),
        inline: int = INLINE,
        durability: str = "process",
    ) -> None:
        self._folder = Folder(Path(folder), flush=durability == "power")
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
        guard = _Guard() if has_secrets() else None
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

    def _put_otherwise(self, run_id: str, label: str, value: Any, why: str) -> StoredResult:
        for name, serializer in self._serializers.items():
            try:
                data = serializer.dumps(value)
            except Exception as error:  # noqa: BLE001 - what a serializer makes of foreign objects; said below
                why = f"{why}; nor with {name}: {type(error).__name__}: {error}"
                continue
            if has_secrets() and _Guard().found_in(data):
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
        with self._folder.open(stored.place) as file:
            _check(file, stored)
            if stored.serializer == "json":
                return from_text(file.readline().decode("ascii"), "the result", file.read)
            return self._load(self._serializers[stored.serializer], file)

    def _load(self, serializer: Serializer, file: BufferedReader) -> Any:
        try:
            return serializer.loads(file.read())
        except Exception as error:
            raise ResultError(
                f"cannot read the result: {serializer.name} raised {type(error).__name__}: {error}; "
                "use the versions that wrote it, or run the step again"
            ) from error

    def remove(self, run_id: str) -> tuple[int, int]:
        """Remove the files of a run; return how many, and their bytes."""
        sizes = [self._folder.remove(place) for place, _ in self._folder.places(_group(run_id))]
        self._folder.drop_empty()
        return len(sizes), sum(sizes)

    def sweep(self, keep: Collection[str], older_than: float) -> tuple[int, int]:
        """Remove files that no run refers to, and what writers left unfinished when they died.

        Args:
            keep: The places that runs refer to.
            older_than: Seconds; a younger file may be about to be referred to.

        Returns:
            How many files, and their bytes.
        """
        return self._folder.sweep(set(keep).__contains__, older_than)


class _Guard:
    """Looks for secrets, also in bytes before they become base64, which would hide them."""

    def __init__(self) -> None:
        self._found = False

    def look(self, data: str | bytes | bytearray) -> None:
        """Look into a part of what will be written."""
        for start in range(0, len(data), _CHUNK):
            part = data[max(start - _OVERLAP, 0) : start + _CHUNK]
            held = part.encode("ascii") if isinstance(part, str) else bytes(part)
            self._found = self._found or redact_bytes(held) != held

    def found_in(self, data: str | bytes) -> bool:
        """Whether there was one in this, or in anything before."""
        self.look(data)
        return self._found


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


def _check(file: BufferedReader, stored: StoredResult) -> None:
    """Compare a file with what was written, before anything reads it."""
    size = os.fstat(file.fileno()).st_size
    if size != stored.size:
        raise ResultError(
            f"cannot read the result {stored.place!r}: it has {size} bytes, {stored.size} were written; "
            "run the step again"
        )
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
    """Return the folder of a run: its id where that is one on every file system, else made from it."""
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{7,63}", run_id):
        return run_id
    digest = hashlib.sha256(run_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{_cleaned(run_id)}-{digest}"
