"""Uploads in parts: side by side, on record while they are open, and gone on with after a kill."""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from longshore import LongshoreError, current
from longshore_storage import checksums
from longshore_storage.errors import ChecksumError, StorageError, UploadNotFoundError
from longshore_storage.transfers import ledger
from longshore_storage.transfers.meters import Meter
from longshore_storage.transfers.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Generator

    from longshore_storage.objects import ObjectInfo
    from longshore_storage.protocol import Part, Upload
    from longshore_storage.sources import Source
    from longshore_storage.transfers.settings import Settings
    from longshore_storage.transfers.writes import Write


class Multipart:
    """One multipart upload.

    Args:
        source: Where the bytes come from.
        write: Where they go.
        settings: How.
        stop: Set to end it.
        expected: The source's checksum, if it is known.
    """

    def __init__(
        self, source: Source, write: Write, settings: Settings, stop: threading.Event, expected: str
    ) -> None:
        self._source, self._write, self._settings, self._stop = source, write, settings, stop
        self._store, self._patience = write.store, write.patience
        self._part_size = settings.part_size_for(source.size, self._store.limits)
        self._count = -(-source.size // self._part_size)
        algorithm = expected.partition(":")[0]
        self._other = algorithm if algorithm and checksums.available(algorithm) else ""
        self._expected = expected
        self._sent: dict[int, Part] = {}
        self._sums: dict[int, tuple[int, int]] = {}
        self._buffers = threading.local()
        self._meter = Meter(source.size)

    def send(self) -> ObjectInfo:
        """Send what the service does not have yet, and make it the object."""
        with self._open() as (upload, there):
            missing = self._believe(there)
            concurrency = 1 if self._store.limits.in_order else self._settings.concurrency
            Workers(concurrency, self._stop).run(
                missing, lambda number: self._send(upload, number), self._count
            )
            self._check_source()
            checksum = self._whole(0, self._store.algorithm)
            parts = [self._sent[number] for number in sorted(self._sent)]
            info = self._write.finish(upload, parts, checksum, self._source)
        return replace(info, checksum=info.checksum or checksum)

    @contextmanager
    def _open(self) -> Generator[tuple[Upload, dict[int, Part]]]:
        """Have the upload on record while it is open; abort it on an error, but not when the process dies."""
        ledger.tidy()
        with ledger.entry(self._write.at.url) as entry:
            left = self._resumable(entry)
            upload, there = left or (self._begin(entry), {})
            try:
                yield upload, there
            except BaseException:
                self._abort(upload, entry)
                raise
            if entry is not None:
                entry.remove()

    def _resumable(self, entry: ledger.Entry | None) -> tuple[Upload, dict[int, Part]] | None:
        """Return what an earlier process left of this upload, if it is still there and still fits."""
        left = entry.left if entry is not None else None
        if entry is None or left is None:
            return None
        fits = left.identity and left.identity == self._source.identity
        if fits and self._settings.resume and left.upload.part_size == self._part_size:
            try:
                parts = self._patience.call(lambda: list(self._store.parts(left.upload)))
            except UploadNotFoundError:
                return None
            return left.upload, {part.number: part for part in parts}
        entry.give_up()
        return None

    def _begin(self, entry: ledger.Entry | None) -> Upload:
        upload = self._patience.call(
            lambda: self._store.begin(
                self._write.at,
                part_size=self._part_size,
                size=self._source.size,
                options=self._write.options,
                condition=self._write.condition,
            )
        )
        if entry is not None and self._store.connection is not None:
            try:
                entry.write(ledger.record(upload, self._source.identity, self._store.connection))
            except (LongshoreError, OSError) as error:
                current.log.warning("an upload to %r is not on record: %s", upload.url, error)
        return upload

    def _abort(self, upload: Upload, entry: ledger.Entry | None) -> None:
        try:
            self._store.abort(upload)
        except StorageError as error:  # it stays on record, and the next upload here tries again
            current.log.warning("an unfinished upload to %r stays open: %s", upload.url, error)
        else:
            if entry is not None:
                entry.remove()

    def _believe(self, there: dict[int, Part]) -> list[int]:
        """Take what the service has for sent where it is what we would send; return what is missing."""
        missing: list[int] = []
        for number in range(1, self._count + 1):
            part = there.get(number)
            if part is None or (missing and self._store.limits.in_order) or not self._is_ours(part):
                missing.append(number)
            else:
                self._sent[number] = part
                self._meter.add(part.size)
        return missing

    def _is_ours(self, part: Part) -> bool:
        data = self._read(part.number)
        if part.size != len(data):
            return False
        if part.checksum.partition(":")[0] == self._store.algorithm:
            return part.checksum == checksums.encode(self._store.algorithm, self._sums[part.number][0])
        if self._store.limits.in_order:  # the service compares the whole
            return True
        return hashlib.md5(data, usedforsecurity=False).hexdigest() == part.etag

    def _check_source(self) -> None:
        self._source.check()
        if self._other and self._whole(1, self._other) != self._expected:
            raise ChecksumError(
                f"cannot rely on what was read from {self._source.name!r}: "
                f"its checksum is not {self._expected}; nothing was written"
            )

    def _send(self, upload: Upload, number: int) -> None:
        data = self._read(number)
        last = number == self._count
        if last and self._store.limits.in_order:
            self._check_source()  # such a service makes the object with the last part
        checksum = checksums.encode(self._store.algorithm, self._sums[number][0])
        self._sent[number] = self._patience.call(
            lambda: self._store.put_part(upload, number, data, checksum=checksum, last=last)
        )
        self._meter.add(len(data))

    def _read(self, number: int) -> memoryview:
        """Read a part into this thread's buffer, and note its checksums."""
        offset = (number - 1) * self._part_size
        data = self._buffer()[: self._source.size - offset]
        self._source.read_at(offset, data)
        mine = checksums.update(self._store.algorithm, data)
        other = mine if self._other == self._store.algorithm else 0
        if self._other not in ("", self._store.algorithm):
            other = checksums.update(self._other, data)
        self._sums[number] = mine, other
        return data

    def _buffer(self) -> memoryview:
        try:
            buffer: memoryview = self._buffers.all
        except AttributeError:
            buffer = self._buffers.all = memoryview(bytearray(min(self._part_size, self._source.size)))
        return buffer

    def _whole(self, which: int, algorithm: str) -> str:
        def size_of(number: int) -> int:
            return min(self._part_size, self._source.size - (number - 1) * self._part_size)

        value = reduce(
            lambda whole, number: checksums.combine(
                algorithm, whole, self._sums[number][which], size_of(number)
            ),
            range(1, self._count + 1),
            0,
        )
        return checksums.encode(algorithm, value)
